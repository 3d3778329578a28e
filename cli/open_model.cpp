#include "cli/open_model.hpp"

#include <fmt/format.h>

#include <array>

namespace lanewise::cli {

ConvertOptions convert_options(const Shell& shell) {
  ConvertOptions options;
  options.threads = shell.common.threads;
  options.report = [&shell](std::string_view line) { shell.note(line); };
  options.warn = print_warning;
  return options;
}

void add_as(CLI::App& command, std::string& as) {
  command.add_option("--as", as, "encoder: the encoder of a checkpoint alone, without its head")
      ->type_name("PART")
      ->check(CLI::IsMember({"encoder"}).description(""));
}

Result<Model> open_model(const std::string& path, const Shell& shell, const std::string& as) {
  ConvertOptions options = convert_options(shell);
  options.as = as;
  return load(path, options);
}

std::string rounded(double number) {
  constexpr std::array kUnits = {"", " k", " M", " G", " T"};
  size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000.0;
    ++unit;
  }
  return fmt::format("{:.{}f}{}", number, unit > 0 && number < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string rounded_bytes(int64_t bytes) {
  std::string text = rounded(static_cast<double>(bytes));
  if (text.find(' ') == std::string::npos) text += ' ';
  return text + "B";
}

}  // namespace lanewise::cli

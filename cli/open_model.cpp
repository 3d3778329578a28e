#include "cli/open_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/model_data.hpp"

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

bool is_model_file(const std::string& path) {
  const Result<file::MappedFile> file = file::MappedFile::open(path);
  if (!file.ok()) return false;
  const auto view = file::SafetensorsView::parse(file->bytes(), path);
  return view.ok() && view->metadata().contains(internal::kFormatKey);
}

namespace {

bool is_tokenizer(const file::TensorEntry& entry) {
  return entry.name == internal::kTokenizerTensor || entry.name == internal::kTargetTokenizerTensor;
}

/// Scales and sums that belong to integers are no parameters of their own.
bool belongs_to_integers(const file::TensorEntry& entry) {
  constexpr std::array kRoles = {".weight_scale", ".weight_sum", ".weight_minimum", ".input_scale",
                                 ".table_scale"};
  return std::any_of(kRoles.begin(), kRoles.end(),
                     [&](const char* role) { return entry.name.ends_with(role); });
}

}  // namespace

std::string weights_type(const Model& model) {
  // The largest tensors of an integer model may be its tables: the file says what it is.
  const auto recorded = nlohmann::json::parse(model.data().quantization(), nullptr, false);
  if (recorded.is_object() && recorded.contains("weights")) {
    for (const char* integers : {"int8", "int4"}) {
      if (recorded["weights"] == integers) return integers;
    }
  }
  std::map<DataType, size_t> bytes;
  for (const file::TensorEntry& entry : model.data().file().tensors()) {
    if (!is_tokenizer(entry)) bytes[entry.type] += entry.end - entry.begin;
  }
  DataType type = DataType::kF32;
  for (const auto& [candidate, size] : bytes) {
    if (size > bytes[type]) type = candidate;
  }
  std::string name(name_of(type));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

int64_t parameter_count(const Model& model) {
  int64_t count = 0;
  for (const file::TensorEntry& entry : model.data().file().tensors()) {
    if (is_tokenizer(entry) || belongs_to_integers(entry)) continue;
    // Bytes that are no text are pairs of 4-bit numbers.
    count += element_count(entry.shape).value() * (entry.type == DataType::kU8 ? 2 : 1);
  }
  return count;
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

#include "cli/open_model.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

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

/// The tensors that weights need beside their panels or rows, scales and sums: no parameters of
/// their own.
std::set<std::string, std::less<>> companions(const Model& model) {
  const internal::WeightFormats& formats = model.data().formats();
  std::set<std::string, std::less<>> names;
  for (const graph::Node& node : model.data().graph().nodes) {
    for (const auto& [role, tensors] : node.weights) {
      const auto format = formats.find(tensors.front());
      if (format == formats.end()) continue;
      for (const auto& [other, companion] : node.weights) {
        if (ops::is_companion(format->second, role, other)) names.insert(companion.front());
      }
    }
  }
  return names;
}

int64_t parameters_of(const Model& model, const file::TensorEntry& entry) {
  const auto format = model.data().formats().find(entry.name);
  if (format == model.data().formats().end() || !ops::has_panels(format->second)) {
    return element_count(entry.shape).value();
  }
  return ops::weights_in(format->second, static_cast<int64_t>(entry.end - entry.begin));
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
  std::map<std::string_view, size_t> bytes;
  for (const auto& [name, format] : model.data().formats()) {
    const file::TensorEntry* entry = model.data().file().find(name);
    if (entry != nullptr) bytes[ops::info_of(format).choice] += entry->end - entry->begin;
  }
  std::string_view type = "f32";
  for (const auto& [candidate, size] : bytes) {
    if (size > bytes[type]) type = candidate;
  }
  return std::string(type);
}

int64_t parameter_count(const Model& model) {
  const std::set<std::string, std::less<>> others = companions(model);
  int64_t count = 0;
  for (const file::TensorEntry& entry : model.data().file().tensors()) {
    if (!is_tokenizer(entry) && !others.contains(entry.name)) count += parameters_of(model, entry);
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

#include "converters/folder_hints.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/messages.hpp"
#include "converters/config.hpp"
#include "converters/files.hpp"
#include "converters/folder_files.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr const char* kAdapterConfig = "adapter_config.json";

/// Files of other programs, by suffix.
struct OtherWeights {
  std::string_view suffix;
  std::string_view program;
};
constexpr OtherWeights kOtherWeights[] = {{".onnx", "ONNX"},
                                          {".h5", "TensorFlow"},
                                          {".ckpt.index", "TensorFlow"},
                                          {"saved_model.pb", "TensorFlow"},
                                          {".ckpt.meta", "TensorFlow"},
                                          {".msgpack", "Flax"},
                                          {".ot", "Rust (tch)"},
                                          {".tflite", "TensorFlow Lite"},
                                          {"openvino_model.xml", "OpenVINO"},
                                          {".mlmodel", "Core ML"},
                                          {".pdparams", "PaddlePaddle"}};

/// Folders of a checkpoint where hubs keep files of other programs.
constexpr std::string_view kOtherFolders[] = {"", "onnx", "openvino"};

std::string link_text(const std::string& name, const std::string& target) {
  return in_quotes(name) + " is a link to " + in_quotes(target) + ", which does not exist";
}

/// `models--OWNER--NAME` in a hub's cache; the files are in the snapshot that `refs/main` names.
std::string snapshot_hint(const std::string& folder) {
  const std::string snapshots = join(folder, "snapshots");
  if (!is_folder(snapshots)) return "";
  const std::vector<std::string> names = list_entries(snapshots);
  if (names.empty()) return "; it is the root of a cache without snapshots";
  std::string chosen = names.back();
  for (const std::string& name : names) {
    if (is_file(join(snapshots, name + "/config.json"))) chosen = name;
  }
  const std::string reference = join(folder, "refs/main");
  if (is_file(reference)) {
    const Result<std::string> text = read_text(reference);
    const std::string name = text.ok() ? text->substr(0, text->find_last_not_of(" \n") + 1) : "";
    if (std::find(names.begin(), names.end(), name) != names.end()) chosen = name;
  }
  return "; it is the root of a cache, did you mean " + in_quotes(join(snapshots, chosen)) + "?";
}

/// The same for the folder that contains all of them.
std::string cache_hint(const std::string& folder) {
  for (const std::string& name : list_entries(folder)) {
    if (!name.starts_with("models--")) continue;
    std::string hint = snapshot_hint(join(folder, name));
    if (!hint.empty()) return hint;
  }
  return snapshot_hint(folder);
}

std::string adapter_hint(const std::string& folder) {
  if (!holds_adapter(folder)) return "";
  std::string base;
  const std::string path = join(folder, kAdapterConfig);
  if (is_file(path)) {
    const Result<std::string> text = read_text(path);
    const Result<Config> config = text.ok() ? Config::parse(*text, path) : text.status();
    const Result<std::string> name =
        config.ok() ? config->text("base_model_name_or_path", "") : config.status();
    if (name.ok() && !name->empty()) base = " " + in_quotes(*name);
  }
  return "; it is an adapter (PEFT) without its base model" + base +
         ": merge them with merge_and_unload() and save the result";
}

std::string other_weights_hint(const std::string& folder) {
  for (const std::string_view subfolder : kOtherFolders) {
    const std::string place = subfolder.empty() ? folder : join(folder, std::string(subfolder));
    for (const std::string& name : list_entries(place)) {
      std::string hint = file_hint(join(std::string(subfolder), name));
      if (!hint.empty()) return hint;
    }
  }
  return "";
}

std::string broken_links_hint(const std::string& folder) {
  for (const std::string& name : list_entries(folder)) {
    const std::string target = broken_link(join(folder, name));
    if (!target.empty()) return "; " + link_text(name, target);
  }
  return "";
}

/// `checkpoint-500` in a trainer's folder, a snapshot in `snapshots`, or a model in a folder of
/// models.
std::string subfolder_hint(const std::string& folder) {
  constexpr size_t kMostNamed = 3;
  if (is_file(join(folder, "config.json"))) return "";
  std::string list;
  size_t named = 0;
  for (const std::string& name : list_entries(folder)) {
    if (!is_file(join(join(folder, name), "config.json"))) continue;
    if (named++ == kMostNamed) return list + ", ...?";
    list.append(list.empty() ? "; did you mean " : " or ").append(in_quotes(join(folder, name)));
  }
  return list.empty() ? "" : list + "?";
}

}  // namespace

std::string file_hint(const std::string& name) {
  for (const OtherWeights& other : kOtherWeights) {
    if (!name.ends_with(other.suffix)) continue;
    return "; " + in_quotes(name) + " holds weights for " + std::string(other.program) +
           ", which are not supported: save the model with PyTorch";
  }
  return "";
}

bool holds_adapter(const std::string& folder) {
  return is_file(join(folder, kAdapterConfig)) ||
         is_file(join(folder, "adapter_model.safetensors")) ||
         is_file(join(folder, "adapter_model.bin"));
}

std::string folder_hint(const std::string& folder) {
  constexpr std::string (*kHints[])(const std::string&) = {
      cache_hint, adapter_hint, broken_links_hint, other_weights_hint, subfolder_hint};
  for (const auto hint : kHints) {
    std::string text = hint(folder);
    if (!text.empty()) return text;
  }
  return "";
}

Status check_links(const std::string& folder) {
  for (const std::string& name : files_beside_weights()) {
    const std::string target = broken_link(join(folder, name));
    if (target.empty()) continue;
    return not_found(in_quotes(folder) + ": " + link_text(name, target));
  }
  return {};
}

}  // namespace lanewise::converters

#include "converters/source.hpp"

#include <cerrno>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/files.hpp"
#include "converters/folder_hints.hpp"
#include "converters/formats/gguf.hpp"
#include "converters/gguf/model.hpp"
#include "converters/plain_checkpoint.hpp"
#include "lanewise/inspect.hpp"

namespace lanewise::converters {
namespace {

Result<Config> open_config(SourceFolder& folder, const std::string& subfolder,
                           const std::string& config_path) {
  if (!config_path.empty()) return folder.config_at(config_path);
  const std::string name = join(subfolder, "config.json");
  if (!folder.has(name)) {
    return not_found(base::in_quotes(folder.root()) +
                     " has no config.json, which identifies the model" +
                     folder_hint(folder.path(subfolder)));
  }
  return folder.config(name);
}

Result<std::unique_ptr<Checkpoint>> open_weights_file(const std::string& path) {
  Result<std::unique_ptr<Checkpoint>> opened = open_checkpoint_file(path);
  if (opened.ok() || opened.status().code() != StatusCode::kDataLoss) return opened;
  return data_loss(opened.status().message() + file_hint(file_name(path)));
}

/// The checkpoint, if it is a GGUF that describes itself and no config replaces the description.
std::unique_ptr<GgufCheckpoint> take_gguf(std::unique_ptr<Checkpoint>& checkpoint,
                                          const std::string& config_path) {
  auto* gguf = dynamic_cast<GgufCheckpoint*>(checkpoint.get());
  if (gguf == nullptr || !config_path.empty() || !names_architecture(*gguf)) return nullptr;
  static_cast<void>(checkpoint.release());
  return std::unique_ptr<GgufCheckpoint>(gguf);
}

/// A GGUF as the folder that it was made from. Nothing beside it counts.
Result<Source> open_gguf(std::unique_ptr<GgufCheckpoint> checkpoint) {
  std::string path = checkpoint->files().front();
  LW_ASSIGN_OR_RETURN(GgufModel model, read_gguf_model(std::move(checkpoint)));
  SourceFolder folder = SourceFolder::of_made_files(path, model.files);
  LW_ASSIGN_OR_RETURN(const std::string json, folder.text(folder.path("config.json")));
  LW_ASSIGN_OR_RETURN(Config config, Config::parse(json, path));
  LW_ASSIGN_OR_RETURN(const Family* family, find_family(config));
  for (const std::string& used : model.checkpoint->files()) folder.used(used);
  return Source{.folder = std::move(folder),
                .subfolder = "",
                .config = std::move(config),
                .config_folder = std::move(path),
                .family = family,
                .checkpoint = std::move(model.checkpoint),
                .architecture = std::move(model.architecture),
                .tokenizer_name = std::move(model.tokenizer_name),
                .warnings = std::move(model.warnings)};
}

/// The GGUF in a folder whose weights are in no other format; null if there is none.
Result<std::unique_ptr<GgufCheckpoint>> find_gguf(const std::string& folder,
                                                  const std::string& config_path) {
  for (const Format& format : formats()) {
    if (format.name == gguf_format().name) continue;
    const Result<std::string> other = format.find(folder);
    if (other.status().code() == StatusCode::kResourceExhausted) return other.status();
    if (!other.ok() || !other->empty()) return std::unique_ptr<GgufCheckpoint>();
  }
  LW_ASSIGN_OR_RETURN(const std::string path, gguf_format().find(folder));
  if (path.empty()) return std::unique_ptr<GgufCheckpoint>();
  LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint, open_weights_file(path));
  return take_gguf(checkpoint, config_path);
}

Result<std::unique_ptr<Checkpoint>> open_weights(const std::string& folder) {
  Result<std::unique_ptr<Checkpoint>> opened = open_checkpoint_folder(folder);
  if (opened.ok() || opened.status().code() != StatusCode::kNotFound) return opened;
  return not_found(opened.status().message() + folder_hint(folder));
}

}  // namespace

Result<Source> open_source(const std::string& path, const std::string& config_path) {
  const bool whole_folder = is_folder(path);
  SourceFolder folder(whole_folder ? path : parent_folder(path));
  std::string subfolder;
  std::unique_ptr<Checkpoint> checkpoint;
  if (whole_folder) {
    LW_RETURN_IF_ERROR(check_links(path));
    LW_ASSIGN_OR_RETURN(subfolder, transformer_subfolder(folder));
    LW_RETURN_IF_ERROR(check_links(folder.path(subfolder)));
    LW_ASSIGN_OR_RETURN(auto gguf, find_gguf(folder.path(subfolder), config_path));
    if (gguf != nullptr) return open_gguf(std::move(gguf));
  } else {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      return invalid_argument(base::in_quotes(path) + " is already a converted model");
    }
    LW_ASSIGN_OR_RETURN(checkpoint, open_weights_file(path));
    auto gguf = take_gguf(checkpoint, config_path);
    if (gguf != nullptr) return open_gguf(std::move(gguf));
  }
  LW_ASSIGN_OR_RETURN(Config config, open_config(folder, subfolder, config_path));
  LW_ASSIGN_OR_RETURN(const Family* family, find_family(config));
  if (whole_folder) {
    LW_ASSIGN_OR_RETURN(checkpoint, open_weights(folder.path(subfolder)));
  }
  for (const std::string& used : checkpoint->files()) folder.used(used);
  LW_ASSIGN_OR_RETURN(PlainCheckpoint plain, make_plain(std::move(checkpoint)));
  std::vector<std::string> warnings = std::move(plain.warnings);
  if (whole_folder && holds_adapter(folder.path(subfolder))) {
    warnings.push_back(base::in_quotes(folder.path(subfolder)) +
                       " also holds an adapter (PEFT), which is not applied: the base model is "
                       "computed");
  }
  std::string config_folder =
      config_path.empty() ? folder.path(subfolder) : parent_folder(config_path);
  return Source{.folder = std::move(folder),
                .subfolder = std::move(subfolder),
                .config = std::move(config),
                .config_folder = std::move(config_folder),
                .family = family,
                .checkpoint = std::move(plain.checkpoint),
                .warnings = std::move(warnings)};
}

}  // namespace lanewise::converters

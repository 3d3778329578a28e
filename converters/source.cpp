#include "converters/source.hpp"

#include <cerrno>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/files.hpp"
#include "converters/folder_hints.hpp"
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
  } else {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      return invalid_argument(base::in_quotes(path) + " is already a converted model");
    }
    LW_ASSIGN_OR_RETURN(checkpoint, open_weights_file(path));
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

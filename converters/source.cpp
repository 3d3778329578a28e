#include "converters/source.hpp"

#include <cerrno>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/adapters/lora.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/files.hpp"
#include "converters/folder_hints.hpp"
#include "converters/formats/gguf.hpp"
#include "converters/gguf/model.hpp"
#include "converters/plain_checkpoint.hpp"
#include "converters/unpack/unpack.hpp"
#include "lanewise/inspect.hpp"

namespace lanewise::converters {
namespace {

Result<Config> open_config(SourceFolder& folder, const std::string& subfolder,
                           const std::string& config_path) {
  if (!config_path.empty()) return folder.config_at(config_path);
  LW_ASSIGN_OR_RETURN(const bool is_static, is_static_folder(folder));
  if (is_static) {
    return Config::parse(R"({"model_type": "static_embedding"})", folder.path(kModulesFile));
  }
  const std::string name = join(subfolder, "config.json");
  if (!folder.has(name)) {
    return not_found(base::in_quotes(folder.root()) +
                     " has no config.json, which identifies the model" +
                     folder_hint(folder.path(subfolder)));
  }
  return folder.config(name);
}

Result<std::unique_ptr<Checkpoint>> open_weights_file(const std::string& path,
                                                      const ReadOptions& read) {
  Result<std::unique_ptr<Checkpoint>> opened = open_checkpoint_file(path, read);
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
Result<Source> open_gguf(std::unique_ptr<GgufCheckpoint> checkpoint, const ReadOptions& read) {
  std::string path = checkpoint->files().front();
  if (read.ema) {
    return invalid_argument(base::in_quotes(path) + " holds no averaged copy (EMA) of the weights");
  }
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
                .keeps_weights = true,
                .architecture = std::move(model.architecture),
                .tokenizer_name = std::move(model.tokenizer_name),
                .warnings = std::move(model.warnings)};
}

/// The GGUF in a folder whose weights are in no other format; null if there is none.
Result<std::unique_ptr<GgufCheckpoint>> find_gguf(const std::string& folder,
                                                  const SourceOptions& options) {
  for (const Format& format : formats()) {
    if (format.name == gguf_format().name) continue;
    const Result<std::string> other = format.find(folder);
    if (other.status().code() == StatusCode::kResourceExhausted) return other.status();
    if (!other.ok() || !other->empty()) return std::unique_ptr<GgufCheckpoint>();
  }
  LW_ASSIGN_OR_RETURN(const std::string path, gguf_format().find(folder));
  if (path.empty()) return std::unique_ptr<GgufCheckpoint>();
  LW_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint,
                      open_weights_file(path, options.read));
  return take_gguf(checkpoint, options.config);
}

Result<std::unique_ptr<Checkpoint>> open_weights(const std::string& folder,
                                                 const ReadOptions& read) {
  Result<std::unique_ptr<Checkpoint>> opened = open_checkpoint_folder(folder, read);
  if (opened.ok() || opened.status().code() != StatusCode::kNotFound) return opened;
  return not_found(opened.status().message() + folder_hint(folder));
}

}  // namespace

namespace {

/// A checkpoint of its own: not an adapter.
Result<Source> open_whole(const std::string& path, const SourceOptions& options) {
  const bool whole_folder = is_folder(path);
  SourceFolder folder(whole_folder ? path : parent_folder(path));
  std::string subfolder;
  std::unique_ptr<Checkpoint> checkpoint;
  if (whole_folder) {
    LW_RETURN_IF_ERROR(check_links(path));
    LW_ASSIGN_OR_RETURN(subfolder, transformer_subfolder(folder));
    LW_RETURN_IF_ERROR(check_links(folder.path(subfolder)));
    LW_ASSIGN_OR_RETURN(auto gguf, find_gguf(folder.path(subfolder), options));
    if (gguf != nullptr) return open_gguf(std::move(gguf), options.read);
  } else {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      return invalid_argument(base::in_quotes(path) + " is already a converted model");
    }
    LW_ASSIGN_OR_RETURN(checkpoint, open_weights_file(path, options.read));
    auto gguf = take_gguf(checkpoint, options.config);
    if (gguf != nullptr) return open_gguf(std::move(gguf), options.read);
  }
  LW_ASSIGN_OR_RETURN(Config config, open_config(folder, subfolder, options.config));
  LW_ASSIGN_OR_RETURN(const Family* family, find_family(config));
  if (whole_folder) {
    LW_ASSIGN_OR_RETURN(checkpoint, open_weights(folder.path(subfolder), options.read));
  }
  for (const std::string& used : checkpoint->files()) folder.used(used);
  LW_ASSIGN_OR_RETURN(PlainCheckpoint plain, make_plain(std::move(checkpoint), options.read.ema));
  LW_ASSIGN_OR_RETURN(UnpackedCheckpoint unpacked,
                      unpack_weights(std::move(plain.checkpoint), config));
  std::vector<std::string> warnings = std::move(plain.warnings);
  if (whole_folder && holds_adapter(folder.path(subfolder))) {
    warnings.push_back(base::in_quotes(folder.path(subfolder)) +
                       " also holds an adapter (PEFT), which is not applied: the base model is "
                       "computed");
  }
  std::string config_folder =
      options.config.empty() ? folder.path(subfolder) : parent_folder(options.config);
  return Source{.folder = std::move(folder),
                .subfolder = std::move(subfolder),
                .config = std::move(config),
                .config_folder = std::move(config_folder),
                .family = family,
                .checkpoint = std::move(unpacked.checkpoint),
                .keeps_weights = unpacked.is_small,
                .warnings = std::move(warnings)};
}

/// Whether a folder holds an adapter and no model of its own.
Result<bool> is_adapter_alone(const std::string& path) {
  if (!is_folder(path) || !is_adapter_folder(path)) return false;
  for (const Format& format : formats()) {
    const Result<std::string> found = format.find(path);
    if (found.status().code() == StatusCode::kResourceExhausted) return found.status();
    if (!found.ok() || !found->empty()) return false;
  }
  return true;
}

/// The folder of an adapter's base model: the one given, or the one that its config names, relative
/// to the adapter's folder.
Result<std::string> base_folder(const LoraAdapter& adapter, const std::string& given) {
  if (!given.empty()) {
    if (is_folder(given) || is_file(given)) return given;
    return not_found("the base model " + base::in_quotes(given) + " does not exist");
  }
  const std::string& name = adapter.config.base;
  const std::string path = join(adapter.folder, name);
  if (!name.empty() && is_folder(path)) return path;
  return not_found(base::in_quotes(adapter.folder) + " holds an adapter (PEFT) of " +
                   (name.empty() ? "a base model that it does not name" : base::in_quotes(name)) +
                   (name.empty() ? "" : ", which is not a folder") +
                   ": give its base by --base (ConvertOptions::base)");
}

/// The base model with the adapter's weights, and with the files of the adapter's folder, such as a
/// tokenizer, before those of the base.
Result<Source> open_adapted(const std::string& path, const SourceOptions& options) {
  LW_ASSIGN_OR_RETURN(LoraAdapter adapter, open_adapter(path, options.read.limits));
  LW_ASSIGN_OR_RETURN(const std::string base, base_folder(adapter, options.base));
  if (is_folder(base)) {
    LW_ASSIGN_OR_RETURN(const bool is_adapter, is_adapter_alone(base));
    if (is_adapter) {
      return unsupported("the base model " + base::in_quotes(base) +
                         " is an adapter (PEFT) itself, which is not supported");
    }
  }
  LW_ASSIGN_OR_RETURN(Source source, open_whole(base, options));
  source.folder.put_in_front(path);
  for (const std::string& file : adapter.files) source.folder.used(file);
  LW_ASSIGN_OR_RETURN(source.checkpoint,
                      merge_adapter(std::move(source.checkpoint), std::move(adapter)));
  return source;
}

}  // namespace

Result<Source> open_source(const std::string& path, const SourceOptions& options) {
  LW_ASSIGN_OR_RETURN(bool is_adapter, is_adapter_alone(path));
  if (!options.base.empty() && !is_adapter) {
    is_adapter = is_folder(path) && is_adapter_folder(path);
    if (!is_adapter) {
      return invalid_argument(base::in_quotes(path) +
                              " is no adapter (PEFT), for which a base model is given");
    }
  }
  return is_adapter ? open_adapted(path, options) : open_whole(path, options);
}

}  // namespace lanewise::converters

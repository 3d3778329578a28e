#include "converters/families/sentence_transformers.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/folder_files.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

// PyLate's modules extend those of sentence-transformers.
constexpr std::string_view kPackages[] = {"sentence_transformers.", "pylate.models."};

/// Users write `.`, `./a` and `a/`; an empty name means the folder itself.
Result<std::string> module_path(const Config& entry) {
  LW_ASSIGN_OR_RETURN(const std::string given, entry.text("path", ""));
  std::string_view path = given;
  while (path.starts_with("./")) path.remove_prefix(2);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path == ".") return std::string();
  if (!stays_inside(std::string(path))) return entry.wrong("path", "a folder in this folder");
  return std::string(path);
}

Result<SentenceModule> read_module(const Config& entry) {
  LW_ASSIGN_OR_RETURN(const std::string type, entry.text("type", ""));
  LW_ASSIGN_OR_RETURN(std::string path, module_path(entry));
  if (type.empty()) return entry.wrong("type", "the name of a module");
  const bool known = std::ranges::any_of(
      kPackages, [&](std::string_view package) { return type.starts_with(package); });
  if (!known) {
    return unsupported(entry.label() + ": module " + in_quotes(type) +
                       " is not supported; known are modules of sentence_transformers");
  }
  return SentenceModule{type.substr(type.rfind('.') + 1), std::move(path)};
}

/// kUnsupported for a field that is not empty, except for `harmless` members.
Status refuse_members(const Config& config, const std::string& field,
                      std::span<const std::string_view> harmless) {
  LW_ASSIGN_OR_RETURN(const Config object, config.object(field));
  for (const std::string& name : object.fields()) {
    if (std::ranges::find(harmless, name) != harmless.end()) continue;
    return unsupported(object.label() + ": " + in_quotes(name) + " is not supported");
  }
  return {};
}

/// What sentence_bert_config.json says about a task.
struct TaskNames {
  TransformerTask task;
  std::string_view name;    // transformer_task
  const char* its_output;   // of Transformers' class
  const char* output;       // of the module
  std::string_view writer;  // the class in sentence-transformers
};

constexpr TaskNames kTasks[] = {
    {TransformerTask::kFeatures, "feature-extraction", "last_hidden_state", "token_embeddings",
     "SentenceTransformer"},
    {TransformerTask::kTokenVectors, "feature-extraction", "last_hidden_state", "token_embeddings",
     "MultiVectorEncoder"},
    {TransformerTask::kMaskedTokens, "fill-mask", "logits", "token_embeddings", "SparseEncoder"},
    {TransformerTask::kScores, "sequence-classification", "logits", "scores", "CrossEncoder"}};

const TaskNames& names_of(TransformerTask task) {
  return *std::ranges::find(kTasks, task, &TaskNames::task);
}

// SparseEncoder's name for a Transformer before version 5.4.
constexpr std::string_view kMaskedTransformer = "MLMTransformer";

constexpr std::string_view kStatic = "StaticEmbedding";

bool is_transformer(const SentenceModule& module) {
  return module.type == "Transformer" || module.type == kMaskedTransformer;
}

/// Only what texts have is supported.
Status check_modalities(const Config& config, const TaskNames& task) {
  LW_ASSIGN_OR_RETURN(const Config modalities, config.object("modality_config"));
  for (const std::string& name : modalities.fields()) {
    if (name != "text") {
      return unsupported(modalities.label() + ": " + in_quotes(name) + " is not supported");
    }
    LW_ASSIGN_OR_RETURN(const Config text, modalities.object(name));
    for (const auto& [field, known] :
         {std::pair("method", "forward"), std::pair("method_output_name", task.its_output)}) {
      LW_ASSIGN_OR_RETURN(const std::string value, text.text(field, known));
      if (value == known) continue;
      return unsupported(text.label() + ": " + field + " " + in_quotes(value) +
                         " is not supported; known: " + known);
    }
  }
  LW_ASSIGN_OR_RETURN(const std::string output, config.text("module_output_name", task.output));
  if (output == task.output) return {};
  return unsupported(config.label() + ": module_output_name " + in_quotes(output) +
                     " is not supported; known: " + task.output);
}

/// Arguments passed to Transformers' classes. Those that only choose types, devices and code are
/// harmless.
Status check_arguments(const Config& config) {
  constexpr std::array kModel = std::to_array<std::string_view>(
      {"add_pooling_layer", "attn_implementation", "device_map", "dtype", "low_cpu_mem_usage",
       "output_hidden_states", "torch_dtype", "trust_remote_code", "use_safetensors"});
  constexpr std::array kTokenizer =
      std::to_array<std::string_view>({"clean_up_tokenization_spaces", "model_max_length",
                                       "padding_side", "trust_remote_code", "use_fast"});
  constexpr std::array kConfig =
      std::to_array<std::string_view>({"attn_implementation", "dtype", "output_hidden_states",
                                       "torch_dtype", "trust_remote_code", "use_cache"});
  LW_RETURN_IF_ERROR(refuse_members(config, "model_args", kModel));
  LW_RETURN_IF_ERROR(refuse_members(config, "model_kwargs", kModel));
  LW_RETURN_IF_ERROR(refuse_members(config, "tokenizer_args", kTokenizer));
  LW_RETURN_IF_ERROR(refuse_members(config, "processor_kwargs", kTokenizer));
  LW_RETURN_IF_ERROR(refuse_members(config, "config_args", kConfig));
  LW_RETURN_IF_ERROR(refuse_members(config, "config_kwargs", kConfig));
  return refuse_members(config, "processing_kwargs", {});
}

/// Lengths that only some models of the class have.
Status refuse_lengths(const Config& config) {
  for (const char* field : {"query_length", "document_length", "query_expansion"}) {
    if (config.has(field)) {
      return unsupported(config.label() + ": " + in_quotes(field) + " is not supported");
    }
  }
  return {};
}

/// Tokenizers without a limit store 1e30, which is not an integer; an integer may still exceed the
/// model's limit.
Result<int64_t> read_limit(const Config& config, const std::string& field, int64_t max_tokens) {
  LW_ASSIGN_OR_RETURN(const double length,
                      config.number(field, static_cast<double>(max_tokens), 1, 1e300));
  return length < static_cast<double>(max_tokens) ? static_cast<int64_t>(length) : max_tokens;
}

Result<int64_t> tokenizer_limit(const FamilyInput& input, int64_t max_tokens) {
  const std::string name = join(input.subfolder, "tokenizer_config.json");
  if (!input.folder.has(name)) return max_tokens;
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(name));
  return read_limit(config, "model_max_length", max_tokens);
}

Result<SentenceTexts> read_texts_file(const FamilyInput& input, const Config& config,
                                      int64_t max_tokens) {
  constexpr std::array kFields = std::to_array<std::string_view>(
      {"config_args", "config_kwargs", "do_lower_case", "document_length", "max_seq_length",
       "modality_config", "model_args", "model_kwargs", "module_output_name", "processing_kwargs",
       "processor_kwargs", "query_expansion", "query_length", "tokenizer_args", "transformer_task",
       "unpad_inputs"});
  LW_ASSIGN_OR_RETURN(const TransformerTask task, read_transformer_task(input));
  const bool has_lengths = task == TransformerTask::kTokenVectors;
  if (!has_lengths) LW_RETURN_IF_ERROR(refuse_lengths(config));
  LW_RETURN_IF_ERROR(check_modalities(config, names_of(task)));
  LW_RETURN_IF_ERROR(check_arguments(config));
  config.report_unknown(
      [&](std::string_view name) { return std::ranges::find(kFields, name) != kFields.end(); },
      input.report);
  SentenceTexts texts;
  LW_ASSIGN_OR_RETURN(texts.lowercase, config.boolean("do_lower_case", false));
  for (const char* field : {"tokenizer_args", "processor_kwargs"}) {
    LW_ASSIGN_OR_RETURN(const Config arguments, config.object(field));
    if (!arguments.has("model_max_length")) continue;
    LW_ASSIGN_OR_RETURN(texts.max_tokens, read_limit(arguments, "model_max_length", max_tokens));
    return texts;
  }
  if (config.has("max_seq_length")) {
    LW_ASSIGN_OR_RETURN(const int64_t length,
                        config.integer("max_seq_length", max_tokens, 1, INT32_MAX));
    texts.max_tokens = std::min(length, max_tokens);
    return texts;
  }
  LW_ASSIGN_OR_RETURN(texts.max_tokens, tokenizer_limit(input, max_tokens));
  return texts;
}

/// A folder without prompts has these, empty.
constexpr std::array kUsualPrompts = {"document", "query"};

Status read_prompt_texts(const Config& config, ModelInfo& info) {
  LW_ASSIGN_OR_RETURN(const Config prompts, config.object("prompts"));
  std::map<std::string, std::string> texts;
  for (const char* name : kUsualPrompts) texts.try_emplace(name);
  for (const std::string& name : prompts.fields()) {
    LW_ASSIGN_OR_RETURN(texts[name], prompts.text(name, ""));
  }
  for (auto& [name, text] : texts) info.prompts.push_back({name, std::move(text)});
  LW_ASSIGN_OR_RETURN(info.default_prompt, config.text("default_prompt_name", ""));
  if (info.default_prompt.empty() || texts.contains(info.default_prompt)) return {};
  std::string known;
  for (const Prompt& prompt : info.prompts) {
    known.append(known.empty() ? "" : ", ").append(prompt.name);
  }
  return config.wrong("default_prompt_name", "one of the 'prompts' " + known);
}

/// Any other name leaves the usual one, as in sentence-transformers.
void read_similarity(const Config& config, ModelInfo& info) {
  constexpr std::array kNames = std::to_array<std::pair<std::string_view, Similarity>>(
      {{"cosine", Similarity::kCosine},
       {"dot", Similarity::kDot},
       {"euclidean", Similarity::kEuclidean},
       {"manhattan", Similarity::kManhattan}});
  const Result<std::string> name = config.text("similarity_fn_name", "");
  for (const auto& [known, similarity] : kNames) {
    if (name.ok() && *name == known) info.similarity = similarity;
  }
}

/// Whether the folder has a vector for each token: a MultiVectorEncoder, or a model of PyLate,
/// whose settings are those of the whole model.
Result<bool> is_multi_vector(const FamilyInput& input, const std::vector<SentenceModule>& modules) {
  if (std::ranges::find(modules, "MultiVectorMask", &SentenceModule::type) != modules.end()) {
    return true;
  }
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_sentence_config(input));
  if (!config) return false;
  LW_ASSIGN_OR_RETURN(const std::string type, config->text("model_type", ""));
  return type == "ColBERT" || config->has("query_prefix") || config->has("document_prefix");
}

/// PyLate calls its class ColBERT, or wrote none.
bool is_written_by(std::string_view type, TransformerTask task) {
  const bool pylate = task == TransformerTask::kTokenVectors &&
                      (type == "ColBERT" || type == "SentenceTransformer");
  return pylate || type == class_of(task);
}

}  // namespace

Result<std::vector<SentenceModule>> read_modules(SourceFolder& folder) {
  std::vector<SentenceModule> modules;
  LW_ASSIGN_OR_RETURN(const std::vector<Config> entries, folder.config_list(kModulesFile));
  for (const Config& entry : entries) {
    LW_ASSIGN_OR_RETURN(SentenceModule module, read_module(entry));
    modules.push_back(std::move(module));
  }
  return modules;
}

Result<bool> is_static_folder(SourceFolder& folder) {
  if (!is_sentence_folder(folder)) return false;
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(folder));
  return !modules.empty() && modules.front().type == kStatic;
}

bool is_sentence_folder(const SourceFolder& folder) { return folder.has(kModulesFile); }

Result<std::string> transformer_subfolder(SourceFolder& folder) {
  if (!is_sentence_folder(folder)) return std::string();
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(folder));
  if (modules.empty() || !(is_transformer(modules.front()) || modules.front().type == kStatic)) {
    return unsupported(
        in_quotes(folder.path(kModulesFile)) +
        ": expected the first module to be a Transformer or StaticEmbedding, found " +
        (modules.empty() ? "none" : in_quotes(modules.front().type)));
  }
  return modules.front().path;
}

Result<TransformerTask> read_transformer_task(const FamilyInput& input) {
  TransformerTask usual = TransformerTask::kFeatures;
  if (is_sentence_folder(input.folder)) {
    LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
    const bool masked = !modules.empty() && modules.front().type == kMaskedTransformer;
    if (masked) usual = TransformerTask::kMaskedTokens;
    LW_ASSIGN_OR_RETURN(const bool multi_vector, is_multi_vector(input, modules));
    if (multi_vector) return TransformerTask::kTokenVectors;
  }
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_text_config(input));
  if (!config) return usual;
  const std::string field = "transformer_task";
  LW_ASSIGN_OR_RETURN(const std::string name, config->text(field, names_of(usual).name));
  std::string known;
  for (const TaskNames& task : kTasks) {
    if (task.name == name) return task.task;
    known.append(known.empty() ? "" : ", ").append(task.name);
  }
  return unsupported(config->label() + ": " + field + " " + in_quotes(name) +
                     " is not supported; known: " + known);
}

Status expect_features(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const TransformerTask task, read_transformer_task(input));
  if (task == TransformerTask::kFeatures) return {};
  if (task == TransformerTask::kTokenVectors) {
    return unsupported(in_quotes(input.folder.path(kModulesFile)) + ": vectors of tokens (" +
                       std::string(class_of(task)) + ") are not supported here");
  }
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_text_config(input));
  return unsupported((config ? config->label() : in_quotes(input.folder.path(kModulesFile))) +
                     ": transformer_task " + in_quotes(names_of(task).name) +
                     " is not supported here; known: feature-extraction");
}

Result<SentenceTexts> read_sentence_texts(const FamilyInput& input, int64_t max_tokens) {
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_text_config(input));
  if (config) return read_texts_file(input, *config, max_tokens);
  SentenceTexts texts;
  LW_ASSIGN_OR_RETURN(texts.max_tokens, tokenizer_limit(input, max_tokens));
  return texts;
}

Result<std::optional<Config>> read_text_config(const FamilyInput& input) {
  for (const char* name : kTextConfigs) {
    const std::string path = join(input.subfolder, name);
    if (!input.folder.has(path)) continue;
    LW_ASSIGN_OR_RETURN(Config config, input.folder.config(path));
    if (config.json().value().members().empty())
      continue;  // sentence-transformers takes the next one
    return std::optional(std::move(config));
  }
  return std::optional<Config>();
}

std::string_view class_of(TransformerTask task) { return names_of(task).writer; }

Result<std::optional<Config>> read_sentence_config(const FamilyInput& input) {
  constexpr const char* kFile = "config_sentence_transformers.json";
  if (!is_sentence_folder(input.folder) || !input.folder.has(kFile)) return std::optional<Config>();
  LW_ASSIGN_OR_RETURN(Config config, input.folder.config(kFile));
  return std::optional(std::move(config));
}

Status read_prompts(const FamilyInput& input, TransformerTask task, ModelInfo& info) {
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_sentence_config(input));
  if (!config) {
    for (const char* name : kUsualPrompts) info.prompts.push_back({name, ""});
    return {};
  }
  LW_ASSIGN_OR_RETURN(const std::string type, config->text("model_type", class_of(task)));
  if (!is_written_by(type, task)) {
    return unsupported(config->label() + ": model_type " + in_quotes(type) +
                       " is not supported; known: " + std::string(class_of(task)));
  }
  read_similarity(*config, info);
  return read_prompt_texts(*config, info);
}

}  // namespace lanewise::converters

// ColBERT: Khattab and Zaharia 2020, arXiv:2004.12832; Santhanam et al. 2022, arXiv:2112.01488.

#include "converters/families/late_interaction.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/special_tokens.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kMask = "MultiVectorMask";
constexpr int64_t kQueryTokens = 32;  // of ColBERT and PyLate
constexpr int64_t kColbertDocumentTokens = 220;
constexpr int64_t kPylateDocumentTokens = 180;
constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

std::vector<std::string> punctuation() {
  std::vector<std::string> words;
  for (const char sign : kPunctuation) words.emplace_back(1, sign);
  return words;
}

Result<int64_t> read_length(const Config& config, const std::string& field, int64_t fallback,
                            int64_t max_tokens) {
  constexpr int64_t kFewest = 3;  // a marker, and a token on either side
  LW_ASSIGN_OR_RETURN(const int64_t length, config.integer(field, fallback, kFewest, INT32_MAX));
  return std::min(length, max_tokens);
}

Result<std::string> mask_token(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(std::string name, special_token(input, "mask_token"));
  if (!name.empty()) return name;
  return unsupported(in_quotes(input.folder.root()) +
                     ": queries are filled with mask tokens, but the tokenizer has none");
}

/// ColBERT's own checkpoints, which put ". " before each text and overwrite the token of the dot.
Result<LateInteractionSettings> read_original(const FamilyInput& input, int64_t max_tokens) {
  const std::string name = join(input.subfolder, "artifact.metadata");
  Result<Config> read =
      input.folder.has(name) ? input.folder.config(name) : Config::parse("{}", in_quotes(name));
  LW_ASSIGN_OR_RETURN(const Config config, std::move(read));
  LateInteractionSettings settings{.normalizes = true};
  LateInteraction& info = settings.info;
  info.queries.replaced_prefix = info.documents.replaced_prefix = ". ";
  LW_ASSIGN_OR_RETURN(info.queries.max_tokens,
                      read_length(config, "query_maxlen", kQueryTokens, max_tokens));
  LW_ASSIGN_OR_RETURN(info.documents.max_tokens,
                      read_length(config, "doc_maxlen", kColbertDocumentTokens, max_tokens));
  LW_ASSIGN_OR_RETURN(settings.query_marker, config.text("query_token_id", "[unused0]"));
  LW_ASSIGN_OR_RETURN(settings.document_marker, config.text("doc_token_id", "[unused1]"));
  LW_ASSIGN_OR_RETURN(info.attends_to_expansion, config.boolean("attend_to_mask_tokens", false));
  LW_ASSIGN_OR_RETURN(const bool skips, config.boolean("mask_punctuation", true));
  if (skips) settings.skiplist = punctuation();
  LW_ASSIGN_OR_RETURN(const std::string similarity, config.text("similarity", "cosine"));
  if (similarity != "cosine") {
    return unsupported(config.label() + ": similarity " + in_quotes(similarity) +
                       " is not supported; known: cosine");
  }
  LW_ASSIGN_OR_RETURN(settings.expansion, mask_token(input));
  return settings;
}

/// PyLate inserts the markers, and both masks and normalises without a module.
Result<LateInteractionSettings> read_pylate(const FamilyInput& input, const Config& config,
                                            int64_t max_tokens) {
  LateInteractionSettings settings{.normalizes = true};
  LateInteraction& info = settings.info;
  LW_ASSIGN_OR_RETURN(settings.query_marker, config.text("query_prefix", "[Q] "));
  LW_ASSIGN_OR_RETURN(settings.document_marker, config.text("document_prefix", "[D] "));
  LW_ASSIGN_OR_RETURN(info.queries.max_tokens,
                      read_length(config, "query_length", kQueryTokens, max_tokens));
  LW_ASSIGN_OR_RETURN(info.documents.max_tokens,
                      read_length(config, "document_length", kPylateDocumentTokens, max_tokens));
  LW_ASSIGN_OR_RETURN(info.attends_to_expansion,
                      config.boolean("attend_to_expansion_tokens", false));
  LW_ASSIGN_OR_RETURN(const bool expands, config.boolean("do_query_expansion", true));
  if (expands) {
    LW_ASSIGN_OR_RETURN(settings.expansion, mask_token(input));
  }
  LW_ASSIGN_OR_RETURN(settings.skiplist, config.texts("skiplist_words"));
  if (!config.has("skiplist_words")) settings.skiplist = punctuation();
  return settings;
}

/// Fails for fields whose meaning is unknown, as sentence-transformers does.
Status refuse_others(const Config& config, std::initializer_list<std::string_view> known) {
  for (const std::string& name : config.fields()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return unsupported(config.label() + ": " + in_quotes(name) + " is not supported");
  }
  return {};
}

Status read_expansion(const FamilyInput& input, const Config& config, int64_t max_tokens,
                      LateInteractionSettings& settings) {
  LW_RETURN_IF_ERROR(refuse_others(config, {"attend", "length", "strategy", "token"}));
  LW_ASSIGN_OR_RETURN(const std::string strategy, config.text("strategy", ""));
  if (strategy != "fixed") {
    return unsupported(config.label() + ": strategy " + in_quotes(strategy) +
                       " is not supported; known: fixed");
  }
  LateInteraction& info = settings.info;
  if (!config.has("length")) return config.wrong("length", "the number of tokens of a query");
  LW_ASSIGN_OR_RETURN(info.queries.max_tokens,
                      read_length(config, "length", kQueryTokens, max_tokens));
  LW_ASSIGN_OR_RETURN(info.attends_to_expansion, config.boolean("attend", false));
  LW_ASSIGN_OR_RETURN(settings.expansion, config.text("token", ""));
  if (!settings.expansion.empty()) return {};
  LW_ASSIGN_OR_RETURN(settings.expansion, mask_token(input));
  return {};
}

Status read_mask(const FamilyInput& input, const SentenceModule& module,
                 LateInteractionSettings& settings) {
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(join(module.path, "config.json")));
  LW_RETURN_IF_ERROR(
      refuse_others(config, {"keep_only_token_ids", "skiplist_tasks", "skiplist_words"}));
  LW_ASSIGN_OR_RETURN(settings.skiplist, config.texts("skiplist_words"));
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> tasks, config.texts("skiplist_tasks"));
  if (tasks.empty() && config.has("skiplist_tasks")) settings.skiplist.clear();
  const bool of_documents = tasks.empty() || tasks == std::vector<std::string>{"document"};
  if (!of_documents && !settings.skiplist.empty()) {
    return unsupported(config.label() + ": skiplist_tasks other than 'document' are not supported");
  }
  if (!config.has("keep_only_token_ids")) return {};
  return unsupported(config.label() + ": 'keep_only_token_ids' is not supported");
}

/// sentence-transformers' own. Its markers are prompts.
Result<LateInteractionSettings> read_multi_vector(const FamilyInput& input,
                                                  const SentenceModule& mask, int64_t max_tokens) {
  LateInteractionSettings settings;
  LateInteraction& info = settings.info;
  LW_ASSIGN_OR_RETURN(const SentenceTexts texts, read_sentence_texts(input, max_tokens));
  info.queries.max_tokens = info.documents.max_tokens = texts.max_tokens;
  LW_RETURN_IF_ERROR(read_mask(input, mask, settings));
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_text_config(input));
  if (!config) return settings;
  LW_ASSIGN_OR_RETURN(info.queries.max_tokens,
                      read_length(*config, "query_length", texts.max_tokens, max_tokens));
  LW_ASSIGN_OR_RETURN(info.documents.max_tokens,
                      read_length(*config, "document_length", texts.max_tokens, max_tokens));
  if (!config->has("query_expansion")) return settings;
  const int64_t limit = info.queries.max_tokens;
  LW_ASSIGN_OR_RETURN(const Config expansion, config->object("query_expansion"));
  LW_RETURN_IF_ERROR(read_expansion(input, expansion, max_tokens, settings));
  if (!config->has("query_length") || limit >= info.queries.max_tokens) return settings;
  return config->wrong("query_length", "at least the 'length' of 'query_expansion'");
}

}  // namespace

Result<bool> is_late_interaction(const FamilyInput& input) {
  if (is_sentence_folder(input.folder)) {
    LW_ASSIGN_OR_RETURN(const TransformerTask task, read_transformer_task(input));
    return task == TransformerTask::kTokenVectors;
  }
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> names, input.config.texts("architectures"));
  return std::ranges::any_of(
      names, [](const std::string& name) { return name == "HF_ColBERT" || name == "ColBERT"; });
}

Result<LateInteractionSettings> read_late_interaction(const FamilyInput& input,
                                                      int64_t max_tokens) {
  if (!is_sentence_folder(input.folder)) return read_original(input, max_tokens);
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  const auto mask = std::ranges::find(modules, kMask, &SentenceModule::type);
  if (mask != modules.end()) return read_multi_vector(input, *mask, max_tokens);
  LW_ASSIGN_OR_RETURN(const std::optional<Config> config, read_sentence_config(input));
  if (config) return read_pylate(input, *config, max_tokens);
  LW_ASSIGN_OR_RETURN(const Config empty, Config::parse("{}", ""));
  return read_pylate(input, empty, max_tokens);
}

}  // namespace lanewise::converters

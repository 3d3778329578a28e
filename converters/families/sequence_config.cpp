#include "converters/families/sequence_config.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/generation_config.hpp"
#include "converters/tokenizers/plain_vocabulary.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

// Fields for training and bookkeeping.
constexpr std::array kHarmlessSequenceFields =
    std::to_array<std::string_view>({"_name_or_path", "architectures", "batch_first", "dropout",
                                     "dtype", "model_type", "torch_dtype", "transformers_version"});

Result<int32_t> read_id(const Config& config, const char* field, int64_t vocabulary) {
  LW_ASSIGN_OR_RETURN(const int64_t id, config.integer(field, kNoToken, 0, vocabulary - 1));
  return static_cast<int32_t>(id);
}

/// Reads the tokens added to each text.
Status read_source_specials(const Config& config, PlainVocabulary& vocabulary) {
  const auto size = static_cast<int64_t>(vocabulary.vocabulary.size());
  const auto piece = [&](int32_t id) {
    return text::TemplatePiece{.name = vocabulary.vocabulary[static_cast<size_t>(id)].first,
                               .ids = {id}};
  };
  LW_ASSIGN_OR_RETURN(const int32_t bos, read_id(config, "source_bos_token_id", size));
  LW_ASSIGN_OR_RETURN(const int32_t eos, read_id(config, "source_eos_token_id", size));
  for (auto* pieces : {&vocabulary.specials.single, &vocabulary.specials.pair}) {
    if (bos != kNoToken) pieces->insert(pieces->begin(), piece(bos));
    if (eos != kNoToken) pieces->push_back(piece(eos));
  }
  return {};
}

/// One token per line; a `\r` before the end of a line is removed.
std::vector<std::string> tokens_of_lines(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    tokens.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

Result<std::vector<std::string>> read_vocabulary_file(const FamilyInput& input,
                                                      const std::string& field,
                                                      const std::string& name) {
  if (!stays_inside(name)) return input.config.wrong(field, "a file beside the config");
  const std::string path = join(input.config_folder, name);
  LW_ASSIGN_OR_RETURN(const std::string text, input.folder.text(path));
  if (name.ends_with(".json")) return Config::parse_texts(text, path);
  return tokens_of_lines(text);
}

/// The tokens in order of ids, from the config or from the file that it names.
Result<std::vector<std::string>> read_tokens(const FamilyInput& input, const std::string& field) {
  if (const Result<std::string> name = input.config.text(field, ""); name.ok()) {
    return read_vocabulary_file(input, field, *name);
  }
  const Result<std::vector<std::string>> tokens = input.config.texts(field);
  if (tokens.ok()) return *tokens;
  return input.config.wrong(field, "a list of tokens, or the name of a file with them");
}

Status check_tokens(const Config& config, const std::string& field,
                    const std::vector<std::string>& tokens, int64_t size,
                    const std::string& table) {
  const std::string label = config.label() + ": " + in_quotes(field);
  if (static_cast<int64_t>(tokens.size()) != size) {
    return invalid_argument(label + " has " + std::to_string(tokens.size()) + " tokens, " +
                            in_quotes(table) + " has " + std::to_string(size) + " rows");
  }
  std::map<std::string_view, size_t> ids;
  for (size_t id = 0; id < tokens.size(); ++id) {
    std::string token = label + ": token ";
    token += std::to_string(id);
    if (tokens[id].empty()) return invalid_argument(token + " is empty");
    const Status utf8 = text::check_utf8(tokens[id]);
    if (!utf8.ok()) return utf8.with_context(token);
    const auto [first, is_new] = ids.emplace(tokens[id], id);
    if (!is_new) {
      return invalid_argument(token + " is " + in_quotes(tokens[id]) + ", as token " +
                              std::to_string(first->second) + " is");
    }
  }
  return {};
}

Result<PlainVocabulary> read_vocabulary(const FamilyInput& input, const std::string& field,
                                        int64_t size, const std::string& table) {
  LW_ASSIGN_OR_RETURN(std::vector<std::string> tokens, read_tokens(input, field));
  LW_RETURN_IF_ERROR(check_tokens(input.config, field, tokens, size, table));
  PlainVocabulary result;
  for (std::string& token : tokens) {
    const auto id = static_cast<int32_t>(result.vocabulary.size());
    result.vocabulary.emplace_back(std::move(token), id);
  }
  return result;
}

Result<std::string> make_json(const FamilyInput& input, const std::string& field,
                              const PlainVocabulary& config) {
  Result<std::string> json = tokenizer_json_of(config);
  if (json.ok()) return json;
  return json.status().with_context(input.config.label() + ": " + in_quotes(field));
}

Result<WordSplit> read_split(const Config& config) {
  LW_ASSIGN_OR_RETURN(const std::string split, config.text("source_split", "spaces"));
  if (split == "spaces") return WordSplit::kWhitespace;
  if (split == "characters") return WordSplit::kCharacters;
  return config.wrong("source_split", "\"characters\" or \"spaces\"");
}

Status read_unknown_token(const Config& config, PlainVocabulary& vocabulary) {
  LW_ASSIGN_OR_RETURN(vocabulary.unk_token, config.text("unk_token", ""));
  const auto is_it = [&](const auto& entry) { return entry.first == vocabulary.unk_token; };
  const auto& tokens = vocabulary.vocabulary;
  if (!config.has("unk_token") || std::any_of(tokens.begin(), tokens.end(), is_it)) return {};
  return config.wrong("unk_token", "a token of 'source_vocabulary'");
}

/// Prevents one tokenizer from serving both sides by accident.
Status check_vocabularies(const Config& config) {
  for (const auto& [one, other] : {std::pair{"source_vocabulary", "target_vocabulary"},
                                   {"target_vocabulary", "source_vocabulary"}}) {
    if (config.has(one) && !config.has(other)) {
      return config.wrong(other, "a value, since " + in_quotes(one) + " has one");
    }
  }
  return {};
}

void add_special(PlainVocabulary& config, int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= config.vocabulary.size()) return;
  const auto& known = config.added_tokens;
  if (std::any_of(known.begin(), known.end(), [&](const auto& token) { return token.id == id; })) {
    return;
  }
  text::AddedToken token;
  token.content = config.vocabulary[static_cast<size_t>(id)].first;
  token.id = id;
  token.special = true;
  config.added_tokens.push_back(std::move(token));
}

}  // namespace

Result<GenerationOptions> read_sequence_generation(const FamilyInput& input, int64_t vocabulary) {
  GenerationOptions options;
  const std::string path = join(input.config_folder, "generation_config.json");
  if (is_file(path)) {
    LW_ASSIGN_OR_RETURN(const Config config, input.folder.config_at(path));
    options = read_generation_config(config, vocabulary, input.report);
  }
  LW_ASSIGN_OR_RETURN(const int32_t bos, read_id(input.config, "bos_token_id", vocabulary));
  if (options.bos_token_id == kNoToken) options.bos_token_id = bos;
  if (options.decoder_start_token_id == kNoToken) {
    options.decoder_start_token_id = bos != kNoToken ? bos : options.bos_token_id;
  }
  LW_ASSIGN_OR_RETURN(
      std::vector<int32_t> eos,
      input.config.integers("eos_token_id", 0, static_cast<int32_t>(vocabulary - 1)));
  if (options.eos_token_ids.empty()) options.eos_token_ids = std::move(eos);
  // The source's padding may have an id that the target lacks; nothing is padded here.
  LW_ASSIGN_OR_RETURN(const int32_t pad, read_id(input.config, "pad_token_id", INT32_MAX));
  if (options.pad_token_id == kNoToken && pad < vocabulary) options.pad_token_id = pad;
  return options;
}

Result<std::string> source_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table) {
  const std::string field = "source_vocabulary";
  if (!input.config.has(field)) return std::string();
  LW_ASSIGN_OR_RETURN(PlainVocabulary vocabulary, read_vocabulary(input, field, size, table));
  LW_ASSIGN_OR_RETURN(vocabulary.split, read_split(input.config));
  LW_ASSIGN_OR_RETURN(vocabulary.lowercase, input.config.boolean("source_lowercase", false));
  LW_RETURN_IF_ERROR(read_unknown_token(input.config, vocabulary));
  LW_RETURN_IF_ERROR(read_source_specials(input.config, vocabulary));
  return make_json(input, field, vocabulary);
}

Result<std::string> target_tokenizer(const FamilyInput& input, int64_t size,
                                     const std::string& table,
                                     const GenerationOptions& generation) {
  const std::string field = "target_vocabulary";
  if (!input.config.has(field)) return std::string();
  LW_ASSIGN_OR_RETURN(PlainVocabulary vocabulary, read_vocabulary(input, field, size, table));
  add_special(vocabulary, generation.bos_token_id);
  add_special(vocabulary, generation.decoder_start_token_id);
  add_special(vocabulary, generation.pad_token_id);
  for (const int32_t id : generation.eos_token_ids) add_special(vocabulary, id);
  return make_json(input, field, vocabulary);
}

Status read_sequence_tokens(const FamilyInput& input, const std::string& source_table,
                            const std::string& target_table, FamilyModel& model) {
  LW_RETURN_IF_ERROR(check_vocabularies(input.config));
  ModelInfo& info = model.info;
  LW_ASSIGN_OR_RETURN(info.generation,
                      read_sequence_generation(input, info.target_vocabulary_size));
  LW_ASSIGN_OR_RETURN(model.tokenizer, source_tokenizer(input, info.vocabulary_size, source_table));
  LW_ASSIGN_OR_RETURN(model.target_tokenizer, target_tokenizer(input, info.target_vocabulary_size,
                                                               target_table, info.generation));
  return {};
}

void report_unknown_fields(const FamilyInput& input, std::span<const std::string_view> known) {
  const auto has = [](const auto& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const auto is_known = [&](std::string_view name) {
    return has(known, name) || has(kHarmlessSequenceFields, name);
  };
  input.config.report_unknown(is_known, input.report);
}

}  // namespace lanewise::converters

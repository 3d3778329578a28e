#include "runtime/text/models/bpe.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/models/merge_queue.hpp"
#include "runtime/text/tokenizer_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

struct BpeConfig {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // in order of priority
  std::optional<std::string> unk_token;  // If absent, characters without a token are dropped.
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;       // One unknown token for a run of unknown characters.
  bool byte_fallback = false;  // Byte tokens for characters without a token.
  bool ignore_merges = false;  // A word that is a token is not split.
};

/// The symbols of a word before merging.
class Symbols {
 public:
  explicit Symbols(size_t begin) : end_(begin) {}

  void add(int32_t id, size_t length) {
    MergeSymbol symbol;
    symbol.id = id;
    symbol.begin = end_;
    symbol.end = end_ += length;
    list_.push_back(symbol);
  }
  std::vector<MergeSymbol>* list() noexcept { return &list_; }

 private:
  std::vector<MergeSymbol> list_;
  size_t end_;
};

class Bpe final : public SubwordModel {
 public:
  Status build(BpeConfig config);

  Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                  std::vector<Piece>* pieces) const override;
  const Vocabulary& vocabulary() const override { return config_.vocabulary; }
  int32_t id(std::string_view token) const override { return vocabulary_.find(token); }
  Json to_json() const override;

 private:
  struct Rule {
    int32_t rank;
    int32_t result;
  };

  static uint64_t pair_key(int32_t left, int32_t right) noexcept {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }

  Status index_merge(const std::pair<std::string, std::string>& merge, int32_t rank);
  int32_t character_id(std::string_view character, bool first, bool last) const;
  bool add_bytes(std::string_view character, Symbols* symbols) const;
  Status unknown_character(std::string_view character) const;
  Status split(std::string_view word, Symbols* symbols) const;
  Status tokenize_word(std::string_view text, const Range& word, std::vector<Piece>* pieces) const;

  BpeConfig config_;
  ByteTrie vocabulary_;
  std::unordered_map<uint64_t, Rule> merges_;
  std::array<int32_t, 256> bytes_ = {};  // ids of the byte tokens
  int32_t unk_id_ = ByteTrie::kNone;
};

Status Bpe::build(BpeConfig config) {
  config_ = std::move(config);
  for (const auto& [token, id] : config_.vocabulary) {
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  if (config_.unk_token) {
    // It may be missing, as in Hugging Face; a text that needs it then fails.
    unk_id_ = vocabulary_.find(*config_.unk_token);
  }
  int32_t rank = 0;
  merges_.reserve(config_.merges.size());
  for (const auto& merge : config_.merges) LW_RETURN_IF_ERROR(index_merge(merge, rank++));
  for (size_t byte = 0; byte < bytes_.size(); ++byte) {
    bytes_[byte] = vocabulary_.find(byte_token(static_cast<uint8_t>(byte)));
  }
  return {};
}

Status Bpe::index_merge(const std::pair<std::string, std::string>& merge, int32_t rank) {
  const auto& [left, right] = merge;
  const size_t prefix = std::min(config_.continuing_subword_prefix.size(), right.size());
  const std::string result = left + right.substr(prefix);
  for (const std::string* token : {&left, &right, &result}) {
    if (vocabulary_.find(*token) == ByteTrie::kNone) {
      return data_loss("merge " + std::to_string(rank) + " needs '" + *token +
                       "', which is not in the vocabulary");
    }
  }
  merges_[pair_key(vocabulary_.find(left), vocabulary_.find(right))] = {rank,
                                                                        vocabulary_.find(result)};
  return {};
}

int32_t Bpe::character_id(std::string_view character, bool first, bool last) const {
  int32_t node = ByteTrie::kRoot;
  const auto walk = [&](std::string_view bytes) {
    for (size_t i = 0; i < bytes.size() && node != ByteTrie::kNone; ++i) {
      node = vocabulary_.child(node, static_cast<uint8_t>(bytes[i]));
    }
  };
  if (!first) walk(config_.continuing_subword_prefix);
  walk(character);
  if (last) walk(config_.end_of_word_suffix);
  return node == ByteTrie::kNone ? ByteTrie::kNone : vocabulary_.value(node);
}

/// Adds a character as byte tokens; returns false and adds none if a byte has no token.
bool Bpe::add_bytes(std::string_view character, Symbols* symbols) const {
  const auto id = [&](char byte) { return bytes_[static_cast<uint8_t>(byte)]; };
  if (std::any_of(character.begin(), character.end(),
                  [&](char byte) { return id(byte) == ByteTrie::kNone; })) {
    return false;
  }
  for (const char byte : character) symbols->add(id(byte), 1);
  return true;
}

/// Splits a word into characters. Unknown ones are held back so that a run of them can be fused;
/// byte tokens go before them, as in Hugging Face. kInvalidArgument if a character is unknown and
/// the vocabulary lacks the unknown token; if no unknown token is named, unknown characters are
/// dropped.
Status Bpe::split(std::string_view word, Symbols* symbols) const {
  size_t unknown = 0;  // bytes of the pending unknown token
  const auto flush = [&] {
    if (unknown > 0) symbols->add(unk_id_, unknown);
    unknown = 0;
  };
  for (size_t i = 0; i < word.size();) {
    const auto length = static_cast<size_t>(decode_at(word, i).length);
    const std::string_view character = word.substr(i, length);
    const bool first = i == 0;
    i += length;
    const int32_t id = character_id(character, first, i == word.size());
    if (id != ByteTrie::kNone) {
      flush();
      symbols->add(id, length);
    } else if (!(config_.byte_fallback && add_bytes(character, symbols)) && config_.unk_token) {
      if (unk_id_ == ByteTrie::kNone) return unknown_character(character);
      if (!config_.fuse_unk) flush();
      unknown += length;
    }
  }
  flush();
  return {};
}

Status Bpe::unknown_character(std::string_view character) const {
  return invalid_argument("the text has '" + std::string(character) +
                          "', which is not in the vocabulary; neither is the unk_token '" +
                          *config_.unk_token + "'");
}

Status Bpe::tokenize_word(std::string_view text, const Range& word,
                          std::vector<Piece>* pieces) const {
  const std::string_view characters = text.substr(word.begin, word.end - word.begin);
  if (config_.ignore_merges) {
    const int32_t id = vocabulary_.find(characters);
    if (id != ByteTrie::kNone) {
      pieces->push_back({id, word.begin, word.end});
      return {};
    }
  }
  Symbols symbols(word.begin);
  LW_RETURN_IF_ERROR(split(characters, &symbols));
  merge_symbols(symbols.list(), [&](const MergeSymbol& left, const MergeSymbol& right, Merge* out) {
    const auto found = merges_.find(pair_key(left.id, right.id));
    if (found == merges_.end()) return false;
    out->rank = found->second.rank;
    out->result = found->second.result;
    return true;
  });
  for (const MergeSymbol& symbol : *symbols.list()) {
    if (symbol.alive) pieces->push_back({symbol.id, symbol.begin, symbol.end});
  }
  return {};
}

Status Bpe::tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                     std::vector<Piece>* pieces) const {
  for (const Range& word : words) {
    LW_RETURN_IF_ERROR(tokenize_word(text, word, pieces));
    if (pieces->size() > budget) break;
  }
  return {};
}

Json Bpe::to_json() const {
  Json merges = Json::array();
  for (const auto& [left, right] : config_.merges) merges.push_back(Json::array(left, right));
  return Json::object({{"type", "BPE"},
                       {"unk_token", config_.unk_token ? Json(*config_.unk_token) : Json()},
                       {"continuing_subword_prefix", config_.continuing_subword_prefix},
                       {"end_of_word_suffix", config_.end_of_word_suffix},
                       {"fuse_unk", config_.fuse_unk},
                       {"byte_fallback", config_.byte_fallback},
                       {"ignore_merges", config_.ignore_merges},
                       {"vocab", Json::object_of(config_.vocabulary)},
                       {"merges", std::move(merges)}});
}

/// ["a", "b"], or "a b" in older files.
Result<std::pair<std::string, std::string>> read_merge(const base::JsonFields& model,
                                                       const base::JsonValue& merge) {
  const std::span<const base::JsonValue> pair = merge.elements();
  if (pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
    return std::pair(std::string(pair[0].string()), std::string(pair[1].string()));
  }
  if (!merge.is_string()) {
    return base::wrong_type(model.path("merges"), "pairs of tokens", &merge);
  }
  const std::string_view text = merge.string();
  const size_t space = text.find(' ');
  if (space == text.npos || text.find(' ', space + 1) != text.npos) {
    return base::wrong_type(model.path("merges"), "two tokens with a space between them", &merge);
  }
  return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
}

Result<BpeConfig> read_config(const base::JsonFields& model) {
  const base::JsonValue* dropout = model.find("dropout");
  if (dropout && !(dropout->is_number() && dropout->number() == 0))
    return unsupported(model.path("dropout") + " is not supported");
  BpeConfig config;
  LW_ASSIGN_OR_RETURN(config.vocabulary, read_vocabulary_object(model));
  LW_ASSIGN_OR_RETURN(const auto merges, model.array("merges"));
  config.merges.reserve(merges.size());
  for (const base::JsonValue& entry : merges) {
    LW_ASSIGN_OR_RETURN(auto merge, read_merge(model, entry));
    config.merges.push_back(std::move(merge));
  }
  if (model.find("unk_token")) {
    LW_ASSIGN_OR_RETURN(std::string unk_token, model.string("unk_token"));
    config.unk_token = std::move(unk_token);
  }
  LW_ASSIGN_OR_RETURN(config.continuing_subword_prefix,
                      model.string_or("continuing_subword_prefix", ""));
  LW_ASSIGN_OR_RETURN(config.end_of_word_suffix, model.string_or("end_of_word_suffix", ""));
  LW_ASSIGN_OR_RETURN(config.fuse_unk, model.boolean_or("fuse_unk", false));
  LW_ASSIGN_OR_RETURN(config.byte_fallback, model.boolean_or("byte_fallback", false));
  LW_ASSIGN_OR_RETURN(config.ignore_merges, model.boolean_or("ignore_merges", false));
  return config;
}

}  // namespace

Result<SubwordModelPtr> read_bpe_model(const base::JsonFields& model) {
  LW_ASSIGN_OR_RETURN(BpeConfig config, read_config(model));
  auto result = std::make_unique<Bpe>();
  LW_RETURN_IF_ERROR(result->build(std::move(config)));
  return SubwordModelPtr(std::move(result));
}

}  // namespace lanewise::text

#include "runtime/text/models/sentencepiece.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/models/merge_queue.hpp"
#include "runtime/text/models/viterbi.hpp"
#include "runtime/text/tokenizer_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

constexpr float kUnknownPenalty = 10;
// The bonus of a user-defined piece for each byte but the first. (Before 0.2.1 SentencePiece used
// the best score of all pieces for each byte, less 0.1.)
constexpr double kUserDefinedGain = 0.1;
// Larger sums are rebased to 0, so that the scores of a long text keep their last bits.
constexpr float kLargestSum = 100000;
// The limit on repeated splitting of the parts of an unused piece.
constexpr int kMostSplits = 100;

enum class Algorithm { kUnigram, kBpe, kWord, kCharacter };

constexpr std::string_view kAlgorithms[] = {"unigram", "bpe", "word", "char"};  // in that order

struct Entry {
  std::string text;
  float score;
  PieceKind kind;
};

struct SentencePieceConfig {
  std::vector<Entry> pieces;
  Algorithm algorithm = Algorithm::kUnigram;
  bool byte_fallback = false;
  bool has_vocabulary = false;
  Vocabulary vocabulary;  // the pieces in order, if the file has none
  std::string unk_token;
};

/// A piece found in a word, not yet an id: an index in the list of pieces, or kNone.
struct Found {
  int32_t index;
  size_t begin;
  size_t end;
};

/// Where each unused piece splits, by its text.
using Splits = std::unordered_map<std::string, size_t>;

class SentencePiece final : public SubwordModel {
 public:
  Status build(SentencePieceConfig config);

  Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                  std::vector<Piece>* pieces) const override;
  const Vocabulary& vocabulary() const override { return config_.vocabulary; }
  int32_t id(std::string_view token) const override { return ids_.find(token); }
  Json to_json() const override;

 private:
  Status index_pieces();
  void index_ranks();
  void index_scores();
  float score(int32_t index, size_t length) const;
  PieceKind kind(int32_t index) const { return config_.pieces[static_cast<size_t>(index)].kind; }
  bool is_unused(int32_t index) const {
    return index != ByteTrie::kNone && kind(index) == PieceKind::kUnused;
  }
  /// The index of a piece that can occur in texts, or kNone.
  int32_t used(std::string_view piece) const {
    const int32_t index = pieces_.find(piece);
    return is_unused(index) ? ByteTrie::kNone : index;
  }
  std::vector<Found> find(std::string_view word) const;
  std::vector<Found> find_unigram(std::string_view word) const;
  std::vector<Found> find_bpe(std::string_view word) const;
  std::vector<Found> find_words(std::string_view word) const;
  std::vector<Found> find_characters(std::string_view word) const;
  std::vector<MergeSymbol> characters(std::string_view word) const;
  void resegment(std::string_view word, const Found& found, const Splits& splits, int depth,
                 std::vector<Found>* out) const;
  int32_t id_of(std::string_view piece, bool unknown) const;
  void append(std::string_view text, const Range& word, std::span<const Found> found,
              std::vector<Piece>* pieces) const;

  SentencePieceConfig config_;
  ByteTrie ids_;           // of `vocabulary`
  ByteTrie pieces_;        // -> index, of pieces that can occur in texts
  ByteTrie user_defined_;  // -> index
  bool has_user_defined_ = false;
  std::vector<int32_t> ranks_;  // by index, for BPE: equal scores have equal ranks
  std::array<int32_t, 256> bytes_ = {};
  bool byte_fallback_ = false;  // only true if each byte has a token
  int32_t unk_id_ = ByteTrie::kNone;
  float unknown_score_ = 0;
};

Status SentencePiece::build(SentencePieceConfig config) {
  config_ = std::move(config);
  for (const auto& [token, id] : config_.vocabulary) {
    if (!ids_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
  }
  unk_id_ = ids_.find(config_.unk_token);
  if (unk_id_ == ByteTrie::kNone) {
    return data_loss("unk_token '" + config_.unk_token + "' is not in the vocabulary");
  }
  LW_RETURN_IF_ERROR(index_pieces());
  index_ranks();
  index_scores();
  byte_fallback_ = config_.byte_fallback;
  for (size_t byte = 0; byte < bytes_.size(); ++byte) {
    bytes_[byte] = ids_.find(byte_token(static_cast<uint8_t>(byte)));
    byte_fallback_ = byte_fallback_ && bytes_[byte] != ByteTrie::kNone;
  }
  return {};
}

Status SentencePiece::index_pieces() {
  for (size_t i = 0; i < config_.pieces.size(); ++i) {
    const Entry& piece = config_.pieces[i];
    const bool unused = piece.kind == PieceKind::kUnused;
    if (piece.kind != PieceKind::kNormal && piece.kind != PieceKind::kUserDefined && !unused) {
      continue;
    }
    // BPE merges through unused pieces and splits them at the end; an unused word or character is
    // unknown.
    if (unused && config_.algorithm == Algorithm::kUnigram) continue;
    const auto index = static_cast<int32_t>(i);
    bool fits = pieces_.insert(piece.text, index);
    if (piece.kind == PieceKind::kUserDefined) {
      fits = fits && user_defined_.insert(piece.text, index);
      has_user_defined_ = true;
    }
    if (!fits) return resource_exhausted("the pieces are too large");
  }
  return {};
}

void SentencePiece::index_ranks() {
  std::vector<float> scores;
  for (const Entry& piece : config_.pieces) scores.push_back(piece.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  for (const Entry& piece : config_.pieces) {
    const auto at = std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>());
    ranks_.push_back(static_cast<int32_t>(at - scores.begin()));
  }
}

void SentencePiece::index_scores() {
  float least = std::numeric_limits<float>::max();
  for (const Entry& piece : config_.pieces) {
    if (piece.kind == PieceKind::kNormal) least = std::min(least, piece.score);
  }
  unknown_score_ = least - kUnknownPenalty;
}

float SentencePiece::score(int32_t index, size_t length) const {
  if (kind(index) != PieceKind::kUserDefined) {
    return config_.pieces[static_cast<size_t>(index)].score;
  }
  return static_cast<float>(kUserDefinedGain * static_cast<double>(length - 1));
}

/// Subtracts the first score from all reached ones if it is large.
void rebase(std::span<BestEnd<float>> ends) {
  const float first = ends[0].score;
  if (std::abs(first) <= kLargestSum) return;
  for (BestEnd<float>& end : ends) {
    if (end.reached) end.score -= first;
  }
}

std::vector<Found> SentencePiece::find_unigram(std::string_view word) const {
  std::vector<BestEnd<float>> ends;
  best_ends(
      word, pieces_, unknown_score_,
      [&](int32_t index, size_t length) { return score(index, length); }, rebase, &ends);
  std::vector<Found> found;
  for (size_t end = word.size(); end > 0; end = ends[end].begin) {
    found.push_back({ends[end].index, ends[end].begin, end});
  }
  std::reverse(found.begin(), found.end());
  return found;
}

/// Starts a word at each U+2581.
std::vector<Found> SentencePiece::find_words(std::string_view word) const {
  constexpr std::string_view kSpace = "\xE2\x96\x81";
  std::vector<Found> found;
  for (size_t begin = 0; begin < word.size();) {
    const size_t end = std::min(word.find(kSpace, begin + 1), word.size());
    found.push_back({used(word.substr(begin, end - begin)), begin, end});
    begin = end;
  }
  return found;
}

std::vector<Found> SentencePiece::find_characters(std::string_view word) const {
  std::vector<Found> found;
  for (const MergeSymbol& symbol : characters(word)) {
    const std::string_view character = word.substr(symbol.begin, symbol.end - symbol.begin);
    found.push_back({used(character), symbol.begin, symbol.end});
  }
  return found;
}

/// Splits a word into characters and user-defined pieces, which are never merged.
std::vector<MergeSymbol> SentencePiece::characters(std::string_view word) const {
  std::vector<MergeSymbol> symbols;
  for (size_t i = 0; i < word.size();) {
    MergeSymbol symbol;
    const size_t user_defined =
        has_user_defined_ ? user_defined_.longest_prefix(word.substr(i)) : 0;
    symbol.frozen = user_defined > 0;
    symbol.begin = i;
    i += symbol.frozen ? user_defined : static_cast<size_t>(decode_at(word, i).length);
    symbol.end = i;
    symbol.id = pieces_.find(word.substr(symbol.begin, symbol.end - symbol.begin));
    symbols.push_back(symbol);
  }
  return symbols;
}

std::vector<Found> SentencePiece::find_bpe(std::string_view word) const {
  Splits splits;
  std::vector<MergeSymbol> symbols = characters(word);
  const auto find = [&](const MergeSymbol& left, const MergeSymbol& right, Merge* merge) {
    merge->result = pieces_.find(word.substr(left.begin, right.end - left.begin));
    if (merge->result == ByteTrie::kNone) return false;
    merge->rank = ranks_[static_cast<size_t>(merge->result)];
    return true;
  };
  // If several merges produce a piece, the last one considered counts.
  const auto remember = [&](const MergeSymbol& left, const MergeSymbol& right, const Merge& merge) {
    if (!is_unused(merge.result)) return;
    splits[std::string(word.substr(left.begin, right.end - left.begin))] = left.end - left.begin;
  };
  merge_symbols(&symbols, find, remember);
  std::vector<Found> found;
  for (const MergeSymbol& symbol : symbols) {
    if (symbol.alive) resegment(word, {symbol.id, symbol.begin, symbol.end}, splits, 0, &found);
  }
  return found;
}

/// Splits unused pieces; one that no merge produced is unknown.
void SentencePiece::resegment(std::string_view word, const Found& found, const Splits& splits,
                              int depth, std::vector<Found>* out) const {
  if (!is_unused(found.index) || depth > kMostSplits) return out->push_back(found);
  const auto split = splits.find(std::string(word.substr(found.begin, found.end - found.begin)));
  if (split == splits.end()) return out->push_back({ByteTrie::kNone, found.begin, found.end});
  const size_t middle = found.begin + split->second;
  const auto part = [&](size_t begin, size_t end) {
    return Found{pieces_.find(word.substr(begin, end - begin)), begin, end};
  };
  resegment(word, part(found.begin, middle), splits, depth + 1, out);
  resegment(word, part(middle, found.end), splits, depth + 1, out);
}

std::vector<Found> SentencePiece::find(std::string_view word) const {
  switch (config_.algorithm) {
    case Algorithm::kUnigram:
      return find_unigram(word);
    case Algorithm::kBpe:
      return find_bpe(word);
    case Algorithm::kWord:
      return find_words(word);
    case Algorithm::kCharacter:
      return find_characters(word);
  }
  return {};
}

/// A string that is not a piece may still be a token if the vocabulary is a separate list, as when
/// it covers two languages and the pieces only one.
int32_t SentencePiece::id_of(std::string_view piece, bool unknown) const {
  if (unknown && !config_.has_vocabulary) return unk_id_;
  const int32_t id = ids_.find(piece);
  return id == ByteTrie::kNone ? unk_id_ : id;
}

/// Appends ids for the pieces found: unknown characters become bytes, or one unknown token per run.
void SentencePiece::append(std::string_view text, const Range& word, std::span<const Found> found,
                           std::vector<Piece>* pieces) const {
  bool after_unknown = false;
  for (const Found& piece : found) {
    const size_t begin = word.begin + piece.begin;
    const size_t end = word.begin + piece.end;
    const bool unknown = piece.index == ByteTrie::kNone;
    if (unknown && byte_fallback_) {
      for (size_t i = begin; i < end; ++i) {
        pieces->push_back({bytes_[static_cast<uint8_t>(text[i])], begin, end});
      }
    } else if (unknown && after_unknown) {
      const size_t run_begin = pieces->back().begin;
      pieces->back() = {id_of(text.substr(run_begin, end - run_begin), true), run_begin, end};
    } else {
      pieces->push_back({id_of(text.substr(begin, end - begin), unknown), begin, end});
    }
    after_unknown = unknown && !byte_fallback_;
  }
}

Status SentencePiece::tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                               std::vector<Piece>* pieces) const {
  for (const Range& word : words) {
    const std::string_view characters = text.substr(word.begin, word.end - word.begin);
    append(text, word, find(characters), pieces);
    if (pieces->size() > budget) break;
  }
  return {};
}

Json SentencePiece::to_json() const {
  Json pieces = Json::array();
  for (const Entry& piece : config_.pieces) {
    pieces.push_back(Json::array(piece.text, piece.score, static_cast<int32_t>(piece.kind)));
  }
  Json json = Json::object({{"type", "SentencePiece"},
                            {"algorithm", kAlgorithms[static_cast<size_t>(config_.algorithm)]},
                            {"byte_fallback", config_.byte_fallback},
                            {"unk_token", config_.unk_token},
                            {"pieces", std::move(pieces)}});
  if (config_.has_vocabulary) json.set("vocab", Json::object_of(config_.vocabulary));
  return json;
}

Result<Entry> read_piece(const base::JsonFields& model, const base::JsonValue& entry) {
  const std::span<const base::JsonValue> parts = entry.elements();
  if (parts.size() != 3 || !parts[0].is_string() || !parts[1].is_number()) {
    return base::wrong_type(model.path("pieces"), "pieces with their scores and kinds", &entry);
  }
  const auto score = static_cast<float>(parts[1].number());
  if (!std::isfinite(score)) {
    return base::wrong_type(model.path("pieces"), "scores that are floats", &parts[1]);
  }
  const std::optional<int64_t> kind = parts[2].integer();
  if (!kind || *kind < static_cast<int64_t>(PieceKind::kNormal) ||
      *kind > static_cast<int64_t>(PieceKind::kByte)) {
    return base::wrong_type(model.path("pieces"), "kinds from 1 to 6", &parts[2]);
  }
  return Entry{std::string(parts[0].string()), score, static_cast<PieceKind>(*kind)};
}

Status read_pieces(const base::JsonFields& model, SentencePieceConfig* config) {
  LW_ASSIGN_OR_RETURN(const auto list, model.array("pieces"));
  config->pieces.reserve(list.size());
  for (const base::JsonValue& entry : list) {
    LW_ASSIGN_OR_RETURN(Entry piece, read_piece(model, entry));
    if (piece.kind == PieceKind::kUnknown) config->unk_token = piece.text;
    config->pieces.push_back(std::move(piece));
  }
  return {};
}

}  // namespace

Result<SubwordModelPtr> read_sentencepiece_model(const base::JsonFields& model) {
  SentencePieceConfig config;
  LW_ASSIGN_OR_RETURN(const size_t algorithm, model.choice("algorithm", kAlgorithms));
  config.algorithm = static_cast<Algorithm>(algorithm);
  LW_ASSIGN_OR_RETURN(config.byte_fallback, model.boolean_or("byte_fallback", false));
  LW_RETURN_IF_ERROR(read_pieces(model, &config));
  LW_ASSIGN_OR_RETURN(config.unk_token, model.string_or("unk_token", config.unk_token));
  config.has_vocabulary = model.find("vocab") != nullptr;
  if (config.has_vocabulary) {
    LW_ASSIGN_OR_RETURN(config.vocabulary, read_vocabulary_object(model));
  } else {
    for (const Entry& piece : config.pieces) {
      config.vocabulary.emplace_back(piece.text, static_cast<int32_t>(config.vocabulary.size()));
    }
  }
  auto result = std::make_unique<SentencePiece>();
  LW_RETURN_IF_ERROR(result->build(std::move(config)));
  return SubwordModelPtr(std::move(result));
}

}  // namespace lanewise::text

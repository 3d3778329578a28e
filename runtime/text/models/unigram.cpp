#include "runtime/text/models/unigram.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/models/viterbi.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

// An unknown character scores this much less than the least likely token.
constexpr double kUnigramUnknownPenalty = 10;

struct UnigramConfig {
  Vocabulary vocabulary;  // ids are indices
  std::vector<double> scores;
  int32_t unk_id = ByteTrie::kNone;
  bool byte_fallback = false;
};

class Unigram final : public SubwordModel {
 public:
  Status build(UnigramConfig config);

  Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                  std::vector<Piece>* pieces) const override;
  const Vocabulary& vocabulary() const override { return config_.vocabulary; }
  int32_t id(std::string_view token) const override { return vocabulary_.find(token); }
  Json to_json() const override;

 private:
  Status append(std::string_view text, const Range& word, const std::vector<BestEnd<double>>& ends,
                std::vector<Piece>* pieces) const;
  Status append_unknown(std::string_view text, const Range& range,
                        std::vector<Piece>* pieces) const;

  UnigramConfig config_;
  ByteTrie vocabulary_;
  std::array<int32_t, 256> bytes_ = {};
  double unknown_score_ = 0;
};

Status Unigram::build(UnigramConfig config) {
  config_ = std::move(config);
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < config_.vocabulary.size(); ++i) {
    const auto& [token, id] = config_.vocabulary[i];
    if (!vocabulary_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
    least = std::min(least, config_.scores[i]);
  }
  unknown_score_ = least - kUnigramUnknownPenalty;
  for (size_t byte = 0; byte < bytes_.size(); ++byte) {
    bytes_[byte] = vocabulary_.find(byte_token(static_cast<uint8_t>(byte)));
  }
  return {};
}

/// Appends a run of unknown characters: its bytes, or the unknown token.
Status Unigram::append_unknown(std::string_view text, const Range& range,
                               std::vector<Piece>* pieces) const {
  const std::string_view run = text.substr(range.begin, range.end - range.begin);
  const int32_t known = vocabulary_.find(run);
  const auto id = [&](char byte) { return bytes_[static_cast<uint8_t>(byte)]; };
  const bool as_bytes =
      known == ByteTrie::kNone && config_.byte_fallback &&
      std::all_of(run.begin(), run.end(), [&](char byte) { return id(byte) != ByteTrie::kNone; });
  if (as_bytes) {
    for (const char byte : run) pieces->push_back({id(byte), range.begin, range.end});
    return {};
  }
  if (known == ByteTrie::kNone && config_.unk_id == ByteTrie::kNone) {
    return invalid_argument("'" + std::string(run) + "' has no token, and the model has no unk_id");
  }
  pieces->push_back({known == ByteTrie::kNone ? config_.unk_id : known, range.begin, range.end});
  return {};
}

/// Appends the pieces on the best path to the end of `word`, traced back from there.
Status Unigram::append(std::string_view text, const Range& word,
                       const std::vector<BestEnd<double>>& ends, std::vector<Piece>* pieces) const {
  std::vector<Piece> backwards;
  for (size_t end = word.end - word.begin; end > 0;) {
    const BestEnd<double>& best = ends[end];
    const bool unknown = best.index == ByteTrie::kNone || best.index == config_.unk_id;
    const int32_t id = unknown ? ByteTrie::kNone : best.index;
    if (unknown && !backwards.empty() && backwards.back().id == ByteTrie::kNone) {
      backwards.back().begin = word.begin + best.begin;
    } else {
      backwards.push_back({id, word.begin + best.begin, word.begin + end});
    }
    end = best.begin;
  }
  for (auto piece = backwards.rbegin(); piece != backwards.rend(); ++piece) {
    if (piece->id != ByteTrie::kNone) {
      pieces->push_back(*piece);
    } else {
      LW_RETURN_IF_ERROR(append_unknown(text, {piece->begin, piece->end}, pieces));
    }
  }
  return {};
}

Status Unigram::tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                         std::vector<Piece>* pieces) const {
  std::vector<BestEnd<double>> ends;
  const auto score = [&](int32_t index, size_t) {
    return config_.scores[static_cast<size_t>(index)];
  };
  const auto keep = [](std::span<BestEnd<double>>) {};
  for (const Range& word : words) {
    best_ends(text.substr(word.begin, word.end - word.begin), vocabulary_, unknown_score_, score,
              keep, &ends);
    LW_RETURN_IF_ERROR(append(text, word, ends, pieces));
    if (pieces->size() > budget) break;
  }
  return {};
}

Json Unigram::to_json() const {
  Json vocab = Json::array();
  for (size_t i = 0; i < config_.scores.size(); ++i) {
    vocab.push_back(Json::array(config_.vocabulary[i].first, config_.scores[i]));
  }
  return Json::object(
      {{"type", "Unigram"},
       {"unk_id", config_.unk_id == ByteTrie::kNone ? Json() : Json(config_.unk_id)},
       {"byte_fallback", config_.byte_fallback},
       {"vocab", std::move(vocab)}});
}

}  // namespace

Result<SubwordModelPtr> read_unigram_model(const base::JsonFields& model) {
  UnigramConfig config;
  LW_ASSIGN_OR_RETURN(const auto vocab, model.array("vocab"));
  for (const base::JsonValue& entry : vocab) {
    const std::span<const base::JsonValue> pair = entry.elements();
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number()) {
      return base::wrong_type(model.path("vocab"), "tokens with their scores", &entry);
    }
    config.vocabulary.emplace_back(pair[0].string(),
                                   static_cast<int32_t>(config.vocabulary.size()));
    config.scores.push_back(pair[1].number());
    if (!std::isfinite(config.scores.back())) {
      return data_loss(model.path("vocab") + ": the score of '" + config.vocabulary.back().first +
                       "' is not finite");
    }
  }
  if (model.find("unk_id")) {
    LW_ASSIGN_OR_RETURN(config.unk_id, model.count("unk_id"));
    if (static_cast<size_t>(config.unk_id) >= config.vocabulary.size()) {
      return data_loss(model.path("unk_id") + ": no token has the id " +
                       std::to_string(config.unk_id));
    }
  }
  LW_ASSIGN_OR_RETURN(config.byte_fallback, model.boolean_or("byte_fallback", false));
  auto result = std::make_unique<Unigram>();
  LW_RETURN_IF_ERROR(result->build(std::move(config)));
  return SubwordModelPtr(std::move(result));
}

}  // namespace lanewise::text

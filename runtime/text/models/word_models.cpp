#include "runtime/text/models/word_models.hpp"

#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/models/longest_pieces.hpp"
#include "runtime/text/tokenizer_json.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

class WordPiece final : public SubwordModel {
 public:
  Status build(WordPieceModel model) {
    model_ = std::move(model);
    return pieces_.build(model_);
  }

  Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                  std::vector<Piece>* pieces) const override {
    const auto same = [](uint8_t byte) { return byte; };
    const auto push = [&](int32_t id, size_t begin, size_t end) {
      pieces->push_back({id, begin, end});
    };
    for (const Range& word : words) {
      const size_t first = pieces->size();
      if (!pieces_.cover(text, word.begin, word.end, same, push)) {
        pieces->resize(first);
        push(pieces_.unk_id(), word.begin, word.end);
      }
      if (pieces->size() > budget) break;
    }
    return {};
  }

  const Vocabulary& vocabulary() const override { return model_.vocabulary; }
  int32_t id(std::string_view token) const override { return pieces_.find(token); }
  const LongestPieces* longest_pieces() const override { return &pieces_; }
  Json to_json() const override {
    return Json::object({{"type", "WordPiece"},
                         {"unk_token", model_.unk_token},
                         {"continuing_subword_prefix", model_.continuing_subword_prefix},
                         {"max_input_chars_per_word", model_.max_input_chars_per_word},
                         {"vocab", Json::object_of(model_.vocabulary)}});
  }

 private:
  WordPieceModel model_;
  LongestPieces pieces_;
};

class WordLevel final : public SubwordModel {
 public:
  Status build(Vocabulary vocabulary, std::string unk_token) {
    vocabulary_ = std::move(vocabulary);
    unk_token_ = std::move(unk_token);
    for (const auto& [token, id] : vocabulary_) {
      if (!ids_.insert(token, id)) return resource_exhausted("the vocabulary is too large");
    }
    if (!unk_token_.empty()) unk_id_ = ids_.find(unk_token_);
    return {};
  }

  Status tokenize(std::string_view text, std::span<const Range> words, size_t budget,
                  std::vector<Piece>* pieces) const override {
    for (const Range& word : words) {
      const int32_t known = ids_.find(text.substr(word.begin, word.end - word.begin));
      pieces->push_back({known == ByteTrie::kNone ? unk_id_ : known, word.begin, word.end});
      if (pieces->size() > budget) break;
    }
    return {};
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }
  int32_t id(std::string_view token) const override { return ids_.find(token); }
  bool refuses_unknown() const override { return unk_id_ == ByteTrie::kNone; }
  Json to_json() const override {
    return Json::object({{"type", "WordLevel"},
                         {"vocab", Json::object_of(vocabulary_)},
                         {"unk_token", unk_token_}});
  }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
  ByteTrie ids_;
  int32_t unk_id_ = ByteTrie::kNone;
};

}  // namespace

Result<SubwordModelPtr> read_wordpiece_model(const base::JsonFields& fields) {
  WordPieceModel model;
  LW_ASSIGN_OR_RETURN(model.vocabulary, read_vocabulary_object(fields));
  LW_ASSIGN_OR_RETURN(model.unk_token, fields.string_or("unk_token", "[UNK]"));
  LW_ASSIGN_OR_RETURN(model.continuing_subword_prefix,
                      fields.string_or("continuing_subword_prefix", "##"));
  LW_ASSIGN_OR_RETURN(model.max_input_chars_per_word,
                      fields.count_or("max_input_chars_per_word", 100));
  auto result = std::make_unique<WordPiece>();
  LW_RETURN_IF_ERROR(result->build(std::move(model)));
  return SubwordModelPtr(std::move(result));
}

Result<SubwordModelPtr> read_wordlevel_model(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(Vocabulary vocabulary, read_vocabulary_object(fields));
  LW_ASSIGN_OR_RETURN(std::string unk_token, fields.string_or("unk_token", ""));
  auto result = std::make_unique<WordLevel>();
  LW_RETURN_IF_ERROR(result->build(std::move(vocabulary), std::move(unk_token)));
  return SubwordModelPtr(std::move(result));
}

}  // namespace lanewise::text

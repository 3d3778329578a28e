#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"

/// Restricts generated text: to JSON, to a JSON schema, to a grammar or to a regular expression.

namespace lanewise {

namespace internal {
class GrammarData;
class VocabularyData;
class ConstraintData;
}  // namespace internal

/// A set of texts. Each of them is UTF-8.
///
/// A handle to immutable data. Cheap to copy; thread-safe.
class LANEWISE_EXPORT Grammar {
 public:
  /// The texts that match `pattern` from their first to their last character. Characters, classes,
  /// `.`, `\d \w \s` (ASCII), groups, `|`, `* + ? {m,n}`; `^` and `$` only at the ends.
  ///
  /// Fails with kInvalidArgument for a syntax error, or if no text matches; with kUnsupported for
  /// back references, look-around and other parts that are not supported; with kResourceExhausted
  /// if its counts make it too large. The message names the part and the byte where it stands.
  static Result<Grammar> from_regex(std::string_view pattern);

  /// The texts of the rule `root` of a grammar in GBNF, the notation of llama.cpp.
  ///
  /// Fails with kInvalidArgument for a syntax error, an undefined rule, a missing root or left
  /// recursion, and the message names the line; with kResourceExhausted if it is too large.
  static Result<Grammar> from_gbnf(std::string_view grammar);

  /// The JSON texts that a JSON schema describes. Members come in the order of the schema; between
  /// elements there is little white space (docs/constrained-generation.md).
  ///
  /// Fails with kInvalidArgument if `schema` is not a JSON schema, or if no value satisfies it;
  /// with kUnsupported, naming it and its place, for a keyword that restricts values and is not
  /// supported; with kResourceExhausted if the grammar is too large.
  static Result<Grammar> from_json_schema(std::string_view schema);

  /// The texts that are JSON, of any value. Fails with kResourceExhausted if memory runs out.
  static Result<Grammar> json();

  /// For internal use by the library.
  const std::shared_ptr<const internal::GrammarData>& data() const noexcept { return data_; }
  explicit Grammar(std::shared_ptr<const internal::GrammarData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::GrammarData> data_;
};

/// The tokens of a tokenizer, prepared for grammars. Make one for each tokenizer: it takes a moment
/// (0.1 s for 50,000 tokens).
///
/// A handle to immutable data. Cheap to copy; thread-safe.
class LANEWISE_EXPORT GrammarVocabulary {
 public:
  /// Fails with kUnsupported for a tokenizer in which the text of a token depends on its
  /// neighbours (decoders `BPEDecoder` and `CTC`).
  static Result<GrammarVocabulary> of(const Tokenizer& tokenizer);

  /// For internal use by the library.
  const std::shared_ptr<const internal::VocabularyData>& data() const noexcept { return data_; }
  explicit GrammarVocabulary(std::shared_ptr<const internal::VocabularyData> data)
      : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::VocabularyData> data_;
};

class GrammarState;

/// A grammar for the tokens of a vocabulary: what Generator::generate() takes.
///
/// A handle to data that never changes visibly: it remembers which tokens were allowed where, up to
/// 128 MB. Cheap to copy; thread-safe.
class LANEWISE_EXPORT Constraint {
 public:
  /// Fails with kResourceExhausted if memory runs out.
  static Result<Constraint> create(const Grammar& grammar, const GrammarVocabulary& vocabulary);

  /// The state before the first token.
  ///
  /// before  the tokens that the text continues, such as a decoder's prompt; special tokens have no
  ///         text. At the beginning of a text some tokenizers leave out the space of a token.
  ///
  /// Fails with kResourceExhausted if memory runs out, or if the grammar is too ambiguous.
  Result<GrammarState> start(std::span<const int32_t> before = {}) const;

  /// The number of tokens; ids are below it.
  int64_t vocabulary_size() const noexcept;

  /// For internal use by the library.
  explicit Constraint(std::shared_ptr<internal::ConstraintData> data) : data_(std::move(data)) {}

 private:
  std::shared_ptr<internal::ConstraintData> data_;
};

/// A text on its way through a grammar, token by token. Copies are cheap and independent: samples
/// and beams of one text fork. Not thread-safe; different states are independent.
class LANEWISE_EXPORT GrammarState {
 public:
  /// The tokens that may follow: bit id % 64 of word id / 64, 0 for ids without text and special
  /// tokens, the end token included: see may_end(). Valid until the next call for this state.
  ///
  /// Fails with kResourceExhausted if the grammar is too ambiguous, or memory runs out.
  Result<std::span<const uint64_t>> allowed();

  /// Continues the text. Fails with kInvalidArgument, and changes nothing, if the token may not
  /// follow; also as allowed().
  Status accept(int32_t token);

  /// Whether the text may end here.
  bool may_end() const noexcept { return may_end_; }
  /// Whether nothing but the end may follow.
  bool finished() const noexcept { return finished_; }

  GrammarState(const GrammarState&) noexcept;
  GrammarState(GrammarState&&) noexcept;
  GrammarState& operator=(const GrammarState&) noexcept;
  GrammarState& operator=(GrammarState&&) noexcept;
  ~GrammarState();

 private:
  friend class internal::ConstraintData;
  GrammarState() noexcept;

  std::shared_ptr<internal::ConstraintData> data_;
  std::shared_ptr<void> memory_;  // holds what the numbers below refer to
  int32_t state_ = 0;
  bool at_start_ = false;
  bool may_end_ = false;
  bool finished_ = false;
};

}  // namespace lanewise

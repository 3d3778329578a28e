#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

/// Converts texts to token ids and back.

namespace lanewise {

namespace internal {
class TokenizerData;
}

/// Bytes [begin, end) of a text.
struct ByteRange {
  int32_t begin = 0;
  int32_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// The tokens of a text, or of two.
struct Encoding {
  std::vector<int32_t> ids;        ///< [tokens], for Session and Generator
  std::vector<ByteRange> offsets;  ///< [tokens], the place of each in its text; [0, 0) for a
                                   ///< special token that the text does not contain
  std::vector<int32_t> type_ids;   ///< [tokens], which text each belongs to, for RaggedBatch;
                                   ///< empty for a single text
  bool truncated = false;          ///< whether EncodeOptions::max_length cut off tokens
};

struct EncodeOptions {
  bool add_special_tokens = true;
  int64_t max_length = 0;  ///< in tokens, including special ones; 0: no limit
};

/// Converts texts to token ids and back, with the same ids and offsets as Hugging Face's
/// tokenizers.
///
/// A handle to immutable data. Cheap to copy; thread-safe.
class LANEWISE_EXPORT Tokenizer {
 public:
  /// Returns the tokenizer for the texts that `model` reads. The first call for a model builds it
  /// (22 ms for 30,000 tokens); later calls share it.
  ///
  /// Fails with kNotFound for a model without a tokenizer; with kDataLoss or kUnsupported if the
  /// one in its file is damaged or uses a part that this version lacks.
  static Result<Tokenizer> of(const Model& model);

  /// Returns the tokenizer for the texts that the decoder of `model` writes: the same as of(),
  /// unless the model has two. Fails as of() does.
  static Result<Tokenizer> of_target(const Model& model);

  /// Makes a tokenizer from `json`, the contents of a tokenizer.json. Ignores its padding and its
  /// truncation length. For folders with other files see load_tokenizer() in lanewise/convert.hpp.
  ///
  /// Fails with kUnsupported, naming it, if it uses a part that this version lacks; with kDataLoss
  /// if it is not JSON or contradicts itself.
  static Result<Tokenizer> from_json(std::string_view json);

  /// Returns this tokenizer for texts in the language `name`, for multilingual models that need it
  /// (M2M100, NLLB, mBART): the special tokens around a text denote that language instead of the
  /// one that the tokenizer was set to. `name` is as in language_token().
  ///
  /// Fails with kInvalidArgument if the model does not know this language, or takes no source
  /// language.
  Result<Tokenizer> for_language(std::string_view name) const;

  /// Returns the tokens of `text`, truncated to max_length at the end, or at the start if the
  /// tokenizer says so.
  ///
  /// Fails with kInvalidArgument if the text is not UTF-8, naming the byte, or has 2^31 bytes or
  /// more; if max_length is negative or smaller than the number of special tokens.
  Result<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// Returns the tokens of two texts, `[CLS] first [SEP] second [SEP]` for BERT. To meet
  /// max_length, the longer text is truncated first. Fails as encode() does.
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options = {}) const;

  /// Returns the text of `ids`. Ids without a token add nothing. Fails with kInvalidArgument for a
  /// negative id. For ids that arrive one by one see TextStream.
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  /// Returns what `ids` add to the text of `before`, without special tokens: the continuation of a
  /// prompt, which keeps the space between them. Fails as decode() does.
  Result<std::string> decode_after(std::span<const int32_t> before,
                                   std::span<const int32_t> ids) const;

  /// The largest id plus 1. Smaller ids may have no token.
  int64_t vocabulary_size() const noexcept;
  /// The token with this id; "" if there is none. Valid as long as any copy of this tokenizer.
  std::string_view token(int32_t id) const noexcept;
  /// The id of `token`, if it has one. Fails with kResourceExhausted if memory runs out.
  Result<std::optional<int32_t>> id(std::string_view token) const;

  /// This tokenizer as the text of a tokenizer.json, without a language set by for_language().
  Result<std::string> to_json() const;

  /// For internal use by the library.
  const internal::TokenizerData& data() const noexcept { return *data_; }
  explicit Tokenizer(std::shared_ptr<const internal::TokenizerData> data)
      : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::TokenizerData> data_;
};

/// Decodes tokens that arrive one by one, as from a Generator.
///
/// The results of add() and finish() together equal Tokenizer::decode() of all tokens. A token that
/// is part of a character, or whose text may be changed by the next one, is held back until its
/// text is final. Special tokens add nothing. Not thread-safe.
class LANEWISE_EXPORT TextStream {
 public:
  /// The tokens continue the text of `before`: add() and finish() then equal decode_after(). The
  /// text ends before the first of `stop_strings` (text_before_stop()); what may be the beginning of
  /// one is held back. Fails with kInvalidArgument for a negative id.
  static Result<TextStream> create(const Tokenizer& tokenizer, std::span<const int32_t> before = {},
                                   std::span<const std::string> stop_strings = {});

  TextStream(TextStream&&) noexcept;
  TextStream& operator=(TextStream&&) noexcept;
  ~TextStream();

  /// Returns the text added by this token; valid until the next call. Fails with kInvalidArgument
  /// for a negative id.
  Result<std::string_view> add(int32_t id);
  /// Returns the text that was held back; valid until the next call. Call it after the last token.
  Result<std::string_view> finish();

 private:
  class Impl;
  explicit TextStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Checks that `text` is UTF-8, as every tokenizer requires. Fails with kInvalidArgument, naming
/// the first byte that is not. Overlong forms, surrogates and code points above U+10FFFF are not
/// UTF-8. Thread-safe.
LANEWISE_EXPORT Status check_utf8(std::string_view text);

}  // namespace lanewise

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

/// Texts to token ids and back.

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
  std::vector<int32_t> ids;        ///< [tokens], as Session and Generator take them
  std::vector<ByteRange> offsets;  ///< [tokens], where each stands in its own text; [0, 0) for a
                                   ///< special token that the text does not contain
  std::vector<int32_t> type_ids;   ///< [tokens], which text each belongs to, as RaggedBatch takes
                                   ///< them; empty for a single text
  bool truncated = false;          ///< tokens were cut off to keep to EncodeOptions::max_length
};

struct EncodeOptions {
  bool add_special_tokens = true;
  int64_t max_length = 0;  ///< in tokens, special ones included; 0: no limit
};

/// Turns texts into token ids and back, with the ids and offsets of Hugging Face's tokenizers.
///
/// A handle to immutable data; copying it is cheap. Thread-safe.
class LANEWISE_EXPORT Tokenizer {
 public:
  /// The tokenizer of the texts that `model` reads. The first call for a model makes it (22 ms for
  /// 30,000 tokens), later ones share it.
  ///
  /// Fails with kNotFound for a model without a tokenizer; with kDataLoss or kUnsupported if the
  /// one in its file is damaged or uses a part that this build lacks.
  static Result<Tokenizer> of(const Model& model);

  /// The tokenizer of the texts that the decoder of `model` writes: that of the texts it reads,
  /// unless the model has two. Fails as of() does.
  static Result<Tokenizer> of_target(const Model& model);

  /// The tokenizer that `json`, the text of a tokenizer.json, describes. Its padding and its length
  /// to truncate to are ignored. For folders with other files see load_tokenizer() in
  /// lanewise/convert.hpp.
  ///
  /// Fails with kUnsupported, naming it, if it uses a part that this build lacks; with kDataLoss if
  /// it is no JSON or contradicts itself.
  static Result<Tokenizer> from_json(std::string_view json);

  /// This tokenizer for texts in the language `name`, for multilingual models that are told it
  /// (M2M100, NLLB, mBART): the special tokens around a text name that language instead of the one
  /// that the tokenizer was set to. `name` is as language_token() takes it.
  ///
  /// Fails with kInvalidArgument if the model has no such language, or is told none.
  Result<Tokenizer> for_language(std::string_view name) const;

  /// The tokens of `text`, cut to max_length at the end, or at the start where the tokenizer says
  /// so.
  ///
  /// Fails with kInvalidArgument: for a text that is not UTF-8, naming the byte, or that has 2^31
  /// bytes or more; for a max_length that is negative or has no room for the special tokens.
  Result<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// The tokens of two texts, `[CLS] first [SEP] second [SEP]` for BERT. To keep to max_length, the
  /// longer text is cut first. Fails as encode() does.
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options = {}) const;

  /// The text of `ids`. Ids without a token add nothing. Fails with kInvalidArgument for a negative
  /// id. For ids that come one by one see TextStream.
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  /// One more than the largest id. Smaller ids may have no token.
  int64_t vocabulary_size() const noexcept;
  /// The token with this id, "" if there is none. Valid as long as any copy of this tokenizer.
  std::string_view token(int32_t id) const noexcept;
  /// The id of `token`, if there is one. Fails with kResourceExhausted for lack of memory.
  Result<std::optional<int32_t>> id(std::string_view token) const;

  /// This tokenizer as the text of a tokenizer.json, without a language set by for_language().
  Result<std::string> to_json() const;

  /// For the library's own layers.
  const internal::TokenizerData& data() const noexcept { return *data_; }
  explicit Tokenizer(std::shared_ptr<const internal::TokenizerData> data)
      : data_(std::move(data)) {}

 private:
  std::shared_ptr<const internal::TokenizerData> data_;
};

/// The text of tokens that come one by one, as a Generator gives them.
///
/// The pieces of add() and finish() together are what Tokenizer::decode() gives for all tokens. A
/// token that is a part of a character, or whose text the next one may change, is held back until
/// its text is certain. Special tokens add nothing. Not thread-safe.
class LANEWISE_EXPORT TextStream {
 public:
  static Result<TextStream> create(const Tokenizer& tokenizer);

  TextStream(TextStream&&) noexcept;
  TextStream& operator=(TextStream&&) noexcept;
  ~TextStream();

  /// What the text has grown by; valid until the next call. Fails with kInvalidArgument for a
  /// negative id.
  Result<std::string_view> add(int32_t id);
  /// What was held back. Call it after the last token; the view is valid until the next call.
  Result<std::string_view> finish();

 private:
  class Impl;
  explicit TextStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Ok for a text in UTF-8, which every tokenizer asks for; else kInvalidArgument naming the first
/// byte that is not. Overlong forms, surrogates and code points above U+10FFFF are not UTF-8.
/// Thread-safe.
LANEWISE_EXPORT Status check_utf8(std::string_view text);

}  // namespace lanewise

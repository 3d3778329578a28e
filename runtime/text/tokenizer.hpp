#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::text {

/// The place of a token among words, which are what a pre-tokenizer splits a text into.
enum class TokenRole : uint8_t {
  kBeginsWord,  ///< also a whole word, or an added token within the text
  kWithinWord,
  kSpecial,  ///< put around the text by the template
};

/// A token and the bytes [begin, end) of the caller's text that it stands for; 0, 0 for a special
/// token that is not in the text.
struct Token {
  int32_t id;
  int32_t begin;
  int32_t end;
  TokenRole role = TokenRole::kBeginsWord;
};

struct Encoding {
  std::vector<Token> tokens;
  bool truncated = false;  ///< Tokens were removed to respect max_length.
};

/// A pair of texts, or as much of the second text as fits.
struct PairWindow {
  std::vector<Token> tokens;
  std::vector<int32_t> type_ids;
  size_t second_begin = 0;  ///< tokens [second_begin, second_end) are of the second text
  size_t second_end = 0;
};

struct WindowOptions {
  int64_t max_length = 0;  ///< in tokens, including special ones
  int64_t overlap = 0;     ///< tokens of the second text that a window shares with the one before
};

struct EncodeOptions {
  bool add_special_tokens = true;
  int64_t max_length = 0;  ///< 0: no limit. Includes special tokens.
};

/// Where a token stands. At the beginning of a text some decoders leave out a space.
enum class TokenPlace { kWithin, kFirst };

/// Turns text into token ids and back. Immutable and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer();

  /// The tokens of `text`, truncated to max_length on the right, or on the left if the tokenizer
  /// says so.
  ///
  /// Fails with kInvalidArgument, naming the byte, if the text is not UTF-8; if max_length is
  /// negative or has no room for the special tokens; if the text has 2^31 bytes or more.
  virtual Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const = 0;

  /// The tokens of two texts, [CLS] first [SEP] second [SEP] for BERT. If they exceed max_length,
  /// the longer text is truncated first. Offsets count from the start of the token's own text.
  ///
  /// type_ids  out: which text each token belongs to, as the tokenizer numbers them. May be null.
  /// Fails as encode does.
  virtual Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                                       const EncodeOptions& options,
                                       std::vector<int32_t>* type_ids) const = 0;

  /// The tokens of two texts, the second one in windows that overlap; one window if all fits.
  ///
  /// Fails as encode does; with kInvalidArgument if the first text leaves room for no more tokens of
  /// the second one than windows overlap; with kUnsupported for a tokenizer that truncates on the
  /// left.
  virtual Result<std::vector<PairWindow>> encode_windows(std::string_view first,
                                                         std::string_view second,
                                                         const WindowOptions& options) const = 0;

  /// The text of `ids`. As in Hugging Face, ids without a token add nothing.
  ///
  /// Fails with kInvalidArgument if an id is negative.
  virtual Result<std::string> decode(std::span<const int32_t> ids,
                                     bool skip_special_tokens) const = 0;

  /// The bytes that a token adds to the text of decode(), without special tokens. They need not be
  /// whole characters. "" for special tokens, and for ids without a token. Clean-up of spaces, which
  /// looks at several tokens, is left out.
  ///
  /// Fails with kUnsupported if the bytes depend on the tokens around it.
  virtual Result<std::string> token_bytes(int32_t id, TokenPlace place) const = 0;

  /// One more than the largest id. Some smaller ids may have no token.
  virtual int64_t vocabulary_size() const = 0;

  /// The token with this id, "" if there is none. Lives as long as the tokenizer.
  virtual std::string_view token(int32_t id) const = 0;

  virtual std::optional<int32_t> id(std::string_view token) const = 0;

  /// The tokenizer in the format of Hugging Face's tokenizer.json, to store in a model file.
  /// parse_tokenizer() of it gives an equal tokenizer.
  virtual std::string to_json() const = 0;
};

/// The tokenizer that a tokenizer.json or to_json() describes. (converters/tokenizers handles the
/// files beside it and other formats.)
///
/// Its padding and truncation length are ignored. Fails with kUnsupported, naming it, if it uses a
/// part that we lack; kDataLoss if it contradicts itself.
Result<std::shared_ptr<const Tokenizer>> parse_tokenizer(std::string_view json);

}  // namespace lanewise::text

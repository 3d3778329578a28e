#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/normalized_text.hpp"
#include "runtime/text/post_processor.hpp"
#include "runtime/text/token_table.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::text {

/// What all tokenizers share, whatever their model: they look up tokens by id, find added tokens in
/// a text before the model sees it, respect max_length and put special tokens around a text.
///
/// A subclass registers its tokens when it is built, in the order of the functions below, and
/// encodes the text between added tokens.
class TokenizerBase : public Tokenizer {
 public:
  Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const final;
  Result<Encoding> encode_pair(std::string_view first, std::string_view second,
                               const EncodeOptions& options,
                               std::vector<int32_t>* type_ids) const final;
  Result<std::vector<PairWindow>> encode_windows(std::string_view first, std::string_view second,
                                                 const WindowOptions& options) const final;
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens) const final;
  Result<std::string> token_bytes(int32_t id, TokenPlace place) const final;
  int64_t vocabulary_size() const final { return table_.size(); }
  std::string_view token(int32_t id) const final { return table_.token(id); }
  std::optional<int32_t> id(std::string_view token) const final;

 protected:
  /// A text and the tokens found in it so far. Above `budget` tokens, the rest of the text does not
  /// matter.
  struct Output {
    std::string_view text;
    size_t budget;
    std::vector<Token> tokens;

    bool full() const noexcept { return tokens.size() > budget; }
  };

  /// Registers a token of the model, whose string outlives this.
  Status enter(std::string_view token, int32_t id) { return table_.add(token, id); }
  /// Registers the added tokens, which outlive this; model_id() and normalize() must be ready.
  /// kDataLoss if the model gives one another id.
  Status enter_added_tokens(std::span<const AddedToken> tokens);
  /// kDataLoss if no token has the id of a special token.
  Status set_post_processor(PostProcessor processor);

  bool has_normalized_added_tokens() const noexcept { return !normalized_tokens_.empty(); }
  /// Appends a token with trimmed offsets. `name` is the token in the vocabulary.
  void push(std::string_view name, Token token, Output* out) const;

  /// Encodes bytes [begin, end) of the text between added tokens that are matched before
  /// normalisation: normalises them and splits them at the other added tokens.
  virtual Status encode_raw(size_t begin, size_t end, Output* out) const;

 private:
  /// The id of a token of the model, or ByteTrie::kNone.
  virtual int32_t model_id(std::string_view token) const = 0;
  /// The normal form of `text`, whose first byte is byte `offset` of the caller's.
  virtual Result<NormalizedText> normalize(std::string_view text, size_t offset) const = 0;
  /// Encodes bytes [begin, end) of normalised text, which contain no added token.
  virtual Status encode_normalized(const NormalizedText& text, size_t begin, size_t end,
                                   Output* out) const = 0;
  /// Decodes tokens to text.
  virtual Result<std::string> join_tokens(std::span<const std::string_view> tokens) const = 0;
  /// Decodes one token among others to its bytes; see token_bytes().
  virtual Result<std::string> bytes_of(std::string_view token, TokenPlace place) const = 0;
  /// Whether both texts of a pair are read to the end, whatever their room.
  virtual bool reads_pairs_whole() const { return false; }

  Status enter_added_token(const AddedToken& token);
  Status check_template(std::span<const TemplatePiece> pieces) const;
  Result<Output> encode_text(std::string_view text, size_t budget) const;
  PairWindow window_of(std::span<const Token> first, std::span<const Token> second) const;
  void truncate(size_t room, std::vector<Token>* tokens) const;

  TokenTable table_;
  ByteTrie added_;  // -> id
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  PostProcessor post_processor_;
};

}  // namespace lanewise::text

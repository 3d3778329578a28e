#include "runtime/text/tokenizer_base.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/offset_trimming.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

// A budget that no text exceeds, with room for the extra token that encode_text may find.
constexpr size_t kNoLimit = std::numeric_limits<size_t>::max() - 1;

/// The number of text tokens that the options leave room for.
Result<size_t> room_for_text(std::span<const TemplatePiece> pieces, const EncodeOptions& options) {
  if (options.max_length == 0) return kNoLimit;
  const int64_t specials = options.add_special_tokens ? special_count(pieces) : 0;
  if (options.max_length < specials) {
    return invalid_argument("max_length " + std::to_string(options.max_length) +
                            " has no room for " + std::to_string(specials) + " special tokens");
  }
  if (options.max_length < 0) return invalid_argument("max_length is negative");
  return static_cast<size_t>(options.max_length - specials);
}

Status check_text(std::string_view text) {
  if (text.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return check_utf8(text);
  }
  return invalid_argument("text has " + std::to_string(text.size()) +
                          " bytes, at most 2147483647 allowed");
}

}  // namespace

Status TokenizerBase::enter_added_tokens(std::span<const AddedToken> tokens) {
  for (const AddedToken& token : tokens) LW_RETURN_IF_ERROR(enter_added_token(token));
  return {};
}

Status TokenizerBase::enter_added_token(const AddedToken& token) {
  const int32_t known = model_id(token.content);
  if (known != ByteTrie::kNone && known != token.id) {
    return data_loss("added token '" + token.content + "' has id " + std::to_string(token.id) +
                     ", the vocabulary gives it " + std::to_string(known));
  }
  LW_RETURN_IF_ERROR(table_.add(token.content, token.id));
  std::string pattern = token.content;
  if (token.normalized) {
    LW_ASSIGN_OR_RETURN(NormalizedText normalized, normalize(token.content, 0));
    pattern = std::move(normalized.bytes);
    table_.decode_as(token.id, pattern);  // as Hugging Face does
  }
  AddedTokenMatcher& matcher = token.normalized ? normalized_tokens_ : raw_tokens_;
  if (!matcher.add(pattern, token) || !added_.insert(token.content, token.id)) {
    return resource_exhausted("the added tokens are too large");
  }
  if (token.special) table_.mark_special(token.id);
  return {};
}

Status TokenizerBase::set_post_processor(PostProcessor processor) {
  post_processor_ = std::move(processor);
  LW_RETURN_IF_ERROR(check_template(post_processor_.specials.single));
  return check_template(post_processor_.specials.pair);
}

Status TokenizerBase::check_template(std::span<const TemplatePiece> pieces) const {
  for (const TemplatePiece& piece : pieces) {
    for (const int32_t id : piece.ids) {
      if (token(id).empty()) {
        return data_loss("special token '" + piece.name + "': no token has its id " +
                         std::to_string(id));
      }
    }
  }
  return {};
}

Result<Encoding> TokenizerBase::encode(std::string_view text, const EncodeOptions& options) const {
  return base::no_throw([&]() -> Result<Encoding> {
    const std::vector<TemplatePiece>& pieces = post_processor_.specials.single;
    LW_ASSIGN_OR_RETURN(const size_t room, room_for_text(pieces, options));
    LW_ASSIGN_OR_RETURN(Output out,
                        encode_text(text, post_processor_.truncates_left ? kNoLimit : room));
    const bool truncated = out.tokens.size() > room;
    truncate(room, &out.tokens);
    return Encoding{apply_template(pieces, options.add_special_tokens, out.tokens, {}, nullptr),
                    truncated};
  });
}

Result<Encoding> TokenizerBase::encode_pair(std::string_view first, std::string_view second,
                                            const EncodeOptions& options,
                                            std::vector<int32_t>* type_ids) const {
  return base::no_throw([&]() -> Result<Encoding> {
    const std::vector<TemplatePiece>& pieces = post_processor_.specials.pair;
    LW_ASSIGN_OR_RETURN(const size_t room, room_for_text(pieces, options));
    const bool whole = reads_pairs_whole() || post_processor_.truncates_left;
    const size_t budget = whole ? kNoLimit : room;
    LW_ASSIGN_OR_RETURN(Output a, encode_text(first, budget));
    LW_ASSIGN_OR_RETURN(Output b, encode_text(second, budget));
    // encode_text stops one token above the room. Longer lengths matter only if both texts exceed
    // an odd room: the longer one gets the odd token.
    if (a.full() && b.full() && room % 2 != 0) {
      LW_ASSIGN_OR_RETURN(a, encode_text(first, kNoLimit));
      LW_ASSIGN_OR_RETURN(b, encode_text(second, kNoLimit));
    }
    const PairLengths lengths = truncate_longest_first(a.tokens.size(), b.tokens.size(), room);
    const bool truncated = lengths.first < a.tokens.size() || lengths.second < b.tokens.size();
    truncate(lengths.first, &a.tokens);
    truncate(lengths.second, &b.tokens);
    if (type_ids) type_ids->clear();
    return Encoding{
        apply_template(pieces, options.add_special_tokens, a.tokens, b.tokens, type_ids),
        truncated};
  });
}

PairWindow TokenizerBase::window_of(std::span<const Token> first,
                                    std::span<const Token> second) const {
  const std::vector<TemplatePiece>& pieces = post_processor_.specials.pair;
  PairWindow window;
  window.tokens = apply_template(pieces, true, first, second, &window.type_ids);
  window.second_begin = tokens_before_second(pieces, first.size());
  window.second_end = window.second_begin + second.size();
  return window;
}

Result<std::vector<PairWindow>> TokenizerBase::encode_windows(std::string_view first,
                                                              std::string_view second,
                                                              const WindowOptions& options) const {
  return base::no_throw([&]() -> Result<std::vector<PairWindow>> {
    if (post_processor_.truncates_left) {
      return unsupported("windows are not supported for a tokenizer that truncates on the left");
    }
    LW_ASSIGN_OR_RETURN(const size_t room, room_for_text(post_processor_.specials.pair,
                                                         {.max_length = options.max_length}));
    LW_ASSIGN_OR_RETURN(const Output a, encode_text(first, kNoLimit));
    LW_ASSIGN_OR_RETURN(const Output b, encode_text(second, kNoLimit));
    const std::span<const Token> tokens(b.tokens);
    std::vector<PairWindow> windows;
    if (a.tokens.size() + tokens.size() <= room) {
      windows.push_back(window_of(a.tokens, tokens));
      return windows;
    }
    const auto overlap = static_cast<size_t>(options.overlap);
    const size_t length = room - std::min(room, a.tokens.size());
    if (length <= overlap) {
      return invalid_argument(std::to_string(a.tokens.size()) + " tokens leave room for " +
                              std::to_string(length) + " of the other text, of " +
                              std::to_string(options.max_length) + ": expected more than " +
                              std::to_string(overlap));
    }
    for (size_t begin = 0;; begin += length - overlap) {
      const size_t end = std::min(begin + length, tokens.size());
      windows.push_back(window_of(a.tokens, tokens.subspan(begin, end - begin)));
      if (end == tokens.size()) return windows;
    }
  });
}

/// Keeps the first or the last `room` tokens.
void TokenizerBase::truncate(size_t room, std::vector<Token>* tokens) const {
  if (tokens->size() <= room) return;
  const auto surplus = static_cast<std::ptrdiff_t>(tokens->size() - room);
  const auto from = post_processor_.truncates_left ? tokens->begin() : tokens->end() - surplus;
  tokens->erase(from, from + surplus);
}

/// The tokens of a text without special tokens, at most one above the budget.
Result<TokenizerBase::Output> TokenizerBase::encode_text(std::string_view text,
                                                         size_t budget) const {
  LW_RETURN_IF_ERROR(check_text(text));
  Output out{text, budget, {}};
  // English has 4.5 bytes per token.
  out.tokens.reserve(std::min(text.size() / 4 + 8, std::min(budget, text.size()) + 1));
  Status status;
  raw_tokens_.split(text, [&](const AddedToken* token, size_t begin, size_t end) {
    if (token) {
      push(text.substr(begin, end - begin),
           {token->id, static_cast<int32_t>(begin), static_cast<int32_t>(end)}, &out);
    } else {
      status = encode_raw(begin, end, &out);
    }
    return status.ok() && !out.full();
  });
  LW_RETURN_IF_ERROR(status);
  if (out.full()) out.tokens.resize(budget + 1);
  return out;
}

Status TokenizerBase::encode_raw(size_t begin, size_t end, Output* out) const {
  LW_ASSIGN_OR_RETURN(const NormalizedText text,
                      normalize(out->text.substr(begin, end - begin), begin));
  if (normalized_tokens_.empty()) return encode_normalized(text, 0, text.bytes.size(), out);
  Status status;
  normalized_tokens_.split(text.bytes, [&](const AddedToken* token, size_t from, size_t to) {
    if (token) {
      push(std::string_view(text.bytes).substr(from, to - from),
           {token->id, text.spans[from].begin, text.spans[to - 1].end}, out);
    } else {
      status = encode_normalized(text, from, to, out);
    }
    return status.ok() && !out->full();
  });
  return status;
}

void TokenizerBase::push(std::string_view name, Token token, Output* out) const {
  for (const bool keeps_first : post_processor_.trims) {
    trim_offsets(out->text, name, keeps_first, out->tokens.empty(), &token);
  }
  out->tokens.push_back(token);
}

Result<std::string> TokenizerBase::decode(std::span<const int32_t> ids,
                                          bool skip_special_tokens) const {
  return base::no_throw([&]() -> Result<std::string> {
    LW_ASSIGN_OR_RETURN(const std::vector<std::string_view> tokens,
                        table_.decoded(ids, skip_special_tokens));
    return join_tokens(tokens);
  });
}

Result<std::string> TokenizerBase::token_bytes(int32_t id, TokenPlace place) const {
  return base::no_throw([&]() -> Result<std::string> {
    LW_ASSIGN_OR_RETURN(const std::vector<std::string_view> tokens, table_.decoded({&id, 1}, true));
    return tokens.empty() ? std::string() : bytes_of(tokens[0], place);
  });
}

std::optional<int32_t> TokenizerBase::id(std::string_view token) const {
  const int32_t added = added_.find(token);
  const int32_t id = added == ByteTrie::kNone ? model_id(token) : added;
  if (id == ByteTrie::kNone) return std::nullopt;
  return id;
}

}  // namespace lanewise::text

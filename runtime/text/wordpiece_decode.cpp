#include "runtime/text/wordpiece_decode.hpp"

#include <utility>

#include "runtime/text/token_table.hpp"

namespace lanewise::text {
namespace {

/// Applied in this order.
constexpr std::pair<std::string_view, std::string_view> kCleanups[] = {
    {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
    {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
    {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

void replace_all(std::string_view from, std::string_view to, std::string* text) {
  for (size_t at = text->find(from); at != std::string::npos; at = text->find(from, at)) {
    text->replace(at, from.size(), to);
    at += to.size();
  }
}

}  // namespace

void clean_up_token(std::string* piece) {
  // Every pattern starts with a space.
  if (piece->find(' ') == std::string::npos) return;
  for (const auto& [from, to] : kCleanups) replace_all(from, to, piece);
}

std::string wordpiece_text(std::string_view token, bool first, const WordPieceDecoder& decoder) {
  std::string piece(token);
  if (!first && piece.starts_with(decoder.prefix)) {
    piece.erase(0, decoder.prefix.size());
  } else if (!first) {
    piece.insert(0, 1, ' ');
  }
  if (decoder.cleanup) clean_up_token(&piece);
  return piece;
}

std::string decode_wordpiece(std::span<const std::string_view> tokens,
                             const WordPieceDecoder& decoder) {
  if (!decoder.present) return join(tokens, " ");
  std::string text;
  for (size_t i = 0; i < tokens.size(); ++i) text += wordpiece_text(tokens[i], i == 0, decoder);
  return text;
}

}  // namespace lanewise::text

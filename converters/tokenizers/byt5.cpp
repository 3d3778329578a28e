// Xue et al. 2021, arXiv:2105.13626. Ids as in Transformers' ByT5Tokenizer.

#include <utility>

#include "converters/tokenizers/families.hpp"
#include "runtime/text/special_template.hpp"
#include "runtime/text/tokenizer_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using text::AddedToken;

constexpr int32_t kUsualExtraIds = 125;
constexpr int32_t kBytes = 256;

/// The tokens after the bytes. When Transformers saves a tokenizer, it writes their names, and
/// `extra_ids` as 0.
std::vector<std::string> extra_tokens(const Companions& companions) {
  std::vector<std::string> tokens;
  for (const NamedToken& named : companions.named_tokens) {
    if (named.setting == "extra_special_tokens") tokens.push_back(named.token.content);
  }
  if (!tokens.empty()) return tokens;
  const int32_t count = companions.extra_ids.value_or(kUsualExtraIds);
  for (int32_t i = 0; i < count; ++i) tokens.push_back("<extra_id_" + std::to_string(i) + ">");
  return tokens;
}

std::vector<AddedToken> added_tokens(const Companions& companions) {
  std::vector<AddedToken> tokens;
  const auto add = [&](std::string content, int32_t id, bool strips) {
    AddedToken token;
    token.content = std::move(content);
    token.id = id;
    token.lstrip = token.rstrip = strips;
    token.special = true;
    tokens.push_back(std::move(token));
  };
  int32_t id = 0;
  for (const auto& [setting, usual] :
       {std::pair("pad_token", "<pad>"), {"eos_token", "</s>"}, {"unk_token", "<unk>"}}) {
    add(companions.token_name(setting, usual), id++, true);
  }
  id += kBytes;
  for (std::string& token : extra_tokens(companions)) add(std::move(token), id++, false);
  return tokens;
}

}  // namespace

Result<std::string> byt5_tokenizer(const Companions& companions) {
  const std::vector<AddedToken> tokens = added_tokens(companions);
  constexpr size_t kEos = 1;
  const text::TemplatePiece end{.name = tokens[kEos].content, .ids = {tokens[kEos].id}};
  // One text or two, each followed by the end token.
  text::SpecialTemplate specials = text::bare_template();
  specials.single.push_back(end);
  specials.pair.insert(specials.pair.begin() + 1, end);
  specials.pair.push_back(end);
  for (text::TemplatePiece& piece : specials.pair) piece.type_id = 0;
  Json vocabulary = Json::object();
  for (size_t i = 0; i < 3; ++i) vocabulary.set(tokens[i].content, tokens[i].id);
  for (int32_t byte = 0; byte < kBytes; ++byte) {
    std::string token;
    text::append_utf8(static_cast<char32_t>(byte), &token);
    vocabulary.set(token, byte + 3);
  }
  Json file = text::bare_tokenizer_json(tokens);
  file.set("pre_tokenizer", Json::object({{"type", "Bytes"}}));
  // The token itself: a copy would be gone when its view is read.
  const auto token_of = [&](int32_t id) -> std::string_view {
    return tokens[static_cast<size_t>(id)].content;
  };
  file.set("post_processor", text::template_to_json(specials, token_of));
  Json decoder = Json::object({{"type", "Bytes"}});
  if (companions.clean_up_tokenization_spaces) {
    Json decoders = Json::array(std::move(decoder), Json::object({{"type", "CleanUp"}}));
    decoder = Json::object({{"type", "Sequence"}, {"decoders", std::move(decoders)}});
  }
  file.set("decoder", std::move(decoder));
  file.set("model", Json::object({{"type", "WordLevel"},
                                  {"vocab", std::move(vocabulary)},
                                  {"unk_token", tokens[2].content}}));
  return sorted_text(std::move(file));
}

}  // namespace lanewise::converters

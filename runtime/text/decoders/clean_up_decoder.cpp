#include "runtime/text/decoders/clean_up_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lanewise::text {
namespace {

/// Applied in this order. (WordPiece's decoder has other replacements, which see each token alone.)
constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

class CleanUp final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::string text;
    for (const std::string& token : *tokens) text += token;
    for (const auto& [from, to] : kReplacements) text = replaced(text, from, to);
    *tokens = {std::move(text)};
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    token->fused = true;
    return {};
  }
};

}  // namespace

Result<DecoderPtr> read_clean_up_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<CleanUp>());
}

}  // namespace lanewise::text

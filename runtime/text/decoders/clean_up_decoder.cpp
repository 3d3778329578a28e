#include "runtime/text/decoders/clean_up_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lanewise::text {
namespace {

/// Applied in this order. (Those of WordPiece's decoder are others, and see each token alone.)
constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (size_t found = text.find(from); found != text.npos; found = text.find(from)) {
    result.append(text.substr(0, found)).append(to);
    text.remove_prefix(found + from.size());
  }
  return result.append(text);
}

class CleanUp final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::string text;
    for (const std::string& token : *tokens) text += token;
    for (const auto& [from, to] : kReplacements) text = replaced(text, from, to);
    *tokens = {std::move(text)};
    return {};
  }
};

}  // namespace

Result<DecoderPtr> read_clean_up_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<CleanUp>());
}

}  // namespace lanewise::text

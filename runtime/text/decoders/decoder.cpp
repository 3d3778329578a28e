#include "runtime/text/decoders/decoder.hpp"

#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/decoders/byte_decoders.hpp"
#include "runtime/text/decoders/clean_up_decoder.hpp"
#include "runtime/text/decoders/sentencepiece_decoder.hpp"
#include "runtime/text/decoders/token_decoders.hpp"

namespace lanewise::text {
namespace {

class Sequence final : public Decoder {
 public:
  explicit Sequence(std::vector<DecoderPtr> steps) : steps_(std::move(steps)) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (const DecoderPtr& step : steps_) LW_RETURN_IF_ERROR(step->decode(tokens));
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    for (const DecoderPtr& step : steps_) LW_RETURN_IF_ERROR(step->decode_one(token));
    return {};
  }

 private:
  std::vector<DecoderPtr> steps_;
};

Result<DecoderPtr> read_sequence(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, fields.objects("decoders"));
  std::vector<DecoderPtr> steps;
  for (const base::JsonFields& step : list) {
    LW_ASSIGN_OR_RETURN(DecoderPtr decoder, read_decoder(step));
    steps.push_back(std::move(decoder));
  }
  return DecoderPtr(std::make_unique<Sequence>(std::move(steps)));
}

struct Kind {
  std::string_view type;
  Result<DecoderPtr> (*read)(const base::JsonFields& fields);
};

constexpr Kind kKinds[] = {
    {"Sequence", read_sequence},
    {"ByteLevel", read_byte_level_decoder},
    {"ByteFallback", read_byte_fallback_decoder},
    {"Metaspace", read_metaspace_decoder},
    {"Fuse", read_fuse_decoder},
    {"Strip", read_strip_decoder},
    {"Replace", read_replace_decoder},
    {"BPEDecoder", read_bpe_decoder},
    {"WordPiece", read_wordpiece_decoder},
    {"CTC", read_ctc_decoder},
    {"SentencePiece", read_sentencepiece_decoder},
    {"CleanUp", read_clean_up_decoder},
    {"Bytes", read_bytes_decoder},
};

}  // namespace

Decoder::~Decoder() = default;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t found = from.empty() ? text.npos : text.find(from, at);
    result += text.substr(at, found - at);
    if (found == text.npos) break;
    result += to;
    at = found + from.size();
  }
  return result;
}

Status needs_neighbours(std::string_view decoder) {
  return unsupported("the text of a token depends on its neighbours with the decoder '" +
                     std::string(decoder) + "'");
}

Result<DecoderPtr> read_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind.read(fields);
  }
  return unsupported("decoder '" + type + "' is not supported");
}

}  // namespace lanewise::text

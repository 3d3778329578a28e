#include "runtime/text/normalizers/normalizer.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/bert_normalizer.hpp"
#include "runtime/text/normalizers/character_normalizers.hpp"
#include "runtime/text/normalizers/precompiled_normalizer.hpp"
#include "runtime/text/normalizers/sentencepiece_normalizer.hpp"
#include "runtime/text/normalizers/unicode_normalizer.hpp"

namespace lanewise::text {
namespace {

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<NormalizerPtr> steps) : steps_(std::move(steps)) {}

  Status normalize(NormalizedText* text) const override {
    for (const NormalizerPtr& step : steps_) LW_RETURN_IF_ERROR(step->normalize(text));
    return {};
  }

 private:
  std::vector<NormalizerPtr> steps_;
};

Result<NormalizerPtr> read_sequence(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, fields.objects("normalizers"));
  std::vector<NormalizerPtr> steps;
  for (const base::JsonFields& step : list) {
    LW_ASSIGN_OR_RETURN(NormalizerPtr normalizer, read_normalizer(step));
    steps.push_back(std::move(normalizer));
  }
  return NormalizerPtr(std::make_unique<Sequence>(std::move(steps)));
}

class Bert final : public Normalizer {
 public:
  explicit Bert(const BertNormalizerOptions& options) : options_(options) {}

  Status normalize(NormalizedText* text) const override {
    NormalizedText result;
    normalize_bert(text->bytes, 0, options_, &result);
    // These spans are in the text passed to it; map them to the caller's text.
    for (Span& span : result.spans) {
      span = {text->spans[static_cast<size_t>(span.begin)].begin,
              text->spans[static_cast<size_t>(span.end) - 1].end};
    }
    *text = std::move(result);
    return {};
  }

 private:
  BertNormalizerOptions options_;
};

Result<NormalizerPtr> read_bert(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const BertNormalizerOptions options, bert_normalizer_from_json(fields));
  return NormalizerPtr(std::make_unique<Bert>(options));
}

struct Kind {
  std::string_view type;
  Result<NormalizerPtr> (*read)(const base::JsonFields& fields);
};

constexpr Kind kKinds[] = {
    {"Sequence", read_sequence},
    {"NFC", read_unicode_normalizer},
    {"NFD", read_unicode_normalizer},
    {"NFKC", read_unicode_normalizer},
    {"NFKD", read_unicode_normalizer},
    {"Lowercase", read_lowercase},
    {"Strip", read_strip},
    {"StripAccents", read_strip_accents},
    {"Nmt", read_nmt},
    {"Prepend", read_prepend},
    {"Replace", read_replace},
    {"ByteLevel", read_byte_level_normalizer},
    {"BertNormalizer", read_bert},
    {"Precompiled", read_precompiled},
    {"SentencePiece", read_sentencepiece_normalizer},
};

}  // namespace

Normalizer::~Normalizer() = default;

Result<NormalizerPtr> read_normalizer(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind.read(fields);
  }
  return unsupported("normalizer '" + type + "' is not supported");
}

}  // namespace lanewise::text

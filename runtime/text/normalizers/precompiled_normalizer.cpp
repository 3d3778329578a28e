#include "runtime/text/normalizers/precompiled_normalizer.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/charsmap.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

constexpr size_t kLongestGrapheme = 5;

int code_points_in(std::string_view text) noexcept {
  return static_cast<int>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

/// Replaces `old` code point by code point; the last one absorbs the difference in length.
void replace(std::string_view old, std::string_view replacement, std::vector<Change>* out) {
  const size_t first = out->size();
  for (size_t i = 0; i < replacement.size();) {
    const CodePoint code_point = decode_at(replacement, i);
    out->push_back({code_point.value, 0});
    i += static_cast<size_t>(code_point.length);
  }
  const int surplus = static_cast<int>(out->size() - first) - code_points_in(old);
  for (int k = 0; k < surplus; ++k) (*out)[out->size() - 1 - static_cast<size_t>(k)].change = 1;
  // If the replacement is empty, the code point before absorbs it, whatever it is.
  if (surplus < 0 && !out->empty()) out->back().change += surplus;
}

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(Charsmap map) : map_(std::move(map)) {}

  Status normalize(NormalizedText* text) const override {
    std::vector<Change> changes;
    changes.reserve(text->bytes.size());
    const std::string_view bytes = text->bytes;
    bool changed = false;
    for (size_t begin = 0; begin < bytes.size();) {
      const size_t end = grapheme_end(bytes, begin);
      changed |= normalize_grapheme(bytes.substr(begin, end - begin), &changes);
      begin = end;
    }
    if (changed) *text = transformed(*text, changes);
    return {};
  }

 private:
  /// Returns whether anything was replaced.
  bool normalize_grapheme(std::string_view grapheme, std::vector<Change>* out) const {
    if (grapheme.size() <= kLongestGrapheme) {
      const Charsmap::Rule rule = map_.shortest(grapheme);
      if (rule.length > 0) {
        replace(grapheme, rule.replacement, out);
        return true;
      }
    }
    bool changed = false;
    for (size_t i = 0; i < grapheme.size();) {
      const CodePoint code_point = decode_at(grapheme, i);
      const std::string_view part = grapheme.substr(i, static_cast<size_t>(code_point.length));
      const Charsmap::Rule rule = map_.shortest(part);
      if (rule.length > 0) {
        replace(part, rule.replacement, out);
        changed = true;
      } else {
        out->push_back({code_point.value, 0});
      }
      i += part.size();
    }
    return changed;
  }

  Charsmap map_;
};

}  // namespace

Result<NormalizerPtr> read_precompiled(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::string base64, fields.string("precompiled_charsmap"));
  LW_ASSIGN_OR_RETURN(Charsmap map, Charsmap::parse_base64(base64));
  return NormalizerPtr(std::make_unique<Precompiled>(std::move(map)));
}

}  // namespace lanewise::text

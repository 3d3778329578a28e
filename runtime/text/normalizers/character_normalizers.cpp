#include "runtime/text/normalizers/character_normalizers.hpp"

#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/byte_level.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/pattern_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

/// Calls visit(code point, its first byte, its end) for each code point of `text`.
template <typename Visit>
void each_code_point(const NormalizedText& text, const Visit& visit) {
  for (size_t i = 0; i < text.bytes.size();) {
    const CodePoint code_point = decode_at(text.bytes, i);
    const size_t end = i + static_cast<size_t>(code_point.length);
    visit(code_point.value, i, end);
    i = end;
  }
}

bool is_space(char32_t code_point) noexcept { return code_point_class(code_point) & kSpace; }

/// A normalizer without settings.
class Plain final : public Normalizer {
 public:
  using Function = void (*)(const NormalizedText& text, NormalizedText* out);
  explicit Plain(Function function) : function_(function) {}

  Status normalize(NormalizedText* text) const override {
    NormalizedText result;
    function_(*text, &result);
    *text = std::move(result);
    return {};
  }

 private:
  Function function_;
};

Result<NormalizerPtr> plain(Plain::Function function) {
  return NormalizerPtr(std::make_unique<Plain>(function));
}

void lower(const NormalizedText& text, NormalizedText* out) {
  each_code_point(text, [&](char32_t code_point, size_t begin, size_t) {
    char32_t lowered[2];
    const int count = lowercase(code_point, lowered);
    for (int i = 0; i < count; ++i) out->append(lowered[i], text.spans[begin]);
  });
}

void strip_accents(const NormalizedText& text, NormalizedText* out) {
  each_code_point(text, [&](char32_t code_point, size_t begin, size_t end) {
    if (!(code_point_class(code_point) & kMark)) out->append(text, begin, end);
  });
}

bool dropped_by_nmt(char32_t c) noexcept {
  return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}

bool space_of_nmt(char32_t c) noexcept {
  return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

void nmt(const NormalizedText& text, NormalizedText* out) {
  each_code_point(text, [&](char32_t code_point, size_t begin, size_t) {
    if (dropped_by_nmt(code_point)) return;
    out->append(space_of_nmt(code_point) ? U' ' : code_point, text.spans[begin]);
  });
}

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  Status normalize(NormalizedText* text) const override {
    const std::string& bytes = text->bytes;
    size_t begin = 0;
    while (left_ && begin < bytes.size()) {
      const CodePoint code_point = decode_at(bytes, begin);
      if (!is_space(code_point.value)) break;
      begin += static_cast<size_t>(code_point.length);
    }
    size_t end = bytes.size();
    while (right_ && end > begin) {
      const size_t last = previous_code_point(bytes, end);
      if (!is_space(decode_at(bytes, last).value)) break;
      end = last;
    }
    if (begin == 0 && end == bytes.size()) return {};
    NormalizedText result;
    result.append(*text, begin, end);
    *text = std::move(result);
    return {};
  }

 private:
  bool left_;
  bool right_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}

  Status normalize(NormalizedText* text) const override {
    if (text->bytes.empty()) return {};
    NormalizedText result;
    result.append(prefix_, text->spans[0]);
    result.append(*text, 0, text->bytes.size());
    *text = std::move(result);
    return {};
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  /// A replacement has the span of the last byte that it replaces, as in Hugging Face.
  Status normalize(NormalizedText* text) const override {
    std::vector<Match> matches;
    LW_RETURN_IF_ERROR(pattern_.find_all(text->bytes, &matches));
    NormalizedText result;
    for (const Match& match : matches) {
      if (!match.matched) {
        result.append(*text, match.begin, match.end);
      } else if (match.end > 0) {
        result.append(content_, text->spans[match.end - 1]);
      } else {
        const int32_t begin = text->spans.empty() ? 0 : text->spans[0].begin;
        result.append(content_, {begin, begin});
      }
    }
    *text = std::move(result);
    return {};
  }

 private:
  Regex pattern_;
  std::string content_;
};

}  // namespace

Result<NormalizerPtr> read_lowercase(const base::JsonFields&) { return plain(lower); }

Result<NormalizerPtr> read_strip_accents(const base::JsonFields&) { return plain(strip_accents); }

Result<NormalizerPtr> read_nmt(const base::JsonFields&) { return plain(nmt); }

Result<NormalizerPtr> read_byte_level_normalizer(const base::JsonFields&) {
  return plain([](const NormalizedText& text, NormalizedText* out) {
    append_byte_level(text, 0, text.bytes.size(), out);
  });
}

Result<NormalizerPtr> read_strip(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const bool left, fields.boolean_or("strip_left", true));
  LW_ASSIGN_OR_RETURN(const bool right, fields.boolean_or("strip_right", true));
  return NormalizerPtr(std::make_unique<Strip>(left, right));
}

Result<NormalizerPtr> read_prepend(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(std::string prefix, fields.string("prepend"));
  return NormalizerPtr(std::make_unique<Prepend>(std::move(prefix)));
}

Result<NormalizerPtr> read_replace(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(Regex pattern, read_pattern(fields));
  LW_ASSIGN_OR_RETURN(std::string content, fields.string("content"));
  return NormalizerPtr(std::make_unique<Replace>(std::move(pattern), std::move(content)));
}

}  // namespace lanewise::text

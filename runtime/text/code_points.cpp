#include "runtime/text/code_points.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

struct ClassRange {
  char32_t first;
  char32_t last;
  uint8_t bits;
};

constexpr ClassRange kClassRanges[] = {
#include "runtime/text/code_point_classes.inc"
};

struct ScriptRange {
  char32_t first;
  char32_t last;
  uint8_t script;
};

constexpr ScriptRange kScriptRanges[] = {
#include "runtime/text/code_point_scripts.inc"
};

/// The range of a sorted table that contains a code point, or null.
template <typename Range, size_t kCount>
const Range* range_of(const Range (&ranges)[kCount], char32_t code_point) noexcept {
  const auto* after =
      std::upper_bound(std::begin(ranges), std::end(ranges), code_point,
                       [](char32_t value, const Range& range) { return value < range.first; });
  if (after == std::begin(ranges) || code_point > (after - 1)->last) return nullptr;
  return after - 1;
}

struct CodePointRange {
  char32_t first;
  char32_t last;
};

template <size_t kCount>
bool contains(const CodePointRange (&ranges)[kCount], char32_t code_point) noexcept {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](const CodePointRange& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

/// Canonical decompositions added after Unicode 9, where Hugging Face's table stops.
constexpr CodePointRange kYoungDecompositions[] = {
    {0x105C9, 0x105C9}, {0x105E4, 0x105E4}, {0x11383, 0x11391}, {0x113C5, 0x113C8},
    {0x11938, 0x11938}, {0x16121, 0x16128}, {0x16D68, 0x16D6A},
};

/// Compatibility decompositions added after Unicode 9.
constexpr CodePointRange kYoungCompatible[] = {
    {0x32FF, 0x32FF},   {0xA7F1, 0xA7F4},   {0xAB69, 0xAB69},   {0x10781, 0x107BA},
    {0x1CCD6, 0x1CCF9}, {0x1E030, 0x1E06D}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9},
};

/// Lowercase pairs of Unicode 16 and 17, which Rust's standard library has and utf8proc 2.8
/// (Unicode 15) lacks.
struct LowercaseRange {
  char32_t first;
  char32_t last;
  int32_t delta;
};
constexpr LowercaseRange kYoungLowercase[] = {
    {0x1C89, 0x1C89, 1},      {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7CC, 1},      {0xA7CE, 0xA7CE, 1},
    {0xA7D2, 0xA7D2, 1},      {0xA7D4, 0xA7D4, 1},
    {0xA7DA, 0xA7DA, 1},      {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 0x20}, {0x16EA0, 0x16EB8, 0x1B},
};

constexpr CodePointRange kIdeographs[] = {
    {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

/// Alphabetic but neither letters nor marks (circled and squared letters), and the join controls.
constexpr CodePointRange kOtherWordCharacters[] = {
    {0x200C, 0x200D}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
};

/// Word characters of Unicode 15.1 and 16, which Rust's `regex` has and utf8proc 2.8 lacks.
constexpr CodePointRange kYoungWordCharacters[] = {
    {0x897, 0x897},     {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},
    {0x105C0, 0x105F3}, {0x10D40, 0x10D65}, {0x10D69, 0x10D6D}, {0x10D6F, 0x10D85},
    {0x10EC2, 0x10EC4}, {0x10EFC, 0x10EFC}, {0x11380, 0x11389}, {0x1138B, 0x1138B},
    {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113C0}, {0x113C2, 0x113C2},
    {0x113C5, 0x113C5}, {0x113C7, 0x113CA}, {0x113CC, 0x113D3}, {0x113E1, 0x113E2},
    {0x116D0, 0x116E3}, {0x11BC0, 0x11BE0}, {0x11BF0, 0x11BF9}, {0x11F5A, 0x11F5A},
    {0x13460, 0x143FA}, {0x16100, 0x16139}, {0x16D40, 0x16D6C}, {0x16D70, 0x16D79},
    {0x18CFF, 0x18CFF}, {0x1CCF0, 0x1CCF9}, {0x1E5D0, 0x1E5FA}, {0x2EBF0, 0x2EE5D}};

utf8proc_int32_t as_utf8proc(char32_t code_point) noexcept {
  return static_cast<utf8proc_int32_t>(code_point);
}

template <int kMax>
int decompose_by_utf8proc(char32_t code_point, int options, char32_t* out) noexcept {
  utf8proc_int32_t parts[kMax];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      as_utf8proc(code_point), parts, kMax, static_cast<utf8proc_option_t>(options), &boundary);
  // A Unicode scalar value neither fails nor exceeds kMax; if one did, it would stay unchanged.
  if (count < 1 || count > kMax) return 1;
  for (int i = 0; i < count; ++i) out[i] = static_cast<char32_t>(parts[i]);
  return static_cast<int>(count);
}

}  // namespace

uint8_t code_point_class(char32_t code_point) noexcept {
  const ClassRange* range = range_of(kClassRanges, code_point);
  return range ? range->bits : 0;
}

int script_of(char32_t code_point) noexcept {
  const ScriptRange* range = range_of(kScriptRanges, code_point);
  return range ? range->script : 0;
}

int combining_class(char32_t code_point) noexcept {
  if ((code_point_class(code_point) & kReordered) == 0) return 0;
  return utf8proc_get_property(as_utf8proc(code_point))->combining_class;
}

int decompose(char32_t code_point, char32_t out[kMaxDecomposition]) noexcept {
  out[0] = code_point;
  if (code_point < 0xC0 || contains(kYoungDecompositions, code_point)) return 1;
  return decompose_by_utf8proc<kMaxDecomposition>(code_point, UTF8PROC_DECOMPOSE, out);
}

int decompose_compatible(char32_t code_point, char32_t out[kMaxCompatibleDecomposition]) noexcept {
  out[0] = code_point;
  if (code_point < 0xA0 || contains(kYoungDecompositions, code_point) ||
      contains(kYoungCompatible, code_point)) {
    return 1;
  }
  return decompose_by_utf8proc<kMaxCompatibleDecomposition>(
      code_point, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, out);
}

char32_t compose(char32_t first, char32_t second) noexcept {
  // No code point below U+0300 is the second of a pair.
  if (second < 0x300) return 0;
  utf8proc_int32_t pair[2] = {as_utf8proc(first), as_utf8proc(second)};
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  if (utf8proc_normalize_utf32(pair, 2, kOptions) != 1) return 0;
  const auto composite = static_cast<char32_t>(pair[0]);
  return contains(kYoungDecompositions, composite) ? 0 : composite;
}

size_t grapheme_end(std::string_view text, size_t begin) noexcept {
  utf8proc_int32_t state = 0;
  CodePoint current = decode_at(text, begin);
  size_t end = begin + static_cast<size_t>(current.length);
  while (end < text.size()) {
    const CodePoint next = decode_at(text, end);
    if (utf8proc_grapheme_break_stateful(as_utf8proc(current.value), as_utf8proc(next.value),
                                         &state)) {
      break;
    }
    current = next;
    end += static_cast<size_t>(next.length);
  }
  return end;
}

int lowercase(char32_t code_point, char32_t out[2]) noexcept {
  if (code_point == 0x130) {  // the only one with a lowercase of two code points
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  for (const LowercaseRange& range : kYoungLowercase) {
    if (code_point < range.first || code_point > range.last) continue;
    out[0] = static_cast<char32_t>(static_cast<int32_t>(code_point) + range.delta);
    return 1;
  }
  out[0] = static_cast<char32_t>(utf8proc_tolower(as_utf8proc(code_point)));
  return 1;
}

bool is_ideograph(char32_t code_point) noexcept {
  return code_point >= 0x3400 && contains(kIdeographs, code_point);
}

bool is_word_character(char32_t code_point) noexcept {
  switch (utf8proc_category(as_utf8proc(code_point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return contains(kOtherWordCharacters, code_point) ||
             contains(kYoungWordCharacters, code_point);
  }
}

}  // namespace lanewise::text

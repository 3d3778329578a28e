#include "runtime/text/regex_syntax.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/status_macros.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

// The longest published pattern has under 500 bytes.
constexpr size_t kMaxPatternBytes = 8192;

/// White space, as the contents of [...]. PCRE2 also includes U+180E.
constexpr std::string_view kSpaces =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

/// Further word characters of Oniguruma: superscripts and fractions of Latin-1, and circled and
/// squared letters.
constexpr std::string_view kOtherWordClasses =
    R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})"
    R"(\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

constexpr std::string_view kCategories[] = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd",
    "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S",  "Sm",
    "Sc", "Sk", "So", "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Cn", "Co",
};

/// Code points of a category in Unicode 16, which Hugging Face's Oniguruma uses, but not in Unicode
/// 14, which PCRE2 10.42 uses.
struct YoungCodePoints {
  std::string_view category;
  std::string_view ranges;  // the contents of [...]
};
constexpr YoungCodePoints kYoung[] = {
#include "runtime/text/young_categories.inc"
};

/// Appends the contents of a class for a general category.
void append_category(std::string_view category, std::string* to) {
  *to += "\\p{" + std::string(category) + "}";
  for (const YoungCodePoints& young : kYoung) {
    if (young.category.starts_with(category)) *to += young.ranges;
  }
}

/// Group openings with the same meaning in both libraries.
constexpr std::string_view kGroups[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translation {
 public:
  explicit Translation(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    while (i_ < pattern_.size()) LW_RETURN_IF_ERROR(step());
    return std::move(out_);
  }

 private:
  Status step() {
    switch (pattern_[i_]) {
      case '\\':
        return escape();
      case '[':
        return character_class();
      case '(':
        return group();
      case '{':
        return interval();
      default:
        out_ += pattern_[i_++];
        return {};
    }
  }

  bool next_is(std::string_view text) const noexcept {
    return pattern_.substr(i_).starts_with(text);
  }

  Status lacking(std::string_view what) const {
    return unsupported("'" + std::string(what) + "' in the regular expression '" +
                       std::string(pattern_) + "' is not supported");
  }

  Status group() {
    if (!next_is("(?") && !next_is("(*")) {
      out_ += pattern_[i_++];
      return {};
    }
    for (const std::string_view opening : kGroups) {
      if (!next_is(opening)) continue;
      out_ += opening;
      i_ += opening.size();
      return {};
    }
    return lacking(pattern_.substr(i_, 3));
  }

  /// {n}, {n,}, {n,m} or {,m}; any other brace is literal.
  Status interval() {
    size_t end = i_ + 1;
    while (end < pattern_.size() && (is_digit(pattern_[end]) || pattern_[end] == ',')) ++end;
    const std::string_view inside = pattern_.substr(i_ + 1, end - i_ - 1);
    const auto commas = std::count(inside.begin(), inside.end(), ',');
    const bool counts = end < pattern_.size() && pattern_[end] == '}' && commas <= 1 &&
                        inside.size() > static_cast<size_t>(commas);
    if (!counts) {
      out_ += "\\{";
      ++i_;
      return {};
    }
    const char after = end + 1 < pattern_.size() ? pattern_[end + 1] : ' ';
    if (after == '+' || (after == '?' && commas == 0)) {
      return lacking(pattern_.substr(i_, end + 2 - i_));
    }
    out_ += inside.starts_with(',') ? "{0" : "{";
    out_ += inside;
    out_ += '}';
    i_ = end + 1;
    return {};
  }

  /// \p{Name} as the contents of a class; `negated`: it stands for the complement.
  Status property(std::string* inside, bool* negated) {
    const size_t close = pattern_.find('}', i_);
    if (i_ + 2 >= pattern_.size() || pattern_[i_ + 2] != '{' || close == std::string_view::npos) {
      return lacking(pattern_.substr(i_, 2));
    }
    std::string_view name = pattern_.substr(i_ + 3, close - i_ - 3);
    *negated = pattern_[i_ + 1] == 'P';
    if (name.starts_with('^')) {
      *negated = !*negated;
      name.remove_prefix(1);
    }
    const auto in_name = [](char c) { return is_letter(c) || c == '_'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), in_name)) {
      return lacking(pattern_.substr(i_, close + 1 - i_));
    }
    if (std::ranges::find(kCategories, name) != std::end(kCategories)) {
      append_category(name, inside);
    } else {
      // PCRE2 takes a bare script name as Script_Extensions.
      *inside += "\\p{sc:" + std::string(name) + "}";
    }
    i_ = close + 1;
    return {};
  }

  /// \s, \d, \w or \p{...}, returned as property() does; nothing if none of these is next.
  Status class_escape(std::string* inside, bool* negated) {
    if (i_ + 1 >= pattern_.size()) return lacking("\\");
    const char c = pattern_[i_ + 1];
    switch (c) {
      case 'p':
      case 'P':
        return property(inside, negated);
      case 's':
      case 'S':
        *inside += kSpaces;
        break;
      case 'd':
      case 'D':
        append_category("Nd", inside);
        break;
      case 'w':
      case 'W':
        for (const char* category : {"L", "M", "Nd", "Nl", "Pc"}) append_category(category, inside);
        *inside += kOtherWordClasses;
        break;
      default:
        return {};
    }
    *negated = (c & 0x20) == 0;
    i_ += 2;
    return {};
  }

  /// Appends \xHH, \x{H...} or \uHHHH to `to`.
  Status code_point(std::string* to) {
    const bool braces = pattern_.substr(i_ + 2).starts_with('{');
    const size_t begin = i_ + (braces ? 3 : 2);
    const size_t length = pattern_[i_ + 1] == 'u' ? 4 : 2;
    const size_t close = braces ? pattern_.find('}', begin) : begin + length;
    unsigned value = 0;
    if (close == std::string_view::npos || close > pattern_.size()) {
      return lacking(pattern_.substr(i_));
    }
    const char* last = pattern_.data() + close;
    const auto [end, error] = std::from_chars(pattern_.data() + begin, last, value, 16);
    if (error != std::errc() || end != last || value > 0x10FFFF ||
        (value >= 0xD800 && value < 0xE000) || (!braces && value >= 0x80 && length == 2)) {
      return lacking(pattern_.substr(i_, close - i_));
    }
    std::array<char, 8> digits;
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
    *to += "\\x{";
    to->append(digits.data(), written.ptr);
    *to += '}';
    i_ = close + (braces ? 1 : 0);
    return {};
  }

  /// Appends an escape of one character to `to`.
  Status literal_escape(std::string* to) {
    const char c = pattern_[i_ + 1];
    switch (c) {
      case 'n':
      case 'r':
      case 't':
      case 'f':
        *to += '\\';
        *to += c;
        break;
      case 'v':
        *to += "\\x{b}";
        break;
      case 'a':
        *to += "\\x{7}";
        break;
      case 'e':
        *to += "\\x{1b}";
        break;
      case 'x':
      case 'u':
        return code_point(to);
      default:
        if (is_letter(c) || is_digit(c)) return lacking(pattern_.substr(i_, 2));
        // Only ASCII punctuation needs the backslash, and nothing else may have one.
        if (static_cast<uint8_t>(c) < 0x80) *to += '\\';
        *to += c;
    }
    i_ += 2;
    return {};
  }

  Status escape() {
    std::string inside;
    bool negated = false;
    LW_RETURN_IF_ERROR(class_escape(&inside, &negated));
    if (!inside.empty()) {
      out_ += (negated ? "[^" : "[") + inside + "]";
      return {};
    }
    const char c = pattern_[i_ + 1];
    if (c != 'A' && c != 'z' && c != 'Z') return literal_escape(&out_);
    out_ += pattern_.substr(i_, 2);
    i_ += 2;
    return {};
  }

  /// One item inside [...]. `opposites` collects \S, \P{...} and such, which a class cannot
  /// contain.
  Status class_item(std::string* items, std::string* opposites) {
    const char c = pattern_[i_];
    if (c == '[') return lacking("[ within [");
    if (next_is("&&")) return lacking("&&");
    if (c == '^') *items += '\\';
    if (c != '\\') {
      *items += c;
      ++i_;
      return {};
    }
    std::string inside;
    bool negated = false;
    LW_RETURN_IF_ERROR(class_escape(&inside, &negated));
    if (inside.empty()) return literal_escape(items);
    if (items->size() > 1 && items->ends_with('-') && !items->ends_with("\\-")) {
      return lacking("a class as the end of a range");
    }
    if (negated) {
      *opposites += "[^" + inside + "]|";
    } else {
      *items += inside;
    }
    // A hyphen after a class is literal.
    if (next_is("-")) {
      *items += "\\-";
      ++i_;
    }
    return {};
  }

  Status character_class() {
    ++i_;
    const bool negated = next_is("^");
    if (negated) ++i_;
    if (next_is("]")) return lacking("[]");
    std::string items;
    std::string opposites;
    while (i_ < pattern_.size() && pattern_[i_] != ']') {
      LW_RETURN_IF_ERROR(class_item(&items, &opposites));
    }
    if (i_ == pattern_.size()) return lacking("[ without ]");
    ++i_;
    if (!opposites.empty()) opposites.pop_back();
    if (negated) {
      if (!opposites.empty()) out_ += "(?!" + opposites + ")";
      out_ += items.empty() ? "(?s:.)" : "[^" + items + "]";
    } else if (opposites.empty()) {
      out_ += "[" + items + "]";
    } else {
      out_ += "(?:" + opposites + (items.empty() ? "" : "|[" + items + "]") + ")";
    }
    return {};
  }

  std::string_view pattern_;
  std::string out_;
  size_t i_ = 0;
};

}  // namespace

Result<std::string> to_pcre2_syntax(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return resource_exhausted("a regular expression of " + std::to_string(pattern.size()) +
                              " bytes, at most " + std::to_string(kMaxPatternBytes) + " allowed");
  }
  return Translation(pattern).run();
}

}  // namespace lanewise::text

#include "runtime/text/normalizers/sentencepiece_normalizer.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/byte_trie.hpp"
#include "runtime/text/charsmap.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // U+2581

struct Settings {
  Charsmap map;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
  ByteTrie symbols;  // user-defined
  bool has_symbols = false;
};

class SentencePiece final : public Normalizer {
 public:
  explicit SentencePiece(Settings settings) : settings_(std::move(settings)) {}

  Status normalize(NormalizedText* text) const override {
    const std::string_view bytes = text->bytes;
    size_t begin = 0;
    while (settings_.remove_extra_whitespaces && begin < bytes.size()) {
      const Charsmap::Rule piece = next(bytes.substr(begin));
      if (piece.replacement != " ") break;
      begin += piece.length;
    }
    NormalizedText result;
    if (begin < bytes.size()) normalize_from(*text, begin, &result);
    *text = std::move(result);
    return {};
  }

 private:
  std::string_view space() const noexcept {
    return settings_.escape_whitespaces ? kSpaceSymbol : std::string_view(" ");
  }

  /// The longest user-defined symbol, rule or code point that `text` begins with.
  Charsmap::Rule next(std::string_view text) const noexcept {
    if (settings_.has_symbols) {
      const size_t length = settings_.symbols.longest_prefix(text);
      if (length > 0) return {length, text.substr(0, length)};
    }
    const Charsmap::Rule rule = settings_.map.longest(text);
    if (rule.length > 0) return rule;
    const auto length = static_cast<size_t>(decode_at(text, 0).length);
    return {length, text.substr(0, length)};
  }

  void normalize_from(const NormalizedText& text, size_t begin, NormalizedText* out) const {
    const bool affix = settings_.add_dummy_prefix;
    const bool suffix = settings_.treat_whitespace_as_suffix;
    const int32_t first = text.spans[begin].begin;
    if (affix && !suffix) out->append(space(), {first, first});
    bool after_space = settings_.remove_extra_whitespaces;
    for (size_t i = begin; i < text.bytes.size();) {
      const Charsmap::Rule piece = next(std::string_view(text.bytes).substr(i));
      std::string_view part = piece.replacement;
      while (after_space && part.starts_with(' ')) part.remove_prefix(1);
      if (!part.empty()) {
        append_part(part, {text.spans[i].begin, text.spans[i + piece.length - 1].end}, out);
        after_space = settings_.remove_extra_whitespaces && part.ends_with(' ');
      }
      i += piece.length;
    }
    if (settings_.remove_extra_whitespaces) remove_trailing_spaces(out);
    const int32_t last = out->spans.empty() ? first : out->spans.back().end;
    if (affix && suffix) out->append(space(), {last, last});
  }

  void append_part(std::string_view part, Span span, NormalizedText* out) const {
    for (const char c : part) {
      out->append(c == ' ' ? space() : std::string_view(&c, 1), span);
    }
  }

  void remove_trailing_spaces(NormalizedText* out) const {
    while (out->bytes.ends_with(space())) {
      out->bytes.resize(out->bytes.size() - space().size());
    }
    out->spans.resize(out->bytes.size());
  }

  Settings settings_;
};

Status read_symbols(const base::JsonFields& fields, Settings* settings) {
  if (!fields.has("user_defined_symbols")) return {};
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> list, fields.strings("user_defined_symbols"));
  for (const std::string& symbol : list) {
    if (!settings->symbols.insert(symbol, 0)) {
      return resource_exhausted(fields.path("user_defined_symbols") + " are too large");
    }
    settings->has_symbols = true;
  }
  return {};
}

}  // namespace

Result<NormalizerPtr> read_sentencepiece_normalizer(const base::JsonFields& fields) {
  Settings settings;
  LW_ASSIGN_OR_RETURN(const std::string base64, fields.string_or("precompiled_charsmap", ""));
  LW_ASSIGN_OR_RETURN(settings.map, Charsmap::parse_base64(base64));
  LW_ASSIGN_OR_RETURN(settings.add_dummy_prefix, fields.boolean_or("add_dummy_prefix", true));
  LW_ASSIGN_OR_RETURN(settings.remove_extra_whitespaces,
                      fields.boolean_or("remove_extra_whitespaces", true));
  LW_ASSIGN_OR_RETURN(settings.escape_whitespaces, fields.boolean_or("escape_whitespaces", true));
  LW_ASSIGN_OR_RETURN(settings.treat_whitespace_as_suffix,
                      fields.boolean_or("treat_whitespace_as_suffix", false));
  LW_RETURN_IF_ERROR(read_symbols(fields, &settings));
  return NormalizerPtr(std::make_unique<SentencePiece>(std::move(settings)));
}

}  // namespace lanewise::text

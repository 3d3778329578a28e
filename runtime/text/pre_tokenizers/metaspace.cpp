#include "runtime/text/pre_tokenizers/metaspace.hpp"

#include <string>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/pattern_json.hpp"
#include "runtime/text/pre_tokenizers/split.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, PreTokenizerPtr split)
      : replacement_(std::move(replacement)), scheme_(scheme), split_(std::move(split)) {}

  Status split(Words* words) const override {
    NormalizedText result;
    for (Range& range : words->ranges) {
      const size_t begin = result.bytes.size();
      append_word(words->text, range, &result);
      range = {begin, result.bytes.size()};
    }
    words->text = std::move(result);
    if (split_) LW_RETURN_IF_ERROR(split_->split(words));
    return {};
  }

 private:
  void append_word(const NormalizedText& text, const Range& range, NormalizedText* out) const {
    const std::string_view word =
        std::string_view(text.bytes).substr(range.begin, range.end - range.begin);
    const Span first = text.spans[range.begin];
    const bool wanted =
        scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && first.begin == 0);
    if (wanted && !word.starts_with(' ') && !word.starts_with(replacement_)) {
      out->append(replacement_, first);
    }
    for (size_t i = range.begin; i < range.end; ++i) {
      if (text.bytes[i] == ' ') {
        out->append(replacement_, text.spans[i]);
      } else {
        out->append(text, i, i + 1);
      }
    }
  }

  std::string replacement_;
  PrependScheme scheme_;
  PreTokenizerPtr split_;  // null: no splitting
};

}  // namespace

Result<PrependScheme> read_prepend_scheme(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const bool add_prefix_space, fields.boolean_or("add_prefix_space", true));
  LW_ASSIGN_OR_RETURN(const std::string scheme,
                      fields.string_or("prepend_scheme", add_prefix_space ? "always" : "never"));
  if (scheme == "never") return PrependScheme::kNever;
  if (!add_prefix_space) {
    return data_loss(fields.path("add_prefix_space") + " contradicts prepend_scheme '" + scheme +
                     "'");
  }
  if (scheme == "always") return PrependScheme::kAlways;
  if (scheme == "first") return PrependScheme::kFirst;
  return unsupported(fields.path("prepend_scheme") + " '" + scheme + "' is not supported");
}

Result<PreTokenizerPtr> read_metaspace(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const char32_t replacement, read_character(fields, "replacement", 0x2581));
  LW_ASSIGN_OR_RETURN(const PrependScheme scheme, read_prepend_scheme(fields));
  LW_ASSIGN_OR_RETURN(const bool splits, fields.boolean_or("split", true));
  std::string utf8;
  append_utf8(replacement, &utf8);
  PreTokenizerPtr split;
  if (splits) {
    LW_ASSIGN_OR_RETURN(Regex pattern, Regex::literal(utf8));
    split = make_split(std::move(pattern), SplitBehavior::kMergedWithNext, false);
  }
  return PreTokenizerPtr(std::make_unique<Metaspace>(std::move(utf8), scheme, std::move(split)));
}

}  // namespace lanewise::text

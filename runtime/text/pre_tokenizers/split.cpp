#include "runtime/text/pre_tokenizers/split.hpp"

#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/pattern_json.hpp"

namespace lanewise::text {
namespace {

class Split final : public PreTokenizer {
 public:
  Split(Regex pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  Status split(Words* words) const override {
    const std::vector<Range> before = std::move(words->ranges);
    words->ranges.clear();
    std::vector<Match> matches;
    for (const Range& range : before) {
      const std::string_view text = words->text.bytes;
      LW_RETURN_IF_ERROR(
          pattern_.find_all(text.substr(range.begin, range.end - range.begin), &matches));
      for (Match& match : matches) match.matched = match.matched != invert_;
      append_words(matches, behavior_, range.begin, &words->ranges);
    }
    return {};
  }

 private:
  Regex pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

PreTokenizerPtr make_split(Regex pattern, SplitBehavior behavior, bool invert) {
  return std::make_unique<Split>(std::move(pattern), behavior, invert);
}

Result<PreTokenizerPtr> read_split(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(Regex pattern, read_pattern(fields));
  LW_ASSIGN_OR_RETURN(const SplitBehavior behavior,
                      read_behavior(fields, SplitBehavior::kIsolated));
  LW_ASSIGN_OR_RETURN(const bool invert, fields.boolean_or("invert", false));
  return make_split(std::move(pattern), behavior, invert);
}

}  // namespace lanewise::text

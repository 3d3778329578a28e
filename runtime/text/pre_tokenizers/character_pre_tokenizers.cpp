#include "runtime/text/pre_tokenizers/character_pre_tokenizers.hpp"

#include <functional>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/pattern_json.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using IsDelimiter = std::function<bool(char32_t code_point)>;

bool is_space(char32_t c) noexcept { return code_point_class(c) & kSpace; }
bool is_punctuation(char32_t c) noexcept { return code_point_class(c) & kPunctuation; }
bool is_numeric(char32_t c) noexcept { return code_point_class(c) & kNumeric; }

/// Splits at single code points, step by step.
class CharacterSplit final : public PreTokenizer {
 public:
  struct Step {
    IsDelimiter is_delimiter;
    SplitBehavior behavior;
  };

  explicit CharacterSplit(std::vector<Step> steps) : steps_(std::move(steps)) {}

  Status split(Words* words) const override {
    for (const Step& step : steps_) apply(step, words);
    return {};
  }

 private:
  static void apply(const Step& step, Words* words) {
    const std::vector<Range> before = std::move(words->ranges);
    words->ranges.clear();
    std::vector<Match> matches;
    for (const Range& range : before) {
      matches.clear();
      for (size_t i = range.begin; i < range.end;) {
        const CodePoint code_point = decode_at(words->text.bytes, i);
        const size_t end = i + static_cast<size_t>(code_point.length);
        const bool matched = step.is_delimiter(code_point.value);
        if (!matched && !matches.empty() && !matches.back().matched) {
          matches.back().end = end;
        } else {
          matches.push_back({i, end, matched});
        }
        i = end;
      }
      append_words(matches, step.behavior, 0, &words->ranges);
    }
  }

  std::vector<Step> steps_;
};

/// Splits before the code points that `Boundary` selects. Each word gets a new Boundary, which sees
/// its code points in order; text before the first selected one is dropped.
template <typename Boundary>
class BoundarySplit final : public PreTokenizer {
 public:
  explicit BoundarySplit(Boundary boundary) : boundary_(std::move(boundary)) {}

  Status split(Words* words) const override {
    const std::vector<Range> before = std::move(words->ranges);
    words->ranges.clear();
    for (const Range& range : before) {
      Boundary starts = boundary_;
      const size_t first = words->ranges.size();
      for (size_t i = range.begin; i < range.end;) {
        const CodePoint code_point = decode_at(words->text.bytes, i);
        if (starts(code_point.value)) {
          if (words->ranges.size() > first) words->ranges.back().end = i;
          words->ranges.push_back({i, range.end});
        }
        i += static_cast<size_t>(code_point.length);
      }
    }
    return {};
  }

 private:
  Boundary boundary_;
};

struct ScriptChange {
  int last = 0;

  bool operator()(char32_t code_point) {
    const int script = script_of(code_point);
    if (script == 0) return false;
    return std::exchange(last, script) != script;
  }
};

struct EveryFew {
  int32_t length;
  int32_t seen = 0;

  bool operator()(char32_t) {
    const bool starts = seen == 0;
    seen = (seen + 1) % length;
    return starts;
  }
};

Result<PreTokenizerPtr> split_at(std::vector<CharacterSplit::Step> steps) {
  return PreTokenizerPtr(std::make_unique<CharacterSplit>(std::move(steps)));
}

}  // namespace

Result<PreTokenizerPtr> read_whitespace(const base::JsonFields&) {
  const auto is_word = [](char32_t c) { return is_word_character(c); };
  return split_at({{is_space, SplitBehavior::kRemoved}, {is_word, SplitBehavior::kContiguous}});
}

Result<PreTokenizerPtr> read_whitespace_split(const base::JsonFields&) {
  return split_at({{is_space, SplitBehavior::kRemoved}});
}

Result<PreTokenizerPtr> read_bert_pre_tokenizer(const base::JsonFields&) {
  return split_at(
      {{is_space, SplitBehavior::kRemoved}, {is_punctuation, SplitBehavior::kIsolated}});
}

Result<PreTokenizerPtr> read_punctuation(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const SplitBehavior behavior,
                      read_behavior(fields, SplitBehavior::kIsolated));
  return split_at({{is_punctuation, behavior}});
}

Result<PreTokenizerPtr> read_digits(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const bool individual, fields.boolean_or("individual_digits", false));
  return split_at(
      {{is_numeric, individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous}});
}

Result<PreTokenizerPtr> read_delimiter(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const char32_t delimiter, read_character(fields, "delimiter", U' '));
  return split_at({{[delimiter](char32_t c) { return c == delimiter; }, SplitBehavior::kRemoved}});
}

Result<PreTokenizerPtr> read_unicode_scripts(const base::JsonFields&) {
  return PreTokenizerPtr(std::make_unique<BoundarySplit<ScriptChange>>(ScriptChange{}));
}

Result<PreTokenizerPtr> read_fixed_length(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const int32_t length, fields.count_or("length", 5));
  if (length == 0) return data_loss(fields.path("length") + " is 0");
  return PreTokenizerPtr(std::make_unique<BoundarySplit<EveryFew>>(EveryFew{length}));
}

}  // namespace lanewise::text

#include "runtime/text/pre_tokenizers/pre_tokenizer.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/pre_tokenizers/byte_level_pre_tokenizer.hpp"
#include "runtime/text/pre_tokenizers/character_pre_tokenizers.hpp"
#include "runtime/text/pre_tokenizers/metaspace.hpp"
#include "runtime/text/pre_tokenizers/split.hpp"

namespace lanewise::text {
namespace {

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}

  Status split(Words* words) const override {
    for (const PreTokenizerPtr& step : steps_) LW_RETURN_IF_ERROR(step->split(words));
    return {};
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

Result<PreTokenizerPtr> read_sequence(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, fields.objects("pretokenizers"));
  std::vector<PreTokenizerPtr> steps;
  for (const base::JsonFields& step : list) {
    LW_ASSIGN_OR_RETURN(PreTokenizerPtr pre_tokenizer, read_pre_tokenizer(step));
    steps.push_back(std::move(pre_tokenizer));
  }
  return PreTokenizerPtr(std::make_unique<Sequence>(std::move(steps)));
}

struct Kind {
  std::string_view type;
  Result<PreTokenizerPtr> (*read)(const base::JsonFields& fields);
};

constexpr Kind kKinds[] = {
    {"Sequence", read_sequence},
    {"ByteLevel", read_byte_level_pre_tokenizer},
    {"Metaspace", read_metaspace},
    {"Split", read_split},
    {"Whitespace", read_whitespace},
    {"WhitespaceSplit", read_whitespace_split},
    {"BertPreTokenizer", read_bert_pre_tokenizer},
    {"Punctuation", read_punctuation},
    {"Digits", read_digits},
    {"CharDelimiterSplit", read_delimiter},
    {"UnicodeScripts", read_unicode_scripts},
    {"FixedLength", read_fixed_length},
    {"Bytes", read_bytes_pre_tokenizer},
};

/// In the order of SplitBehavior.
constexpr std::string_view kBehaviors[] = {"Removed", "Isolated", "Contiguous",
                                           "MergedWithPrevious", "MergedWithNext"};

/// Whether `match` joins the preceding word. Only kContiguous joins consecutive matches.
bool joins(SplitBehavior behavior, bool matched, bool previous_matched) noexcept {
  if (behavior == SplitBehavior::kContiguous) return matched == previous_matched;
  return matched && !previous_matched;
}

}  // namespace

PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizerPtr> read_pre_tokenizer(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind.read(fields);
  }
  return unsupported("pre_tokenizer '" + type + "' is not supported");
}

Result<SplitBehavior> read_behavior(const base::JsonFields& fields, SplitBehavior fallback) {
  if (!fields.has("behavior")) return fallback;
  LW_ASSIGN_OR_RETURN(const size_t place, fields.choice("behavior", kBehaviors));
  return static_cast<SplitBehavior>(place);
}

void append_words(const std::vector<Match>& matches, SplitBehavior behavior, size_t offset,
                  std::vector<Range>* words) {
  const size_t first = words->size();
  const auto push = [&](const Match& match) {
    words->push_back({offset + match.begin, offset + match.end});
  };
  if (behavior == SplitBehavior::kRemoved || behavior == SplitBehavior::kIsolated) {
    for (const Match& match : matches) {
      if (!match.matched || behavior == SplitBehavior::kIsolated) push(match);
    }
  } else if (behavior == SplitBehavior::kMergedWithNext) {
    bool previous = false;
    for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
      if (words->size() > first && joins(behavior, match->matched, previous)) {
        words->back().begin = offset + match->begin;
      } else {
        push(*match);
      }
      previous = match->matched;
    }
    std::reverse(words->begin() + static_cast<std::ptrdiff_t>(first), words->end());
  } else {
    bool previous = false;
    for (const Match& match : matches) {
      if (words->size() > first && joins(behavior, match.matched, previous)) {
        words->back().end = offset + match.end;
      } else {
        push(match);
      }
      previous = match.matched;
    }
  }
  const auto added = words->begin() + static_cast<std::ptrdiff_t>(first);
  words->erase(
      std::remove_if(added, words->end(), [](const Range& word) { return word.begin == word.end; }),
      words->end());
}

}  // namespace lanewise::text

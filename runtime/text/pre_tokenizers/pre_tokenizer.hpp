#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/normalized_text.hpp"
#include "runtime/text/regex.hpp"

namespace lanewise::text {

/// Bytes [begin, end) of a text.
struct Range {
  size_t begin;
  size_t end;
};

/// A text and its words: in order, none empty, none overlapping.
struct Words {
  NormalizedText text;
  std::vector<Range> ranges;
};

/// Splits words further, and may change their characters. Thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer();
  /// Fails only if a regular expression exceeds its limits.
  virtual Status split(Words* words) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

/// Reads the pre-tokenizer of a tokenizer.json. kUnsupported names a type that we lack.
Result<PreTokenizerPtr> read_pre_tokenizer(const base::JsonFields& fields);

/// What happens to the matches at which a text is split.
enum class SplitBehavior {
  kRemoved,
  kIsolated,            ///< Each match is a word.
  kContiguous,          ///< Each run of matches is a word.
  kMergedWithPrevious,  ///< Each ends the word before.
  kMergedWithNext,      ///< Each begins the word after.
};

/// Reads the field `behavior`, such as "Isolated".
Result<SplitBehavior> read_behavior(const base::JsonFields& fields, SplitBehavior fallback);

/// Appends the words that `matches`, whose positions start at byte `offset`, make of a text.
void append_words(const std::vector<Match>& matches, SplitBehavior behavior, size_t offset,
                  std::vector<Range>* words);

}  // namespace lanewise::text

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

/// A text and the words that it is cut into: in order, none empty, none overlapping.
struct Words {
  NormalizedText text;
  std::vector<Range> ranges;
};

/// Cuts words into smaller words, and may change their characters. Thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer();
  /// Fails only where a regular expression gives up.
  virtual Status split(Words* words) const = 0;
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

/// The pre-tokenizer of a tokenizer.json. kUnsupported names a type that we lack.
Result<PreTokenizerPtr> read_pre_tokenizer(const base::JsonFields& fields);

/// What becomes of the matches at which a text is cut.
enum class SplitBehavior {
  kRemoved,
  kIsolated,            ///< Each is a word.
  kContiguous,          ///< Each run of them is.
  kMergedWithPrevious,  ///< Each ends the word before.
  kMergedWithNext,      ///< Each begins the word behind.
};

/// The field `behavior`, "Isolated" for instance.
Result<SplitBehavior> read_behavior(const base::JsonFields& fields, SplitBehavior fallback);

/// Appends the words that `matches`, which count from byte `offset`, make of a text.
void append_words(const std::vector<Match>& matches, SplitBehavior behavior, size_t offset,
                  std::vector<Range>* words);

}  // namespace lanewise::text

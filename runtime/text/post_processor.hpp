#pragma once

#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/special_template.hpp"

namespace lanewise::text {

/// What happens to the tokens of a text when they are all there.
struct PostProcessor {
  SpecialTemplate specials = bare_template();
  /// Each takes white space out of the offsets; true: but not a space put before the text.
  std::vector<bool> trims;
  /// Whether a text that is too long loses its first tokens, not its last ones.
  bool truncates_left = false;
};

/// The direction of `truncation`, and the post_processor of a tokenizer.json: TemplateProcessing,
/// BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them with one template at most.
/// kUnsupported names any other.
Result<PostProcessor> read_post_processing(const base::JsonFields& file);

}  // namespace lanewise::text

#pragma once

#include <vector>

#include "base/json_fields.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/special_template.hpp"

namespace lanewise::text {

/// What is done to the complete list of a text's tokens.
struct PostProcessor {
  SpecialTemplate specials = bare_template();
  /// Each entry trims white space from the offsets; true: but not the space prepended to the text.
  std::vector<bool> trims;
  /// Whether a text that is too long loses its first tokens instead of its last.
  bool truncates_left = false;
};

/// Reads the direction of `truncation` and the post_processor of a tokenizer.json:
/// TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them with at
/// most one template. kUnsupported names any other.
Result<PostProcessor> read_post_processing(const base::JsonFields& file);

}  // namespace lanewise::text

#pragma once

#include <string>
#include <string_view>

#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

namespace lanewise::tasks {

/// The prompt in use, and texts with it before them.
class PromptChoice {
 public:
  /// Uses the model's prompt `name`; none if it is empty. kInvalidArgument, listing the model's
  /// prompts, if it has no such prompt; nothing changes then.
  Status choose(const ModelInfo& info, std::string_view name);

  bool is_empty() const noexcept { return prompt_.empty(); }
  /// Valid until the next call.
  std::string_view before(std::string_view text);

 private:
  std::string prompt_;
  std::string text_;  // the prompt and a text
};

/// Names of the prompts for texts that are compared, as sentence-transformers' encode_query() and
/// encode_document() choose them: `query`, and the first of `document`, `passage` and `corpus`; the
/// default of a model that has none of them.
struct RankingPrompts {
  explicit RankingPrompts(const ModelInfo& info);
  std::string query;
  std::string text;
};

}  // namespace lanewise::tasks

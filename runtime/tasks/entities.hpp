#pragma once

#include <span>
#include <string>
#include <vector>

#include "lanewise/token_tagger.hpp"

namespace lanewise::tasks {

/// The most probable label of a token.
struct TokenLabel {
  const std::string* label;
  float score;
  int32_t begin;  ///< bytes [begin, end) of the text
  int32_t end;
};

/// Joins the labels of a text's tokens to entities. Neighbours belong together if their labels are
/// equal without `B-` and `I-` and the second one does not begin with `B-`. Leaves out the label `O`.
std::vector<Entity> entities_of(std::span<const TokenLabel> tokens);

}  // namespace lanewise::tasks

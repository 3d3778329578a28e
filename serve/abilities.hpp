#pragma once

#include <string_view>
#include <vector>

#include "serve/served_model.hpp"

namespace lanewise::serve {

/// The paths of routes.def that a model answers, from what its converter recorded: nothing is made
/// for that but the tokenizer and the chat template, which are cheap.
std::vector<std::string_view> paths_of(ServedModel& model);

/// How well a model is made for ranking texts: a cross-encoder's 1, late interaction's 2, 3 for
/// embeddings, 4 for sparse ones; 0 if it cannot.
int ranking_place(const ModelInfo& info);

}  // namespace lanewise::serve

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/routes/routes.hpp"
#include "serve/routes/search_fields.hpp"

namespace lanewise::serve {

/// The two ways of OpenAI to ask for a text: a continuation, or the next message of a chat.
enum class CompletionKind { kText, kChat };

/// Prompts, and how they are continued.
struct CompletionRequest {
  CompletionKind kind = CompletionKind::kText;
  std::shared_ptr<ServedModel> model;
  std::vector<std::vector<int32_t>> prompts;  ///< token ids; one if it streams
  SearchFields search;
};

/// Continues the prompts and answers as OpenAI does, at once or as server-sent events. Fails, before
/// anything is sent, as GenerationWork does.
Result<Reply> complete(const Served& served, Exchange& exchange, CompletionRequest request);

}  // namespace lanewise::serve

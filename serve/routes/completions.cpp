#include <utility>

#include "lanewise/sources.hpp"
#include "lanewise/status_macros.hpp"
#include "serve/routes/answering.hpp"
#include "serve/routes/completing.hpp"

namespace lanewise::serve {
namespace {

// As OpenAI's: without it, a client that only tries gets the whole context.
constexpr int64_t kDefaultTokens = 16;

/// The token ids of the prompts. Texts get the special tokens that the model's tokenizer adds.
Result<std::vector<std::vector<int32_t>>> prompt_ids(const ServedModel& model, TextInputs inputs) {
  std::vector<std::vector<int32_t>> all;
  for (std::vector<int32_t>& ids : inputs.ids) {
    auto source = source_of_ids(std::move(ids), model.info());
    if (!source.ok()) return source.status().with_context("prompt");
    all.push_back(std::move(source->ids));
  }
  if (inputs.texts.empty()) return all;
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, model.tokenizer());
  for (const std::string& text : inputs.texts) {
    auto source = source_of_text(tokenizer, text, model.info());
    if (!source.ok()) return source.status().with_context("prompt");
    all.push_back(std::move(source->ids));
  }
  return all;
}

}  // namespace

Reply openai_completions(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kOpenAi, body, [&](Fields& fields) -> Result<Reply> {
    const std::string name = fields.text("model").value_or("");
    TextInputs inputs = fields.inputs("prompt", served.limits->texts);
    CompletionRequest request{.kind = CompletionKind::kText};
    request.search = read_search(fields, *served.limits);
    if (!request.search.max_tokens) request.search.max_tokens = kDefaultTokens;
    if (request.search.stream && inputs.count() > 1) {
      fields.fail("prompt", "only one is supported with stream");
    }
    fields.only("echo", false);
    fields.only("best_of", request.search.choices);
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(request.model, model_called(served, exchange, name));
    LANEWISE_RETURN_IF_ERROR(request.model->generation().status());
    LANEWISE_ASSIGN_OR_RETURN(request.prompts, prompt_ids(*request.model, std::move(inputs)));
    return complete(served, exchange, std::move(request));
  });
}

}  // namespace lanewise::serve

#pragma once

#include <memory>
#include <string>
#include <utility>

#include "serve/json/fields.hpp"
#include "serve/routes/routes.hpp"

namespace lanewise::serve {

/// Reads `body` and answers it: `answer(fields)` returns a Result<Reply>, whose failure becomes an
/// error in that style.
template <typename Answer>
Reply answer_fields(ErrorStyle style, std::string_view body, Answer&& answer) {
  Result<Fields> fields = Fields::parse(body);
  if (!fields.ok()) return error_reply(style, fields.status());
  Result<Reply> reply = answer(*fields);
  if (!reply.ok()) return error_reply(style, reply.status());
  return std::move(reply).value();
}

/// The model called `name`, as Models::find() and ModelSlot::get().
inline Result<std::shared_ptr<ServedModel>> model_called(const Served& served, Exchange& exchange,
                                                         const std::string& name) {
  const Result<ModelSlot*> slot = served.models->find(name);
  if (!slot.ok()) return slot.status();
  exchange.model = (*slot)->name();
  return (*slot)->get(exchange);
}

/// Calls `work(model)` for the model called `name`. Without a name and with several models, the
/// first one that can do it does: clients of text-embeddings-inference, which serves one model, name
/// none.
template <typename Work>
auto on_model(const Served& served, Exchange& exchange, const std::string& name, Work&& work)
    -> decltype(work(std::declval<ServedModel&>())) {
  const auto& all = served.models->all();
  if (!name.empty() || all.size() <= 1) {
    const Result<std::shared_ptr<ServedModel>> model = model_called(served, exchange, name);
    if (!model.ok()) return model.status();
    return work(**model);
  }
  Status failure = unsupported("none of the models can do this");
  for (const auto& slot : all) {
    const Result<std::shared_ptr<ServedModel>> model = slot->get(exchange);
    if (!model.ok()) {  // perhaps another one can
      failure = model.status();
      continue;
    }
    exchange.model = slot->name();
    auto result = work(**model);
    if (result.ok() || result.status().code() != StatusCode::kUnsupported) return result;
  }
  exchange.model.clear();
  return failure;
}

inline Reply json_reply(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

}  // namespace lanewise::serve

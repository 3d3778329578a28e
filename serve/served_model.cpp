#include "serve/served_model.hpp"

#include <chrono>
#include <utility>

#include "lanewise/status_macros.hpp"
#include "lanewise/translator.hpp"

namespace lanewise::serve {

int64_t seconds_since_1970() {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  return duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

ServedModel::ServedModel(std::string name, Model model, const SessionOptions& session,
                         const Limits& limits)
    : name_(std::move(name)),
      model_(std::move(model)),
      session_(session),
      limits_{.tokens = limits.batch_tokens, .delay = limits.batch_delay},
      created_(seconds_since_1970()),
      texts_(model_, session_, limits_, limits.tokens) {}

Result<GenerationWork*> ServedModel::generation() {
  return generation_.get([this] { return GenerationWork::create(model_, session_); });
}

Result<TranslationWork*> ServedModel::translation() {
  return translation_.get([this] { return TranslationWork::create(model_, session_, limits_); });
}

Result<ChatTemplate*> ServedModel::chat_template() {
  return template_.get([this]() -> Result<std::unique_ptr<ChatTemplate>> {
    LANEWISE_ASSIGN_OR_RETURN(ChatTemplate made, ChatTemplate::of(model_));
    return std::make_unique<ChatTemplate>(std::move(made));
  });
}

Result<int32_t> ServedModel::language(std::string_view language) const {
  return language_token(model_, language);
}

BatchStats ServedModel::batch_stats() const {
  BatchStats stats = texts_.stats();
  if (const TranslationWork* work = translation_.peek()) stats += work->stats();
  return stats;
}

EngineStats ServedModel::engine_stats() const {
  const GenerationWork* work = generation_.peek();
  return work == nullptr ? EngineStats() : work->stats();
}

}  // namespace lanewise::serve

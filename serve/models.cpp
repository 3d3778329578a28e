#include "serve/models.hpp"

#include <chrono>
#include <utility>

#include "lanewise/status_macros.hpp"
#include "lanewise/translator.hpp"

namespace lanewise::serve {
namespace {

int64_t now_in_seconds() {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  return duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

ServedModel::ServedModel(std::string name, Model model, const SessionOptions& session,
                         const Limits& limits)
    : name_(std::move(name)),
      model_(std::move(model)),
      session_(session),
      limits_{.tokens = limits.batch_tokens, .delay = limits.batch_delay},
      created_(now_in_seconds()),
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

Status Models::add(std::string name, Model model, const SessionOptions& session,
                   const Limits& limits) {
  if (name.empty()) return invalid_argument("a model needs a name: NAME=PATH");
  for (const auto& other : models_) {
    if (other->name() != name) continue;
    return invalid_argument("two models are called '" + name + "': give one a name, NAME=PATH");
  }
  models_.push_back(
      std::make_unique<ServedModel>(std::move(name), std::move(model), session, limits));
  return {};
}

Result<ServedModel*> Models::find(std::string_view name) const {
  if (name.empty() && models_.size() == 1) return models_.front().get();
  std::string known;
  for (const auto& model : models_) {
    if (model->name() == name) return model.get();
    known += (known.empty() ? "" : ", ") + model->name();
  }
  if (name.empty()) return invalid_argument("model: expected one of " + known + ", found nothing");
  return not_found("model: there is none called '" + std::string(name) + "', only " + known);
}

NamedPath named_path(std::string_view operand) {
  const size_t equals = operand.find('=');
  const size_t slash = operand.find('/');
  if (equals != std::string_view::npos && equals > 0 && equals < slash) {
    return {std::string(operand.substr(0, equals)), std::string(operand.substr(equals + 1))};
  }
  std::string_view last = operand;
  while (last.size() > 1 && last.ends_with('/')) last.remove_suffix(1);
  last.remove_prefix(last.rfind('/') + 1);  // npos + 1 is 0
  for (const std::string_view extension :
       {".lw", ".gguf", ".safetensors", ".pt", ".pth", ".bin", ".npz", ".ckpt", ".pt2"}) {
    if (last.size() > extension.size() && last.ends_with(extension)) {
      last.remove_suffix(extension.size());
      break;
    }
  }
  return {std::string(last), std::string(operand)};
}

}  // namespace lanewise::serve

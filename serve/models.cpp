#include "serve/models.hpp"

#include <utility>

#include "lanewise/status_macros.hpp"

namespace lanewise::serve {

Status Models::add(ModelSource source, const SessionOptions& session, const Limits& limits,
                   bool on_use) {
  const std::string name = source.name;
  if (name.empty()) return invalid_argument("a model needs a name: NAME=PATH");
  for (const auto& other : slots_) {
    if (other->name() != name) continue;
    return invalid_argument("two models are called '" + name + "': give one a name, NAME=PATH");
  }
  auto slot = std::make_unique<ModelSlot>(std::move(source), session, limits);
  if (!on_use) LANEWISE_RETURN_IF_ERROR(slot->open());
  slots_.push_back(std::move(slot));
  return {};
}

Status Models::add(std::string name, Model model, const SessionOptions& session,
                   const Limits& limits) {
  ModelSource source{
      .name = std::move(name), .path = "", .open = [model = std::move(model)] { return model; }};
  return add(std::move(source), session, limits);
}

Result<ModelSlot*> Models::find(std::string_view name) const {
  if (name.empty() && slots_.size() == 1) return slots_.front().get();
  std::string known;
  for (const auto& slot : slots_) {
    if (slot->name() == name) return slot.get();
    known += (known.empty() ? "" : ", ") + slot->name();
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

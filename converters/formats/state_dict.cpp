#include "converters/formats/state_dict.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

/// What scripts call the weights beside other things, the most telling first.
constexpr std::string_view kUsualNames[] = {"state_dict", "model_state_dict", "model_state",
                                            "model",      "module",           "net",
                                            "network",    "weights"};

using Tensors = std::map<std::string_view, size_t>;

/// The tensors of a dict by name. As in Python, what is set last counts.
Tensors tensors_of(const Pickle& pickle, const PickleObject& dict) {
  Tensors tensors;
  if (dict.kind != PickleKind::kDict) return tensors;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleObject& key = pickle.object(dict.items[i]);
    const PickleObject& value = pickle.object(dict.items[i + 1]);
    if (key.kind != PickleKind::kText) continue;
    tensors.erase(key.text);
    if (value.kind == PickleKind::kTensor) {
      tensors.emplace(key.text, static_cast<size_t>(value.number));
    }
  }
  return tensors;
}

bool has_tensors(const Pickle& pickle, const PickleObject& object) {
  if (object.kind != PickleKind::kDict) return false;
  for (size_t i = 0; i + 1 < object.items.size(); i += 2) {
    if (pickle.object(object.items[i]).kind == PickleKind::kText &&
        pickle.object(object.items[i + 1]).kind == PickleKind::kTensor) {
      return true;
    }
  }
  return false;
}

/// The dicts with tensors that stand in `dict`, by name.
std::map<std::string_view, PickleRef> nested(const Pickle& pickle, const PickleObject& dict) {
  std::map<std::string_view, PickleRef> found;
  std::unordered_map<PickleRef, bool> known;  // One dict may stand in another a million times.
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleObject& key = pickle.object(dict.items[i]);
    if (key.kind != PickleKind::kText) continue;
    const PickleRef value = dict.items[i + 1];
    const auto [at, is_new] = known.try_emplace(value, false);
    if (is_new) at->second = has_tensors(pickle, pickle.object(value));
    found.erase(key.text);
    if (at->second) found.emplace(key.text, value);
  }
  return found;
}

Result<Tensors> find_tensors(const Pickle& pickle) {
  const PickleObject& root = pickle.root_object();
  if (root.kind != PickleKind::kDict) {
    return data_loss("expected a state dict, found something that is no dict");
  }
  const auto dicts = nested(pickle, root);
  for (const std::string_view name : kUsualNames) {
    const auto found = dicts.find(name);
    if (found != dicts.end()) return tensors_of(pickle, pickle.object(found->second));
  }
  Tensors own = tensors_of(pickle, root);
  if (!own.empty()) return own;
  if (dicts.size() == 1) return tensors_of(pickle, pickle.object(dicts.begin()->second));
  if (dicts.empty()) return data_loss("holds no state dict: no names with tensors");
  std::string list;
  for (const auto& [name, ref] : dicts) {
    list.append(list.empty() ? "" : ", ").append(file::in_quotes(name));
    if (list.size() > 200) break;
  }
  return invalid_argument("holds several state dicts, save one: " + list);
}

}  // namespace

Result<std::vector<StateDictEntry>> find_state_dict(const Pickle& pickle) {
  LW_ASSIGN_OR_RETURN(const Tensors tensors, find_tensors(pickle));
  std::vector<StateDictEntry> entries;
  for (const auto& [name, tensor] : tensors) entries.push_back({std::string(name), tensor});
  return entries;
}

}  // namespace lanewise::converters

#include "converters/formats/state_dict.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using enum PickleKind;

/// Usual keys of the weights in a training checkpoint, most specific first.
constexpr std::string_view kUsualNames[] = {"state_dict", "model_state_dict", "model_state",
                                            "model",      "module",           "net",
                                            "network",    "weights"};
constexpr size_t kUnusual = std::size(kUsualNames);
/// Keys of averaged weights.
constexpr std::string_view kAverages[] = {"ema",
                                          "ema_model",
                                          "model_ema",
                                          "ema_state_dict",
                                          "state_dict_ema",
                                          "model_ema_state_dict",
                                          "ema_model_state_dict",
                                          "ema_weights",
                                          "averaged_model",
                                          "swa_model"};
/// Nested trainers go two levels down.
constexpr size_t kMaxStateDepth = 4;
/// A training history has thousands; a place takes a hundred bytes.
constexpr size_t kMaxPlaces = size_t{1} << 18;

size_t rank_of(std::string_view name) {
  const auto* found = std::find(std::begin(kUsualNames), std::end(kUsualNames), name);
  return static_cast<size_t>(found - std::begin(kUsualNames));
}

bool is_average(std::string_view name) {
  return std::find(std::begin(kAverages), std::end(kAverages), name) != std::end(kAverages);
}

using Tensors = std::map<std::string_view, size_t>;

/// A dict, or an object of a custom class of dicts.
bool is_dict(const PickleObject& object) {
  return object.kind == kDict || (object.kind == kInert && !object.items.empty());
}

bool is_list(const PickleObject& object) { return object.kind == kList || object.kind == kTuple; }

bool is_named_tensor(const Pickle& pickle, PickleRef name, PickleRef value) {
  return pickle.object(name).kind == kText && pickle.object(value).kind == kTensor;
}

/// `list(state_dict.items())`.
bool is_list_of_named_tensors(const Pickle& pickle, const PickleObject& object) {
  return is_list(object) && !object.items.empty() &&
         std::all_of(object.items.begin(), object.items.end(), [&](PickleRef ref) {
           const PickleObject& pair = pickle.object(ref);
           return is_list(pair) && pair.items.size() == 2 &&
                  is_named_tensor(pickle, pair.items[0], pair.items[1]);
         });
}

/// The tensors of a state dict by name. As in Python, the last one set counts.
Tensors tensors_of(const Pickle& pickle, const PickleObject& object) {
  Tensors tensors;
  const auto set = [&](PickleRef name, PickleRef value) {
    if (pickle.object(name).kind != kText) return;
    tensors.erase(pickle.object(name).text);
    if (pickle.object(value).kind != kTensor) return;
    tensors.emplace(pickle.object(name).text, static_cast<size_t>(pickle.object(value).number));
  };
  if (is_dict(object)) {
    for (size_t i = 0; i + 1 < object.items.size(); i += 2) {
      set(object.items[i], object.items[i + 1]);
    }
    return tensors;
  }
  for (const PickleRef ref : object.items) {
    const PickleObject& pair = pickle.object(ref);
    set(pair.items[0], pair.items[1]);
  }
  return tensors;
}

bool is_state_dict(const Pickle& pickle, const PickleObject& object) {
  if (!is_dict(object)) return is_list_of_named_tensors(pickle, object);
  for (size_t i = 0; i + 1 < object.items.size(); i += 2) {
    if (is_named_tensor(pickle, object.items[i], object.items[i + 1])) return true;
  }
  return false;
}

/// An object found on the way down from the root.
struct Place {
  PickleRef ref = 0;
  std::string path;  // keys from the root, joined by dots
  size_t rank = kUnusual;
  size_t parent = 0;    // index in the places
  bool is_ema = false;  // it, or one above it
};

/// Places by level, each object where it is first reached: lists may contain themselves, and one
/// dict may occur in another a million times.
class Search {
 public:
  explicit Search(const Pickle& pickle) : pickle_(pickle) {
    places_.push_back({pickle.root, "", kUnusual, 0});
    known_.emplace(pickle.root, 0);
    levels_.push_back(0);
    for (size_t level = 0; level < kMaxStateDepth; ++level) {
      const size_t end = places_.size();
      for (size_t i = levels_.back(); i < end; ++i) add_children(i);
      if (places_.size() == end) break;
      levels_.push_back(end);
    }
    levels_.push_back(places_.size());
  }

  struct Choice {
    PickleRef ref = 0;
    bool is_ema = false;
  };

  /// With `ema`, averages come first; otherwise they come last.
  Result<Choice> choose(bool ema) const {
    for (const bool is_ema : {ema, !ema}) {
      const auto usual = shallowest([is_ema](const Place& place) {
        return place.is_ema == is_ema && place.rank != kUnusual;
      });
      if (!usual.empty()) {
        LW_ASSIGN_OR_RETURN(const PickleRef ref, most_usual(usual));
        return Choice{ref, is_ema};
      }
      const auto any = shallowest([is_ema](const Place& place) { return place.is_ema == is_ema; });
      if (any.size() == 1) return Choice{any.front()->ref, is_ema};
      if (!any.empty()) return several(any);
    }
    return nothing_found();
  }

 private:
  using Places = std::vector<const Place*>;

  void add(size_t parent, std::string_view name, PickleRef ref, size_t rank) {
    const PickleObject& object = pickle_.object(ref);
    if (!is_dict(object) && !is_list(object)) return;
    const auto at = known_.find(ref);
    if (at != known_.end()) {
      Place& known = places_[at->second];
      if (known.parent == parent && at->second != parent) known.rank = std::min(known.rank, rank);
      return;
    }
    if (places_.size() == kMaxPlaces) return;
    known_.emplace(ref, places_.size());
    constexpr size_t kMaxPath = 200;
    std::string path = places_[parent].path.empty() ? "" : places_[parent].path + ".";
    path.append(name.substr(0, kMaxPath));
    const bool is_ema = places_[parent].is_ema || is_average(name);
    places_.push_back({ref, path.substr(0, kMaxPath), rank, parent, is_ema});
  }

  void add_children(size_t parent) {
    const PickleObject& object = pickle_.object(places_[parent].ref);
    if (is_list(object)) {
      for (size_t i = 0; i < object.items.size(); ++i) {
        add(parent, std::to_string(i), object.items[i], kUnusual);
      }
      return;
    }
    std::unordered_map<std::string_view, PickleRef> last;
    std::vector<std::string_view> names;
    for (size_t i = 0; i + 1 < object.items.size(); i += 2) {
      const PickleObject& key = pickle_.object(object.items[i]);
      if (key.kind != kText) continue;
      const auto [at, is_new] = last.try_emplace(key.text, object.items[i + 1]);
      if (is_new) names.push_back(key.text);
      at->second = object.items[i + 1];
    }
    for (const std::string_view name : names) add(parent, name, last[name], rank_of(name));
  }

  /// The state dicts of the first level that has any of that kind.
  template <typename IsMeant>
  Places shallowest(IsMeant is_meant) const {
    Places found;
    for (size_t level = 0; level + 1 < levels_.size() && found.empty(); ++level) {
      for (size_t i = levels_[level]; i < levels_[level + 1]; ++i) {
        const Place& place = places_[i];
        if (is_meant(place) && is_state_dict(pickle_, pickle_.object(place.ref))) {
          found.push_back(&place);
        }
      }
    }
    return found;
  }

  /// Names distinguish only entries of the same dict.
  static Result<PickleRef> most_usual(const Places& places) {
    const bool one_parent = std::all_of(places.begin(), places.end(), [&](const Place* place) {
      return place->parent == places.front()->parent;
    });
    if (!one_parent) return several(places);
    const auto best =
        std::min_element(places.begin(), places.end(),
                         [](const Place* a, const Place* b) { return a->rank < b->rank; });
    return (*best)->ref;
  }

  static Status several(const Places& places) {
    std::set<std::string_view> names;
    for (const Place* place : places) names.insert(place->path);
    std::string list;
    for (const std::string_view name : names) {
      list.append(list.empty() ? "" : ", ").append(base::in_quotes(name));
      if (list.size() > 200) break;
    }
    return invalid_argument("holds several state dicts, save one: " + list);
  }

  Status nothing_found() const {
    const PickleObject& root = pickle_.root_object();
    if (root.kind == kInert) return whole_object(root);
    if (!is_dict(root)) {
      return data_loss("expected a state dict, found something that is not a dict");
    }
    for (const PickleRef ref : root.items) {
      if (pickle_.object(ref).kind == kInert) return whole_object(pickle_.object(ref));
    }
    return data_loss("holds no state dict: no names with tensors");
  }

  static Status whole_object(const PickleObject& object) {
    const std::string name = object.text.empty() ? "unknown" : std::string(object.text);
    return unsupported("holds an object of class " + base::in_quotes(name) +
                       " and no state dict; save model.state_dict() instead of the whole model" +
                       std::string(kNothingExecuted));
  }

  const Pickle& pickle_;
  std::vector<Place> places_;
  std::unordered_map<PickleRef, size_t> known_;
  std::vector<size_t> levels_;  // where each level begins, and the end
};

/// A module of a TorchScript archive, and its name with a dot behind it.
struct ScriptModule {
  PickleRef attributes;  // a dict
  std::string prefix;
};

/// A name has as many parts as modules are nested.
constexpr size_t kMaxScriptName = 512;

}  // namespace

Result<std::vector<StateDictEntry>> find_script_tensors(const Pickle& pickle) {
  const auto attributes_of = [&](PickleRef ref) -> std::optional<PickleRef> {
    const PickleObject& object = pickle.object(ref);
    if (object.kind != kInert || object.number == 0) return std::nullopt;
    return static_cast<PickleRef>(object.number - 1);
  };
  const std::optional<PickleRef> root = attributes_of(pickle.root);
  if (!root) return data_loss("is a TorchScript archive without a module");
  std::vector<ScriptModule> left = {{*root, ""}};
  std::vector<StateDictEntry> entries;
  for (size_t visited = 0; !left.empty(); ++visited) {
    const ScriptModule module = std::move(left.back());
    left.pop_back();
    if (visited + entries.size() > kMaxPlaces || module.prefix.size() > kMaxScriptName) {
      return resource_exhausted("its modules contain one another too often or too deeply");
    }
    const auto& items = pickle.object(module.attributes).items;
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      const PickleObject& key = pickle.object(items[i]);
      if (key.kind != kText) continue;
      const std::string name = module.prefix + std::string(key.text.substr(0, kMaxScriptName));
      const PickleObject& value = pickle.object(items[i + 1]);
      if (value.kind == kTensor) entries.push_back({name, static_cast<size_t>(value.number)});
      const auto inner = attributes_of(items[i + 1]);
      if (inner) left.push_back({*inner, name + "."});
    }
  }
  std::ranges::sort(entries, {}, &StateDictEntry::name);
  const auto twice = std::ranges::adjacent_find(entries, {}, &StateDictEntry::name);
  if (twice == entries.end()) return entries;
  return data_loss("holds tensor " + base::in_quotes(twice->name) + " twice");
}

Result<std::vector<StateDictEntry>> find_state_dict(const Pickle& pickle, bool ema) {
  LW_ASSIGN_OR_RETURN(const auto found, Search(pickle).choose(ema));
  const std::string prefix = ema && found.is_ema ? "ema." : "";
  std::vector<StateDictEntry> entries;
  for (const auto& [name, tensor] : tensors_of(pickle, pickle.object(found.ref))) {
    entries.push_back({prefix + std::string(name), tensor});
  }
  return entries;
}

}  // namespace lanewise::converters

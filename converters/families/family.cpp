#include "converters/families/family.hpp"

#include <algorithm>
#include <array>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

constexpr int64_t kMostTableFloats = 1 << 26;  // 256 MiB, as in ops/embedding

std::span<const Family> families() {
  static const std::array list = {
#define LW_FAMILY(name) name##_family(),
#include "converters/families.def"
#undef LW_FAMILY
  };
  return list;
}

std::string known_types() {
  std::string list;
  for (const Family& family : families()) {
    for (const ModelType& type : family.model_types) {
      list.append(list.empty() ? "" : ", ").append(type.name);
    }
  }
  return list;
}

/// The family's type with that name, or null.
const ModelType* find_type(const Family& family, std::string_view name) noexcept {
  const auto& types = family.model_types;
  const auto it = std::find_if(types.begin(), types.end(),
                               [&](const ModelType& type) { return type.name == name; });
  return it == types.end() ? nullptr : &*it;
}

/// The type with that name; one that says nothing if there is none.
ModelType type_or_default(std::string_view name) noexcept {
  for (const Family& family : families()) {
    if (const ModelType* type = find_type(family, name); type != nullptr) return *type;
  }
  return {.name = name};
}

}  // namespace

Status check_made_positions(const Config& config, const std::string& field, int64_t positions,
                            int64_t width) {
  const int64_t most = kMostTableFloats / width;
  if (positions <= most) return {};
  return config.wrong(
      field, "at most " + std::to_string(most) + " for " + std::to_string(width) + " features");
}

Result<const Family*> find_family(const Config& config) {
  LW_ASSIGN_OR_RETURN(const std::string type, config.text("model_type", ""));
  for (const Family& family : families()) {
    if (find_type(family, type) != nullptr) return &family;
  }
  if (type.empty()) {
    return invalid_argument(config.label() + ": 'model_type' is missing; known: " + known_types());
  }
  return unsupported(config.label() + ": unknown model_type " + base::in_quotes(type) +
                     "; known: " + known_types());
}

std::string_view tokenizer_class_of(std::string_view model_type) noexcept {
  return type_or_default(model_type).tokenizer_class;
}

std::string_view base_prefix_of(std::string_view model_type) noexcept {
  return type_or_default(model_type).base_prefix;
}

}  // namespace lanewise::converters

#include "runtime/file/checksums.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/xxh64.hpp"

namespace lanewise::file {
namespace {

constexpr const char* kAlgorithm = "xxh64";

Result<std::string> checksum(const TensorView& tensor) {
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(tensor.shape));
  const size_t bytes = static_cast<size_t>(count) * size_of(tensor.type);
  std::array<char, 17> digits;
  std::snprintf(
      digits.data(), digits.size(), "%016llx",
      static_cast<unsigned long long>(xxh64({static_cast<const std::byte*>(tensor.data), bytes})));
  return std::string(digits.data());
}

/// `tensors are damaged: 'a', 'b' and 3 more`; empty if there are none.
std::string listed(const std::vector<std::string>& names, std::string_view what) {
  constexpr size_t kMostNamed = 10;
  if (names.empty()) return "";
  std::string text = std::to_string(names.size()) + (names.size() == 1 ? " tensor " : " tensors ");
  text.append(what).append(": ");
  for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    text.append(i == 0 ? "" : ", ").append(base::in_quotes(names[i]));
  }
  if (names.size() > kMostNamed) {
    text += " and " + std::to_string(names.size() - kMostNamed) + " more";
  }
  return text;
}

}  // namespace

Result<std::string> checksums_json(std::span<const SafetensorsInput> tensors) {
  std::map<std::string, std::string> sums;
  for (const SafetensorsInput& input : tensors) {
    LW_ASSIGN_OR_RETURN(sums[input.name], checksum(input.tensor));
  }
  return base::JsonTree::object({{kAlgorithm, base::JsonTree::object_of(sums)}}).text();
}

Status check_checksums(const SafetensorsView& view, std::string_view json) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, base::parse_json(json, kMaxHeaderBytes));
  LW_ASSIGN_OR_RETURN(const base::JsonFields root, base::JsonFields::of(document.root(), ""));
  LW_ASSIGN_OR_RETURN(const base::JsonFields sums, root.object(kAlgorithm));
  std::vector<std::string> damaged;
  std::vector<std::string> unknown;
  for (const TensorEntry& entry : view.tensors()) {
    const base::JsonValue* expected = sums.find(entry.name);
    if (expected == nullptr) {
      unknown.push_back(entry.name);
      continue;
    }
    LW_ASSIGN_OR_RETURN(const std::string found, checksum(view.view(entry)));
    if (!expected->is_string() || expected->string() != found) damaged.push_back(entry.name);
  }
  std::vector<std::string> missing;
  for (const auto& [name, sum] : sums.members()) {
    if (view.find(name) == nullptr) missing.emplace_back(name);
  }
  std::string faults;
  for (const std::string& fault :
       {listed(damaged, "damaged"), listed(unknown, "without a checksum"),
        listed(missing, "missing")}) {
    if (!fault.empty()) faults.append(faults.empty() ? "" : "; ").append(fault);
  }
  return faults.empty() ? Status() : data_loss(faults);
}

}  // namespace lanewise::file

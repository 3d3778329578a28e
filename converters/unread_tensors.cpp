#include "converters/unread_tensors.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr size_t kMostUnreadNamed = 10;

/// An entry of `ignore`: a name, or a prefix that ends in a dot.
bool fits(const std::string& entry, const std::string& name) {
  return entry.ends_with('.') ? name.starts_with(entry) : name == entry;
}

std::string listed(const std::vector<std::string>& names) {
  std::string list =
      names.size() == 1 ? "a tensor is" : std::to_string(names.size()) + " tensors are";
  list += " not read: ";
  for (size_t i = 0; i < std::min(names.size(), kMostUnreadNamed); ++i) {
    list.append(i == 0 ? "" : ", ").append(in_quotes(names[i]));
  }
  if (names.size() > kMostUnreadNamed) {
    list += " and " + std::to_string(names.size() - kMostUnreadNamed) + " more";
  }
  return list;
}

/// The checkpoint's names, by whether the graph reads them.
struct Names {
  std::vector<std::string> read;
  std::vector<std::string> unread;
};

Names names_of(const FamilyModel& model, const Checkpoint& checkpoint) {
  std::set<std::string_view> used(model.leftovers.begin(), model.leftovers.end());
  for (const ExpectedTensor& tensor : model.tensors) used.insert(tensor.name);
  Names names;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    // A program may compute with constants that its state dict lacks, such as a table of positions.
    if (tensor.is_constant && !used.contains(tensor.name)) continue;
    (used.contains(tensor.name) ? names.read : names.unread).push_back(tensor.name);
  }
  return names;
}

Status check_entry(const std::string& entry, const Names& names, const Config& config,
                   const Report& report) {
  const auto is_named = [&](const std::string& name) { return fits(entry, name); };
  if (std::ranges::any_of(names.unread, is_named)) return {};
  const auto read = std::ranges::find_if(names.read, is_named);
  if (read != names.read.end()) {
    return invalid_argument(config.label() + ": 'ignore' has " + in_quotes(entry) +
                            ", but the model reads " + in_quotes(*read));
  }
  report(config.label() + ": 'ignore' has " + in_quotes(entry) + ", which names no tensor");
  return {};
}

}  // namespace

Status check_unread(FamilyModel& model, const Checkpoint& checkpoint, const Config& config,
                    const Report& report) {
  const Names names = names_of(model, checkpoint);
  for (const std::string& entry : model.ignore) {
    LW_RETURN_IF_ERROR(check_entry(entry, names, config, report));
  }
  std::vector<std::string> surplus;
  for (const std::string& name : names.unread) {
    const bool is_ignored = std::ranges::any_of(
        model.ignore, [&](const std::string& entry) { return fits(entry, name); });
    (is_ignored ? model.leftovers : surplus).push_back(name);
  }
  if (surplus.empty()) return {};
  return invalid_argument(listed(surplus) +
                          "; use 'keys' in the config for tensors with other names, 'ignore' for "
                          "tensors that are not part of the model");
}

}  // namespace lanewise::converters

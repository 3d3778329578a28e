#include "converters/check_tensors.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "converters/formats/elements.hpp"
#include "converters/near_miss.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

// Keeps a message to one line: a model of another size has hundreds of misshaped tensors.
constexpr size_t kMostMissingNamed = 10;

std::string listed(const std::vector<std::string>& items, std::string_view separator,
                   size_t most_named) {
  std::string list;
  const size_t named = std::min(items.size(), most_named);
  for (size_t i = 0; i < named; ++i) list.append(i == 0 ? "" : separator).append(items[i]);
  if (named < items.size()) list += " and " + std::to_string(items.size() - named) + " more";
  return list;
}

/// `3 tensors are missing`.
std::string counted(size_t count, std::string_view rest_of_one, std::string_view rest_of_many) {
  std::string text = std::to_string(count) + (count == 1 ? " tensor " : " tensors ");
  return text.append(count == 1 ? rest_of_one : rest_of_many) + ": ";
}

std::string about(const std::string& name, const ExpectedTensor& expected,
                  const CheckpointTensor& found) {
  return name + " expected " + to_string(expected.shape) + ", file has " + to_string(found.shape);
}

/// Names of tensors that the family does not expect, of which one may be a misspelt one.
std::vector<std::string> unexpected(const FamilyModel& model, const Checkpoint& checkpoint) {
  constexpr size_t kMost = 2000;
  std::set<std::string_view> expected;
  for (const ExpectedTensor& tensor : model.tensors) expected.insert(tensor.name);
  std::vector<std::string> names;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (names.size() == kMost) break;
    if (!expected.contains(tensor.name)) names.push_back(checkpoint.name_in_file(tensor.name));
  }
  return names;
}

/// Adds to the first missing names those that the file may have instead.
void add_near_misses(const FamilyModel& model, const Checkpoint& checkpoint,
                     std::vector<std::string>& missing) {
  const std::vector<std::string> candidates = unexpected(model, checkpoint);
  for (size_t i = 0; i < std::min(missing.size(), kMostMissingNamed); ++i) {
    const std::string near = nearest(missing[i], candidates);
    missing[i] = in_quotes(missing[i]);
    if (!near.empty()) missing[i] += " (there is " + in_quotes(near) + ")";
  }
}

}  // namespace

Status check_tensors(const FamilyModel& model, const Checkpoint& checkpoint) {
  std::vector<std::string> missing;
  std::vector<std::string> misshaped;
  std::vector<std::string> mistyped;
  std::vector<std::string> foreign;
  for (const ExpectedTensor& expected : model.tensors) {
    const CheckpointTensor* found = checkpoint.find(expected.name);
    const std::string name = in_quotes(checkpoint.name_in_file(expected.name));
    if (found == nullptr) {
      missing.push_back(checkpoint.name_in_file(expected.name));
    } else if (!found->foreign_type.empty()) {
      foreign.push_back(name + " " + std::string(type_name(*found)));
    } else if (found->shape != expected.shape) {
      misshaped.push_back(about(name, expected, *found));
    } else if (!is_floating_point(found->type)) {
      mistyped.push_back(name + " " + std::string(type_name(*found)));
    }
  }
  std::vector<std::string> faults;
  if (!missing.empty()) {
    add_near_misses(model, checkpoint, missing);
    faults.push_back(counted(missing.size(), "is missing", "are missing") +
                     listed(missing, ", ", kMostMissingNamed));
  }
  if (!misshaped.empty()) {
    faults.push_back(counted(misshaped.size(), "has the wrong shape", "have the wrong shape") +
                     listed(misshaped, "; ", kMostMissingNamed));
  }
  if (!mistyped.empty()) {
    faults.push_back(counted(mistyped.size(), "is not floating-point", "are not floating-point") +
                     listed(mistyped, ", ", kMostMissingNamed));
  }
  if (!foreign.empty()) {
    faults.push_back(counted(foreign.size(), "has an unsupported type", "have unsupported types") +
                     listed(foreign, ", ", kMostMissingNamed));
  }
  if (faults.empty()) return {};
  return {missing.empty() ? StatusCode::kInvalidArgument : StatusCode::kNotFound,
          listed(faults, "; ", faults.size())};
}

void report_unused(const FamilyModel& model, const Checkpoint& checkpoint, const Report& report) {
  std::set<std::string_view> used;
  for (const ExpectedTensor& tensor : model.tensors) used.insert(tensor.name);
  used.insert(model.folded.begin(), model.folded.end());
  std::vector<std::string> unused;
  std::vector<std::string> ignored;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (used.contains(tensor.name)) continue;
    const auto& known = model.leftovers;
    const bool leftover =
        tensor.is_constant || std::ranges::find(known, tensor.name) != known.end();
    (leftover ? ignored : unused).push_back(in_quotes(tensor.name));
  }
  if (!ignored.empty()) {
    report(counted(ignored.size(), "is ignored (not a weight)", "are ignored (not weights)") +
           listed(ignored, ", ", ignored.size()));
  }
  if (!unused.empty()) {
    report(counted(unused.size(), "is unused", "are unused") + listed(unused, ", ", unused.size()));
  }
}

}  // namespace lanewise::converters

#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "lanewise/status.hpp"
#include "runtime/grammar/schema_reader.hpp"

namespace lanewise::grammar {

/// The members that an object may have.
struct Members {
  struct Member {
    std::string name;
    Schema schema;
    bool required = false;
  };
  std::vector<Member> named;                          // in their order
  std::map<std::string, size_t, std::less<>> places;  // of their names in `named`
  std::optional<Schema> others;                       // of any other name; nothing: there are none
};

/// The members that `properties`, `required` and `additionalProperties` of one schema describe.
Result<Members> members_of(const Schema& schema);

/// The parts of the allOf of `schema`, of those within it and of what stands beside them, in which
/// references are followed. Parts without restrictions are left out. `root`: the whole document.
Result<std::vector<Schema>> parts_of_all(const base::JsonValue& root, const Schema& schema);

/// The members of an object that satisfies all `parts`; nothing if no value does. Fails with
/// kUnsupported unless all are of objects that may have further members.
Result<std::optional<Members>> members_of_all(const Schema& schema,
                                              const std::vector<Schema>& parts);

}  // namespace lanewise::grammar

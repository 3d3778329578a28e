#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/model_slot.hpp"

namespace lanewise::serve {

/// The models that are served, in the order of the command line. The list does not change; what is
/// behind a name may.
class Models {
 public:
  /// A model under a name that no other has. It is opened now, unless `on_use`. Fails with
  /// kInvalidArgument for the name, and as `source.open` does.
  Status add(ModelSource source, const SessionOptions& session, const Limits& limits,
             bool on_use = false);
  /// A model that does not come from a file.
  Status add(std::string name, Model model, const SessionOptions& session, const Limits& limits);

  /// The model called `name`; where it is empty the only one. kNotFound, naming it, if there is
  /// none; kInvalidArgument if there are several and the client names none.
  Result<ModelSlot*> find(std::string_view name) const;
  const std::vector<std::unique_ptr<ModelSlot>>& all() const noexcept { return slots_; }

 private:
  std::vector<std::unique_ptr<ModelSlot>> slots_;
};

/// MODEL of the command line: `NAME=PATH`, or a path whose last component without its extension is
/// the name.
struct NamedPath {
  std::string name;
  std::string path;
};
NamedPath named_path(std::string_view operand);

}  // namespace lanewise::serve

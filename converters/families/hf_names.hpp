#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Finds the prefix of the names of a model's tensors: none, `usual`, which the class with a head
/// uses, or anything else for a model inside a custom module. `anchor` is a tensor that every model
/// of the family has. kInvalidArgument if there are two models.
Result<std::string> find_prefix(const Checkpoint& checkpoint, std::string_view anchor,
                                std::string_view usual);

/// The prefix of names that belong to a class with a head around a model: the model's prefix
/// without its `own` part.
std::string outside_of_model(const std::string& prefix, std::string_view own = "model.");

/// Tied tensors of a model, one or several of which a file contains: `shared.weight`,
/// `encoder.embed_tokens.weight`, `lm_head.weight`.
class TiedTensors {
 public:
  /// `names`: in the order in which the common one is searched. `checkpoint` must outlive it.
  TiedTensors(const Checkpoint& checkpoint, std::vector<std::string> names)
      : checkpoint_(checkpoint), names_(std::move(names)) {}

  /// The first one that the file has; if it has none, the first of `names`.
  const std::string& common() const;

  /// Returns `own` if the file has it with different values than the common one, in which case it
  /// is not tied, whatever the config says; otherwise the common one. Fails as Checkpoint::read()
  /// does.
  Result<std::string> of(const std::string& own) const;

  const std::vector<std::string>& names() const { return names_; }

 private:
  const Checkpoint& checkpoint_;
  std::vector<std::string> names_;
};

}  // namespace lanewise::converters

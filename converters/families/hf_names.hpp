#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What stands before the names of a model's tensors: nothing, `usual`, which the class with a head
/// calls it, or anything for a model inside somebody's own module. Told by `anchor`, a tensor that
/// every model of the family has. kInvalidArgument where there are two models.
Result<std::string> find_prefix(const Checkpoint& checkpoint, std::string_view anchor,
                                std::string_view usual);

/// What stands before the names that belong to a class with a head around a model: the model's
/// prefix without its own `model.`.
std::string outside_of_model(const std::string& prefix);

/// Tensors that are one in a model, and of which a file has one or several: `shared.weight`,
/// `encoder.embed_tokens.weight`, `lm_head.weight`.
class TiedTensors {
 public:
  /// `names` in the order in which the common one is looked for. `checkpoint` must outlive it.
  TiedTensors(const Checkpoint& checkpoint, std::vector<std::string> names)
      : checkpoint_(checkpoint), names_(std::move(names)) {}

  /// The first that the file has; without any, the first of all.
  const std::string& common() const;

  /// `own` if the file has it with other values than the common one, which it then is in spite of
  /// what a config says; else the common one. Fails as Checkpoint::read().
  Result<std::string> of(const std::string& own) const;

  const std::vector<std::string>& names() const { return names_; }

 private:
  const Checkpoint& checkpoint_;
  std::vector<std::string> names_;
};

}  // namespace lanewise::converters

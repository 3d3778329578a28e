#pragma once

#include <memory>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A checkpoint as the module without its wrappers would have saved it.
struct PlainCheckpoint {
  std::unique_ptr<Checkpoint> checkpoint;
  std::vector<std::string> warnings;  ///< what makes results other than somebody may expect
};

/// Gives tensors their plain_name(), computes the weights of parametrizations, and leaves out
/// adapters, which are not applied: that is a warning.
///
/// Fails with kInvalidArgument when two tensors would have the same name, naming both, and when
/// there is nothing but an adapter.
Result<PlainCheckpoint> make_plain(std::unique_ptr<Checkpoint> stored);

}  // namespace lanewise::converters

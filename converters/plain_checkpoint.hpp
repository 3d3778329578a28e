#pragma once

#include <memory>
#include <string>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A checkpoint as a module without wrappers would have saved it.
struct PlainCheckpoint {
  std::unique_ptr<Checkpoint> checkpoint;
  std::vector<std::string> warnings;  ///< reasons why results may differ from what is expected
};

/// Renames tensors to their plain_name(), computes the weights of parametrizations, and omits
/// adapters, with a warning that they are not applied. Of a model and an averaged copy of it (EMA)
/// it keeps the model, with a note, or, with `ema`, the copy.
///
/// Fails with kInvalidArgument if two tensors would have the same name, naming both, if there
/// is only an adapter, and with `ema` if there is no averaged copy.
Result<PlainCheckpoint> make_plain(std::unique_ptr<Checkpoint> stored, bool ema = false);

}  // namespace lanewise::converters

#pragma once

#include <cstdint>
#include <span>

#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Makes the value that a pickle means by calling one of the listed globals. `max_elements` is as
/// in read_pickle().
Result<PickleObject> call_global(Pickle& pickle, const PickleGlobal& global,
                                 std::span<const PickleRef> arguments, int64_t max_elements);

/// Reads a persistent id: ('storage', type, key, device, elements) and, before PyTorch 0.4, which
/// part of another storage it is.
Result<PickleObject> storage_of_id(Pickle& pickle, const PickleObject& id);

}  // namespace lanewise::converters

#pragma once

#include <cstdint>
#include <span>

#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// What a pickle means when it calls one of the list of globals: a value of ours, made here.
/// `max_elements` as for read_pickle().
Result<PickleObject> call_global(Pickle& pickle, const PickleGlobal& global,
                                 std::span<const PickleRef> arguments, int64_t max_elements);

/// What a persistent id means: ('storage', type, key, device, elements) and, before PyTorch 0.4,
/// which part of another storage it is.
Result<PickleObject> storage_of_id(Pickle& pickle, const PickleObject& id);

}  // namespace lanewise::converters

#pragma once

#include <string>

#include "converters/families/family.hpp"
#include "converters/source.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Writes an opened checkpoint to a folder that Transformers loads: config.json, model.safetensors
/// or shards of it with an index, and the files of tokenizer, generation and sentence-transformers
/// that the source has.
///
/// Tensors have the names by which Transformers saves the model: without those of wrappers around
/// it. Their types are those of the source where it stores numbers; quantised, merged and computed
/// weights become f32, and the config says so. Constants of programs are left out.
///
/// `folder` appears completely or not at all: it is written under a temporary name beside it. It
/// must not exist, or be empty. Fails with kInvalidArgument otherwise; with kUnsupported for plain
/// modules, whose names only their author's program knows; as AtomicFile does.
Status write_checkpoint(Source& source, const FamilyModel& model, const std::string& folder);

}  // namespace lanewise::converters

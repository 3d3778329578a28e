#pragma once

#include <string>
#include <string_view>

#include "converters/families/family.hpp"
#include "converters/pack/pack_graph.hpp"
#include "converters/source.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"

/// What a model file keeps of its checkpoint besides values, so that the checkpoint can be written
/// again: names and shapes of tensors and where they are in the file, config and settings.
namespace lanewise::converters {

/// The metadata that holds it.
inline constexpr std::string_view kRecordKey = "lanewise.checkpoint";

/// JSON, or "" if the checkpoint cannot be written again: a plain module's names mean nothing to
/// Transformers, and modules of sentence-transformers have weights in other files.
Result<std::string> record_of(Source& source, const FamilyModel& model, const PackedGraph& packed);

/// Writes the checkpoint of a model file as a folder that Transformers loads, with f32 weights of
/// the values that the file has, quantised ones included.
///
/// Fails with kUnsupported for a file without a record, and, naming it, for a tensor that the file
/// has only in a computed form; with kDataLoss if the record does not fit the file.
Status write_recorded(const Model& model, const std::string& folder);

}  // namespace lanewise::converters

#pragma once

#include <memory>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/zip_archive.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Programs of torch.export.save(), usually called .pt2. Only their weights, buffers and constants
/// are read; the graph is not.
///
///   since 2.8   NAME/data/weights/MODEL_weights_config.json, which says where each tensor is in
///               NAME/data/weights/; the same for constants. Before 2.9 NAME/data/weights/MODEL.pt
///   before      serialized_state_dict.pt, serialized_constants.pt: files of torch.save()
///
/// Source: torch/export/pt2_archive/_package.py, torch/_export/serde/schema.py.
bool is_exported_program(const ZipArchive& archive);

/// Opens such an archive. Constants have CheckpointTensor::is_constant; those that are objects of a
/// custom class are omitted.
///
/// Fails with kDataLoss, naming the entry or tensor, for anything inconsistent; with
/// kInvalidArgument if the archive holds several models.
Result<std::unique_ptr<Checkpoint>> open_exported_program(ZipArchive archive,
                                                          const std::string& path,
                                                          const ConvertLimits& limits);

}  // namespace lanewise::converters

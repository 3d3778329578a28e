#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

/// Shared by formats whose checkpoints are files in a folder: one file, or several shards with an
/// index, as Transformers writes them.
namespace lanewise::converters {

/// Opens the shards listed in the index file at `path`, each by `open_shard`, as one checkpoint.
///
/// All tensors of the shards count, whether or not the index lists them. Fails with kNotFound,
/// naming all missing shards; with kInvalidArgument for names that lead out of the folder; with
/// kDataLoss if a tensor is in two shards, or not in the one that the index gives.
Result<std::unique_ptr<Checkpoint>> open_shards(const std::string& path, OpenCheckpoint* open_shard,
                                                const ReadOptions& options);

/// Returns the file of weights in `folder`: the first of `names` that exists, else the only one
/// that ends in one of `suffixes` and is not in `others`; "" if there is none. Fails with
/// kInvalidArgument if there are several.
Result<std::string> find_weights(const std::string& folder, std::span<const std::string_view> names,
                                 std::span<const std::string_view> suffixes,
                                 std::span<const std::string_view> others = {});

/// Whether `name` ends in one of `suffixes`.
bool ends_in_one_of(std::string_view name, std::span<const std::string_view> suffixes);

}  // namespace lanewise::converters

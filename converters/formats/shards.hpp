#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/formats/checkpoint.hpp"
#include "lanewise/status.hpp"

/// What formats have in common whose checkpoints are files of a folder: one, or several shards with
/// an index, as Transformers writes them.
namespace lanewise::converters {

/// Opens the shards that the index file at `path` names, each by `open_shard`, as one checkpoint.
///
/// Of the shards every tensor counts, named by the index or not. Fails with kNotFound naming all
/// shards that are missing; kInvalidArgument for names that leave the folder; kDataLoss when a
/// tensor stands in two shards, or in another than the index says.
Result<std::unique_ptr<Checkpoint>> open_shards(
    const std::string& path,
    Result<std::unique_ptr<Checkpoint>> (*open_shard)(const std::string& path));

/// The file in `folder` that is meant: the first of `names` that exists, else the only one that
/// ends in one of `suffixes` and is none of `others`; "" if there is none. Fails with
/// kInvalidArgument when there are several.
Result<std::string> find_weights(const std::string& folder, std::span<const std::string_view> names,
                                 std::span<const std::string_view> suffixes,
                                 std::span<const std::string_view> others = {});

/// True when `name` ends in one of `suffixes`.
bool ends_in_one_of(std::string_view name, std::span<const std::string_view> suffixes);

}  // namespace lanewise::converters

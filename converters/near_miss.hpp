#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lanewise::converters {

/// The number of characters to insert, delete or replace to make `a` of `b`, or `most` + 1 if it is
/// more (Levenshtein). Takes time proportional to their lengths times `most`.
size_t edit_distance(std::string_view a, std::string_view b, size_t most);

/// The one of `candidates` that `name` was probably meant to be, or "": it differs in at most two
/// characters and at most a quarter of them.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace lanewise::converters

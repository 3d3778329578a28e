#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lanewise::file {

/// Describes a file that is not what was expected, by its content: a Git LFS pointer, a web page, a
/// GGUF file or another of the things found in place of a model, as in `a web page (HTML), ...`.
/// Returns "" if nothing is recognised. Call it only after reading has failed, because some binary
/// files of the expected format begin with the same bytes.
std::string kind_of_other_file(std::span<const std::byte> file);

/// The same for a file that should be text.
std::string kind_of_other_text(std::span<const std::byte> file);

}  // namespace lanewise::file

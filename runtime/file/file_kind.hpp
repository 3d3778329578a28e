#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lanewise::file {

/// What a file is that was expected to be something else: a Git LFS pointer, a web page, a GGUF
/// file and whatever else people find in place of a model, as in `a web page (HTML), ...`. Told by
/// its content; "" where nothing is recognised. Ask after reading has failed: some binary files of
/// the right format begin with the same bytes.
std::string kind_of_other_file(std::span<const std::byte> file);

/// The same for a file that should be a text.
std::string kind_of_other_text(std::span<const std::byte> file);

}  // namespace lanewise::file

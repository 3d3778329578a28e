#pragma once

#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// For a folder in which something was looked for in vain: what it seems to be instead, as the end
/// of a message (`; it is ...`): the root of a hub's cache, an adapter, weights of another program,
/// links to nothing, the parent of the folder that was meant. "" where nothing is recognised.
std::string folder_hint(const std::string& folder);

/// The same for a file of that name which could not be read.
std::string file_hint(const std::string& name);

/// kNotFound for a file that would be read beside the weights, were it not a link to nothing. It
/// must not count as absent: a model would then do without its tokenizer.
Status check_links(const std::string& folder);

/// Whether a folder holds an adapter (PEFT), whose weights are no model.
bool holds_adapter(const std::string& folder);

}  // namespace lanewise::converters

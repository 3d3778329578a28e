#pragma once

#include <string>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Describes a folder that lacks an expected file, for the end of a message (`; it is ...`): the
/// root of a hub's cache, an adapter, weights for another program, dangling links, the parent of
/// the intended folder. Returns "" if nothing is recognised.
std::string folder_hint(const std::string& folder);

/// The same for a file that could not be read, by its name.
std::string file_hint(const std::string& name);

/// Fails with kNotFound if a file that is read beside the weights is a dangling link. Treating it
/// as absent would silently convert a model without its tokenizer.
Status check_links(const std::string& folder);

/// Whether a folder contains an adapter (PEFT), whose weights are not a model.
bool holds_adapter(const std::string& folder);

}  // namespace lanewise::converters

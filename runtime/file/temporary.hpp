#pragma once

#include <string>

#include "lanewise/status.hpp"
#include "runtime/file/file_descriptor.hpp"

/// Temporary names, for what cannot be made without one: files on some file systems, and folders.
namespace lanewise::file {

/// A path in `folder`: a name of fixed length, hidden from `ls`, that shows its origin.
Result<std::string> temporary_name(const std::string& folder);

/// Marks an open file or folder of such a name as in use, until it is closed, however the process
/// ends. Best effort: some file systems have no locks.
void mark_in_use(const FileDescriptor& file) noexcept;

/// Removes a file, or a folder with everything in it. Best effort.
void remove_tree(const std::string& path) noexcept;

/// Whether `path` is a folder without entries.
bool is_empty_folder(const std::string& path) noexcept;

/// Removes what a killed process left in `folder` under such names: files and folders older
/// than a minute, belong to this user and are not in use. Best effort.
void sweep_temporaries(const std::string& folder) noexcept;

}  // namespace lanewise::file

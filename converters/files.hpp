#pragma once

#include <string>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// Whether it is a regular file or a symbolic link to one; caches of checkpoints consist of links.
bool is_file(const std::string& path);
bool is_folder(const std::string& path);
/// Returns the target of a dangling symbolic link; "" for everything else.
std::string broken_link(const std::string& path);
/// `folder/name`, or just `name` where folder is empty.
std::string join(const std::string& folder, const std::string& name);
/// The part after the last slash.
std::string file_name(const std::string& path);
/// The folder of `path`; "." for a bare name.
std::string parent_folder(const std::string& path);
/// Whether both exist and are the same file, whatever their names.
bool same_file(const std::string& a, const std::string& b);

/// Whether `name`, by which a file refers to another one, stays in its folder or below: no root, no
/// `..`, no empty part. The author of a checkpoint must not choose which other files are read.
bool stays_inside(const std::string& name);

/// The names of the regular files in `folder`, sorted, without hidden ones.
Result<std::vector<std::string>> list_files(const std::string& folder);

/// The names of all entries of `folder`, sorted, without hidden ones. Empty if it cannot be read.
std::vector<std::string> list_entries(const std::string& folder);

/// Reads a whole text file. Fails as MappedFile::open does, with kResourceExhausted for files above
/// 100 MB, which no text beside a checkpoint has, and with kDataLoss for a Git LFS pointer or a web
/// page in place of the file.
Result<std::string> read_text(const std::string& path);

}  // namespace lanewise::converters

#pragma once

#include <string>
#include <vector>

#include "lanewise/status.hpp"

namespace lanewise::converters {

/// True for a regular file, also through a symbolic link: caches of checkpoints are full of them.
bool is_file(const std::string& path);
bool is_folder(const std::string& path);
/// What a symbolic link to nothing points to; "" for all else.
std::string broken_link(const std::string& path);
/// `folder/name`, or just `name` where folder is empty.
std::string join(const std::string& folder, const std::string& name);
/// What stands after the last slash.
std::string file_name(const std::string& path);
/// The folder that `path` stands in; "." for a bare name.
std::string parent_folder(const std::string& path);
/// True when both exist and are the same file, whatever they are called.
bool same_file(const std::string& a, const std::string& b);

/// A name that a file gave us for another file in its folder, or below it: no root, no `..`, no
/// empty part. Whoever wrote a checkpoint must not choose which files of ours are read.
bool stays_inside(const std::string& name);

/// Names of the regular files in `folder`, sorted; hidden ones are left out.
Result<std::vector<std::string>> list_files(const std::string& folder);

/// The names of everything in `folder`, sorted; hidden ones are left out. Empty if it cannot be
/// read.
std::vector<std::string> list_entries(const std::string& folder);

/// The whole of a text file. Fails as MappedFile::open does, with kResourceExhausted for files
/// above 100 MB, which no text beside a checkpoint has, and with kDataLoss for what stands in for a
/// file: a Git LFS pointer, a web page.
Result<std::string> read_text(const std::string& path);

}  // namespace lanewise::converters

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "converters/config.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The folder of a checkpoint. Records which of its files were read, for the provenance. Names are
/// relative to the folder.
class SourceFolder {
 public:
  explicit SourceFolder(std::string root) : root_(std::move(root)) {}

  /// A folder that does not exist: `files` by their names, made of the file `root`. Nothing beside
  /// them is read.
  static SourceFolder of_made_files(std::string root,
                                    const std::map<std::string, std::string>& files);

  /// Puts another folder in front of this one: of files that both have, its own are read. It has a
  /// tokenizer or none: if it has any of a tokenizer's files, this folder's are not read. Without
  /// effect on a made folder, beside which nothing is read.
  void put_in_front(std::string folder);

  /// The names of the files of a made folder; none of a folder that exists.
  const std::vector<std::string>& made_names() const noexcept { return made_names_; }

  const std::string& root() const noexcept { return root_; }
  std::string path(const std::string& name) const;
  /// The same for a folder within it, such as that of a module.
  std::string folder_path(const std::string& name) const;
  /// The names of the files in a folder within it, sorted; none if there is no such folder.
  std::vector<std::string> files_in(const std::string& name) const;
  bool has(const std::string& name) const;
  /// The same for a file in any folder.
  bool has_path(const std::string& path) const;

  /// Reads a JSON file. Fails as read_text() and Config::parse().
  Result<Config> config(const std::string& name);
  Result<std::vector<Config>> config_list(const std::string& name);
  /// The same for a file in any folder.
  Result<Config> config_at(const std::string& path);

  /// The contents of a file in any folder.
  Result<std::string> text(const std::string& path);

  /// Records that the file at `path` was read.
  void used(const std::string& path);
  /// Paths, in the order of first use.
  const std::vector<std::string>& used_files() const noexcept { return used_; }

 private:
  std::string root_;
  /// By their paths, if the folder does not exist.
  std::optional<std::map<std::string, std::string>> made_;
  std::vector<std::string> made_names_;
  std::string front_;  // empty: there is no other folder
  bool front_has_tokenizer_ = false;
  std::vector<std::string> used_;
};

}  // namespace lanewise::converters

#include "converters/source_folder.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {
std::string SourceFolder::path(const std::string& name) const {
  return name.empty() ? root_ : join(root_, name);
}

bool SourceFolder::has(const std::string& name) const { return is_file(path(name)); }

void SourceFolder::used(const std::string& path) {
  if (std::find(used_.begin(), used_.end(), path) == used_.end()) used_.push_back(path);
}

Result<std::string> SourceFolder::text(const std::string& path) {
  LW_ASSIGN_OR_RETURN(std::string text, read_text(path));
  used(path);
  return text;
}

Result<Config> SourceFolder::config_at(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const std::string json, text(path));
  return Config::parse(json, path);
}

Result<Config> SourceFolder::config(const std::string& name) { return config_at(path(name)); }

Result<std::vector<Config>> SourceFolder::config_list(const std::string& name) {
  LW_ASSIGN_OR_RETURN(const std::string json, text(path(name)));
  return Config::parse_list(json, path(name));
}

}  // namespace lanewise::converters

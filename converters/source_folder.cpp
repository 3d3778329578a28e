#include "converters/source_folder.hpp"

#include <algorithm>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"

namespace lanewise::converters {

SourceFolder SourceFolder::of_made_files(std::string root,
                                         const std::map<std::string, std::string>& files) {
  SourceFolder folder(std::move(root));
  folder.made_.emplace();
  for (const auto& [name, text] : files) folder.made_->emplace(folder.path(name), text);
  return folder;
}

std::string SourceFolder::path(const std::string& name) const {
  return name.empty() ? root_ : join(root_, name);
}

bool SourceFolder::has(const std::string& name) const { return has_path(path(name)); }

bool SourceFolder::has_path(const std::string& path) const {
  return made_ ? made_->contains(path) : is_file(path);
}

void SourceFolder::used(const std::string& path) {
  if (std::find(used_.begin(), used_.end(), path) == used_.end()) used_.push_back(path);
}

Result<std::string> SourceFolder::text(const std::string& path) {
  if (made_) {
    const auto found = made_->find(path);
    if (found == made_->end()) return not_found(base::in_quotes(path) + " does not exist");
    return found->second;
  }
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

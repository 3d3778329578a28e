#include "converters/source_folder.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/folder_files.hpp"

namespace lanewise::converters {
namespace {

bool is_tokenizer_file(const std::string& name) {
  return std::ranges::find(kTokenizerFiles, name) != kTokenizerFiles.end();
}

}  // namespace

void SourceFolder::put_in_front(std::string folder) {
  if (made_) return;
  front_ = std::move(folder);
  front_has_tokenizer_ = std::ranges::any_of(
      kTokenizerFiles, [&](const char* name) { return is_file(join(front_, name)); });
}

SourceFolder SourceFolder::of_made_files(std::string root,
                                         const std::map<std::string, std::string>& files) {
  SourceFolder folder(std::move(root));
  folder.made_.emplace();
  for (const auto& [name, text] : files) {
    folder.made_->emplace(folder.path(name), text);
    folder.made_names_.push_back(name);
  }
  return folder;
}

std::string SourceFolder::path(const std::string& name) const {
  if (name.empty()) return root_;
  const bool hides = front_has_tokenizer_ && is_tokenizer_file(name);
  if (!front_.empty() && (hides || is_file(join(front_, name)))) return join(front_, name);
  return join(root_, name);
}

std::string SourceFolder::folder_path(const std::string& name) const {
  const std::string in_front = join(front_, name);
  return !front_.empty() && !name.empty() && is_folder(in_front) ? in_front : path(name);
}

std::vector<std::string> SourceFolder::files_in(const std::string& name) const {
  if (made_) return {};
  std::set<std::string> names;
  for (const std::string& folder : {root_, front_}) {
    if (folder.empty()) continue;
    const auto listed = list_files(join(folder, name));
    if (listed.ok()) names.insert(listed->begin(), listed->end());
  }
  return {names.begin(), names.end()};
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

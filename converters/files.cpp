#include "converters/files.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/file_kind.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {

namespace fs = std::filesystem;

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// The entries of a folder that are not hidden, sorted by name. Not with std::filesystem, whose
/// iterators end the process if memory runs out (libstdc++ 12).
Result<std::vector<std::string>> names_in(const std::string& folder) {
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (open == nullptr) return base::os_error("list", folder, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno != 0) return base::os_error("list", folder, errno);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string broken_link(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error || fs::exists(path, error) ? "" : target.string();
}

std::string join(const std::string& folder, const std::string& name) {
  if (folder.empty()) return name;
  return (fs::path(folder) / name).string();
}

std::string file_name(const std::string& path) { return fs::path(path).filename().string(); }

std::string parent_folder(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

bool stays_inside(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string::npos) return false;
  const fs::path path(name);
  return std::none_of(path.begin(), path.end(), [](const fs::path& part) {
    return part.empty() || part == "." || part == "..";
  });
}

Result<std::vector<std::string>> list_files(const std::string& folder) {
  LW_ASSIGN_OR_RETURN(std::vector<std::string> names, names_in(folder));
  std::erase_if(names, [&](const std::string& name) { return !is_file(join(folder, name)); });
  return names;
}

std::vector<std::string> list_entries(const std::string& folder) {
  auto names = names_in(folder);
  return names.ok() ? std::move(*names) : std::vector<std::string>();
}

Result<std::string> read_text(const std::string& path) {
  constexpr size_t kMaxBytes = 100'000'000;
  LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
  const auto bytes = mapped.bytes();
  if (bytes.size() > kMaxBytes) {
    return base::file_error(
        StatusCode::kResourceExhausted, "read", path,
        std::to_string(bytes.size()) + " bytes, expected at most " + std::to_string(kMaxBytes));
  }
  const std::string kind = file::kind_of_other_text(bytes);
  if (!kind.empty()) return base::file_error(StatusCode::kDataLoss, "read", path, "it is " + kind);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace lanewise::converters

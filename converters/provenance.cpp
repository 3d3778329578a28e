#include "converters/provenance.hpp"

#include <cstddef>
#include <filesystem>
#include <utility>

#include "base/json_tree.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/sha256.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {
namespace {

std::string name_in(const std::string& folder, const std::string& path) {
  const std::string name = std::filesystem::path(path).lexically_relative(folder).generic_string();
  return stays_inside(name) ? name : file_name(path);
}

/// A checkpoint may be larger than memory.
std::string hash_of(const file::MappedFile& mapped) {
  constexpr size_t kPart = 64 << 20;
  static_assert(kPart % Sha256::kBlockBytes == 0);
  Sha256 hash;
  auto rest = mapped.bytes();
  for (; rest.size() > kPart; rest = rest.subspan(kPart)) {
    hash.add_blocks(rest.first(kPart));
    mapped.release_pages();
  }
  return hash.finish(rest);
}

}  // namespace

Result<std::string> provenance_json(const std::string& folder,
                                    const std::vector<std::string>& paths) {
  base::JsonTree files = base::JsonTree::array();
  for (const std::string& path : paths) {
    LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
    files.push_back(
        base::JsonTree::object({{"name", name_in(folder, path)}, {"sha256", hash_of(mapped)}}));
  }
  return base::JsonTree::object({{"files", std::move(files)}}).text();
}

}  // namespace lanewise::converters

#include "converters/provenance.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

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

}  // namespace

Result<std::string> provenance_json(const std::string& folder,
                                    const std::vector<std::string>& paths) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::string& path : paths) {
    LW_ASSIGN_OR_RETURN(const file::MappedFile mapped, file::MappedFile::open(path));
    files.push_back({{"name", name_in(folder, path)}, {"sha256", sha256_hex(mapped.bytes())}});
  }
  nlohmann::ordered_json provenance;
  provenance["files"] = std::move(files);
  // File names need not be UTF-8; JSON must be.
  return provenance.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace lanewise::converters

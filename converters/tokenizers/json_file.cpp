#include "converters/tokenizers/json_file.hpp"

namespace lanewise::converters {
namespace {

// Files have at most 100 MB (read_text()); combining several may give more.
constexpr size_t kMaxBytes = 400'000'000;

}  // namespace

Result<base::JsonDocument> parse_file(std::string_view text, std::string_view name) {
  Result<base::JsonDocument> json = base::parse_foreign_json(text, kMaxBytes);
  if (!json.ok()) return json.status().with_context(name);
  return json;
}

}  // namespace lanewise::converters

#include "cli/cache_flags.hpp"

#include <limits>
#include <map>
#include <string>
#include <utility>

namespace lanewise::cli {

void CacheFlags::add_to(CLI::App& command, bool with_bytes) {
  const std::map<std::string, CacheType> types = {
      {"f32", CacheType::kF32}, {"bf16", CacheType::kBf16}, {"int8", CacheType::kInt8}};
  command
      .add_option("--cache-type", type_,
                  "How keys and values are kept: f32 (default); bf16 in half the memory, int8 in "
                  "about a quarter, rounded")
      ->type_name("f32|bf16|int8")
      ->transform(CLI::CheckedTransformer(types).description(""));
  if (!with_bytes) return;
  command
      .add_option("--cache-bytes", bytes_,
                  "The most memory for keys and values; texts wait for their share (default: no "
                  "limit)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()));
}

SessionOptions CacheFlags::over(SessionOptions session) const {
  session.cache_type = type_;
  session.cache_bytes = bytes_;
  return session;
}

}  // namespace lanewise::cli

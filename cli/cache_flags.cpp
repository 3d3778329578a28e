#include "cli/cache_flags.hpp"

#include <limits>
#include <string>

#include "cli/command.hpp"

namespace lanewise::cli {
namespace {

CacheType cache_type(const std::string& name) {
  if (name == "bf16") return CacheType::kBf16;
  return name == "int8" ? CacheType::kInt8 : CacheType::kF32;
}

}  // namespace

void CacheFlags::add_to(CLI::App& command, bool with_bytes) {
  command
      .add_option("--cache-type", type_,
                  "How keys and values are kept: f32 (default); bf16 in half the memory, int8 in "
                  "about a quarter, rounded")
      ->type_name("f32|bf16|int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}).description(""));
  if (!with_bytes) return;
  command
      .add_option("--cache-bytes", bytes_,
                  "The most memory for keys and values; texts wait for their share (default: no "
                  "limit)")
      ->type_name("N")
      ->check(whole_number(1, std::numeric_limits<int64_t>::max()));
}

SessionOptions CacheFlags::over(SessionOptions session) const {
  session.cache_type = cache_type(type_);
  session.cache_bytes = bytes_;
  return session;
}

}  // namespace lanewise::cli

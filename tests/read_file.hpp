#pragma once

#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <system_error>

namespace lanewise::test {

/// The bytes of a file; empty if there is none. At once: byte by byte, as iterators read, takes most
/// of the time of tests that compare model files, since tests are not optimised.
inline std::string read_file(const std::filesystem::path& path) {
  std::error_code absent;
  const auto size = std::filesystem::file_size(path, absent);
  if (absent) return {};
  std::string bytes(size, '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size));
  return bytes;
}

}  // namespace lanewise::test

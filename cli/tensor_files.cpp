#include "cli/tensor_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "cli/interrupt.hpp"
#include "lanewise/files.hpp"
#include "lanewise/messages.hpp"

namespace lanewise::cli {
namespace {

Result<TensorMap> read_tensors_from_stdin() {
  std::vector<std::byte> bytes;
  std::vector<std::byte> part(size_t{1} << 20);
  while (true) {
    if (interrupted()) return cancelled("interrupted");
    const ssize_t count = ::read(STDIN_FILENO, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read", "standard input", errno);
    if (count == 0) return parse_safetensors(bytes, "standard input");
    bytes.insert(bytes.end(), part.begin(), part.begin() + count);
  }
}

}  // namespace

Result<TensorMap> read_tensors(const std::string& path) {
  if (path == "-") return read_tensors_from_stdin();
  return read_safetensors(path);
}

}  // namespace lanewise::cli

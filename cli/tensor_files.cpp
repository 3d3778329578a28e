#include "cli/tensor_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "cli/interrupt.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/file/sink.hpp"

namespace lanewise::cli {
namespace {

Result<TensorMap> parse_tensors(std::span<const std::byte> bytes, const std::string& label) {
  LW_ASSIGN_OR_RETURN(const file::SafetensorsView view, file::SafetensorsView::parse(bytes, label));
  TensorMap tensors;
  for (const file::TensorEntry& entry : view.tensors()) {
    LW_ASSIGN_OR_RETURN(tensors[entry.name], file::copy_tensor(view.view(entry)));
  }
  return tensors;
}

Result<TensorMap> read_tensors_from_stdin() {
  file::AlignedBuffer buffer;
  std::vector<std::byte> part(size_t{1} << 20);
  while (true) {
    if (interrupted()) return cancelled("interrupted");
    const ssize_t count = ::read(STDIN_FILENO, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::os_error("read", "standard input", errno);
    if (count == 0) return parse_tensors(buffer.bytes(), "standard input");
    LW_RETURN_IF_ERROR(buffer.append(std::span(part).first(static_cast<size_t>(count))));
  }
}

}  // namespace

Result<TensorMap> read_tensors(const std::string& path) {
  if (path == "-") return read_tensors_from_stdin();
  LW_ASSIGN_OR_RETURN(const file::MappedFile file, file::MappedFile::open(path));
  return parse_tensors(file.bytes(), path);
}

}  // namespace lanewise::cli

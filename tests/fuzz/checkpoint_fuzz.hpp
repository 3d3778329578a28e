#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "converters/formats/checkpoint.hpp"

namespace lanewise::converters {

/// Opens `bytes` as a checkpoint file and reads every tensor: each gives a value or an error of one
/// line.
inline void open_and_read(const std::string& bytes) {
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const auto check = [&](const Status& status) {
    require(status.ok() || (!status.message().empty() && status.message().size() < 4096 &&
                            status.message().find('\n') == std::string::npos));
  };
  const int file = memfd_create("fuzz", 0);
  require(file >= 0 &&
          ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const auto opened = open_checkpoint_file("/proc/self/fd/" + std::to_string(file));
  check(opened.status());
  if (opened.ok()) {
    for (const CheckpointTensor& tensor : (*opened)->tensors()) {
      Scratch scratch;
      const auto view = (*opened)->read(tensor, scratch);
      check(view.status());
      if (!view.ok()) continue;
      const auto count = element_count(view->shape);
      require(count.ok() && view->shape == tensor.shape && view->type == tensor.type);
      // Reads every byte, which a sanitizer checks.
      const auto* data = view->as<unsigned char>();
      unsigned sum = 0;
      const size_t size = static_cast<size_t>(*count) * size_of(view->type);
      for (size_t i = 0; i < size; ++i) sum += data[i];
      volatile unsigned sink = sum;
      (void)sink;
    }
  }
  ::close(file);
}

}  // namespace lanewise::converters

#include <cstdint>

#include "tests/converters/torch_writer.hpp"
#include "tests/fuzz/checkpoint_fuzz.hpp"

/// A file of torch.save(), or the pickle of one with some storages, since fuzzers do not guess
/// checksums.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  using namespace lanewise::converters;
  open_and_read(bytes);
  open_and_read(
      torch_zip(bytes, {{"0", std::string(48, '\1')}, {"1", std::string(8, '\2')}}, size % 2 == 0));
  return 0;
}

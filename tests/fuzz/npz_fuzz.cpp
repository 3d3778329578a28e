#include <cstdint>

#include "tests/converters/torch_writer.hpp"
#include "tests/fuzz/checkpoint_fuzz.hpp"

/// An archive, or the only array of an archive, since fuzzers do not guess checksums.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  using namespace lanewise::converters;
  open_and_read(bytes.starts_with("PK") ? bytes : zip_of({{"w.npy", bytes, size % 2 == 0}}));
  return 0;
}

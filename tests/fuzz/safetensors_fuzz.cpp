#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "runtime/file/safetensors.hpp"

namespace {

using lanewise::file::AlignedBuffer;
using lanewise::file::MemorySink;
using lanewise::file::SafetensorsInput;
using lanewise::file::SafetensorsView;
using lanewise::file::TensorEntry;

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const SafetensorsView& a, const SafetensorsView& b) {
  if (a.metadata() != b.metadata() || a.tensors().size() != b.tensors().size()) return false;
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    const TensorEntry& x = a.tensors()[i];
    const TensorEntry& y = b.tensors()[i];
    const size_t bytes = x.end - x.begin;
    if (x.name != y.name || x.type != y.type || x.shape != y.shape) return false;
    if (bytes != 0 && std::memcmp(a.view(x).data, b.view(y).data, bytes) != 0) return false;
  }
  return true;
}

}  // namespace

/// Any bytes give a value or an error, and a file that was read survives rewriting.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto view = SafetensorsView::parse(file, "fuzz");
  if (!view.ok()) {
    require(!view.status().message().empty() && view.status().message().size() < 4096);
    return 0;
  }
  std::vector<SafetensorsInput> inputs;
  for (const TensorEntry& entry : view->tensors()) {
    if (entry.name.empty()) return 0;  // valid to read, but not to write
    inputs.push_back({entry.name, view->view(entry)});
  }
  AlignedBuffer buffer;
  MemorySink sink(buffer);
  const size_t alignment = size_t{1} << (size % 8);
  require(write_safetensors(sink, view->metadata(), inputs, alignment).ok());
  const auto again = SafetensorsView::parse(buffer.bytes(), "again");
  require(again.ok() && same(*view, *again));
  return 0;
}

#include <cstdint>

#include "converters/formats/gguf_view.hpp"
#include "tests/fuzz/checkpoint_fuzz.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using lanewise::converters::GgufType;
using lanewise::converters::GgufValue;

/// Everything that can be asked of a value.
void visit(const GgufValue& value) {
  using lanewise::fuzz::require;
  require(!value.integer() || value.number());
  require(!value.boolean() || !value.number());
  if (const auto text = value.string()) {
    require(std::string(*text).size() == text->size());
  }
  if (!value.is_array()) return;
  const auto elements = value.elements(1000);
  require(elements.size() == std::min<uint64_t>(value.size(), 1000));
  for (const GgufValue& element : elements) {
    require(element.type() == value.element_type());
    visit(element);
  }
  if (const auto strings = value.strings()) require(strings->size() == value.size());
  if (const auto numbers = value.numbers()) require(numbers->size() == value.size());
}

}  // namespace

/// A file of a version that is read; fuzzers need not guess the magic number.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (!bytes.starts_with("GGUF")) bytes = std::string("GGUF\3\0\0\0", 8) + bytes;
  const auto view = converters::GgufView::parse(std::as_bytes(std::span(bytes)), "fuzz");
  fuzz::require_message(view.status());
  if (view.ok()) {
    for (const auto& [key, value] : view->metadata()) visit(value);
  }
  converters::open_and_read(bytes);
  return 0;
}

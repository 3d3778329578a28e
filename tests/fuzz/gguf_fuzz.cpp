#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "converters/check_tensors.hpp"
#include "converters/formats/gguf_view.hpp"
#include "converters/source.hpp"
#include "tests/fuzz/checkpoint_fuzz.hpp"
#include "tests/fuzz/require.hpp"
#include "tests/fuzz/tokenizer_case.hpp"

namespace {

using lanewise::fuzz::require_message;

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

/// The tokenizer that the file describes.
void use_tokenizer(lanewise::converters::SourceFolder& folder) {
  if (!folder.has("tokenizer.json")) return;
  const auto json = folder.text(folder.path("tokenizer.json"));
  const auto tokenizer = lanewise::text::parse_tokenizer(*json);
  require_message(tokenizer.status());
  if (tokenizer.ok()) {
    lanewise::fuzz::use_tokenizer(**tokenizer, "It's 2 na\u00efve \u8d70\t<s> <0x41> \n\n  x1234");
  }
}

/// The file as a model: its hyperparameters, its family, the elements of the tensors that change on
/// the way, and its tokenizer.
void open_as_model(const std::string& bytes) {
  using namespace lanewise::converters;
  const int file = memfd_create("fuzz", 0);
  lanewise::fuzz::require(file >= 0 && ::write(file, bytes.data(), bytes.size()) ==
                                           static_cast<ssize_t>(bytes.size()));
  auto source = open_source("/proc/self/fd/" + std::to_string(file));
  require_message(source.status());
  if (source.ok()) {
    for (const CheckpointTensor& tensor : source->checkpoint->tensors()) {
      Scratch scratch;
      require_message(source->checkpoint->read(tensor, scratch).status());
      if (tensor.blocks != nullptr) {
        require_message(source->checkpoint->read_blocks(tensor, scratch).status());
      }
    }
    const auto model = source->family->build({.config = source->config,
                                              .checkpoint = *source->checkpoint,
                                              .folder = source->folder,
                                              .subfolder = source->subfolder,
                                              .report = [](std::string_view) {},
                                              .config_folder = source->config_folder,
                                              .family = source->family});
    require_message(model.status());
    if (model.ok()) require_message(check_tensors(*model, *source->checkpoint));
    use_tokenizer(source->folder);
  }
  ::close(file);
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
  open_as_model(bytes);
  return 0;
}

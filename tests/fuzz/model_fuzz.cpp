#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "lanewise/generator.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/model_data.hpp"
#include "tests/fuzz/require.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace lanewise {
namespace {

using fuzz::require;
using fuzz::require_message;

// For the largest batch below. A model may require more memory than the fuzzer's machine has.
constexpr int64_t kMostBytes = 64 << 20;
constexpr int64_t kTokens = 5;

Result<std::shared_ptr<const internal::ModelData>> open(std::span<const std::byte> bytes) {
  file::AlignedBuffer buffer;
  require(buffer.append(bytes).ok());
  return internal::ModelData::create(std::move(buffer), "fuzz");
}

/// `count` ids of the vocabulary, from both its ends.
std::vector<int32_t> some_ids(int64_t vocabulary, int64_t count) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(
        static_cast<int32_t>(i % 2 == 0 ? i % vocabulary : (vocabulary - i) % vocabulary));
    if (ids.back() < 0) ids.back() = 0;
  }
  return ids;
}

void run(const Model& model) {
  const ModelInfo& info = model.info();
  if (info.vocabulary_size < 1) return;
  auto session = Session::create(model, {.threads = 1});
  require_message(session.status());
  if (!session.ok() || session->memory_bytes(kTokens, 2) > kMostBytes) return;
  const std::vector<int32_t> ids = some_ids(info.vocabulary_size, kTokens);
  const std::vector<int32_t> lengths = {2, 3};
  RaggedBatch batch{.ids = ids, .type_ids = {}, .lengths = lengths};
  std::vector<int32_t> targets;
  if (info.target_vocabulary_size > 0) {
    targets = some_ids(info.target_vocabulary_size, kTokens);
    batch.decoder_ids = targets;
    batch.decoder_lengths = lengths;
  }
  const Status status = session->run_ragged(batch);
  require_message(status);
  if (!status.ok()) return;
  for (const OutputInfo& output : info.outputs) {
    const auto rows = session->output(output.name);
    require(rows.ok() && rows->features == output.features);
    // Reads every number, which a sanitizer checks.
    volatile float sink = 0;
    for (int64_t r = 0; r < rows->rows; ++r) {
      for (int64_t i = 0; i < rows->features; ++i) sink = rows->data[r * rows->stride + i];
    }
    (void)sink;
  }
}

void generate(const Model& model) {
  const ModelInfo& info = model.info();
  if (info.target_vocabulary_size < 1 || info.vocabulary_size < 1) return;
  const auto session = Session::create(model, {.threads = 1});
  if (!session.ok() || session->memory_bytes(64, 8) > kMostBytes) return;
  auto generator = Generator::create(model, {.threads = 1});
  require_message(generator.status());
  if (!generator.ok()) return;
  GenerationOptions options = info.generation;
  options.max_new_tokens = 3;
  options.min_new_tokens = 0;
  options.beams = std::min<decltype(options.beams)>(options.beams, 3);
  const std::vector<std::vector<int32_t>> sources = {some_ids(info.vocabulary_size, 2)};
  require_message(generator->generate(sources, options).status());
}

}  // namespace
}  // namespace lanewise

/// A model file: an error, or a model that runs.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  const auto opened = open(std::as_bytes(std::span(data, size)));
  require_message(opened.status());
  if (!opened.ok()) return 0;
  const Model model(*opened);
  require_message((*opened)->open_tokenizer().status());
  run(model);
  generate(model);
  return 0;
}

/// Random changes rarely leave a file with a readable header. So one input in four gets them, and
/// the others are well-formed files with a change in the metadata or in a tensor's bytes.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  using namespace lanewise;
  std::minstd_rand random(seed);
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto view = file::SafetensorsView::parse(bytes, "");
  if (!view.ok() || random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);

  file::Metadata metadata = view->metadata();
  std::vector<std::string> contents;
  for (const file::TensorEntry& entry : view->tensors()) {
    contents.emplace_back(static_cast<const char*>(view->view(entry).data),
                          entry.end - entry.begin);
  }
  const auto change = [&](std::string& text, bool keeps_size) {
    const size_t before = text.size();
    text.resize(before + (keeps_size ? 0 : 64));
    if (text.empty()) return;
    const size_t after =
        LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), before, text.size());
    text.resize(keeps_size ? before : after);
  };
  if (!metadata.empty() && (contents.empty() || random() % 4 != 0)) {
    change(std::next(metadata.begin(), static_cast<long>(random() % metadata.size()))->second,
           false);
  } else if (!contents.empty()) {
    change(contents[random() % contents.size()], true);
  }
  std::vector<file::SafetensorsInput> inputs;
  for (size_t i = 0; i < contents.size(); ++i) {
    const file::TensorEntry& entry = view->tensors()[i];
    if (entry.name.empty()) return LLVMFuzzerMutate(data, size, max_size);
    inputs.push_back({entry.name, TensorView{entry.type, contents[i].data(), entry.shape}});
  }
  file::AlignedBuffer buffer;
  file::MemorySink sink(buffer);
  // Metadata that is no longer UTF-8 cannot be written.
  if (!write_safetensors(sink, metadata, inputs, 64).ok() || buffer.bytes().size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::memcpy(data, buffer.bytes().data(), buffer.bytes().size());
  return buffer.bytes().size();
}

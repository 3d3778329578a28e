// Tokenizers, sources, files and what a model is made of, with allocations that fail.

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lanewise/attention.hpp"
#include "lanewise/batches.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/files.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::test {
namespace {

const std::string kText = "Hello, world! unaffable cafés 123";

std::string bits_of(const Encoding& encoding) {
  return bytes(encoding.ids) + bytes(encoding.offsets) + bytes(encoding.type_ids);
}

constexpr auto kText1 = [](const Result<std::string>& text) { return *text; };

TEST(PublicTokenizerContract, EveryCall) {
  const std::string json = text::tiny_json().dump();
  expect_contract(
      "Tokenizer::from_json", [&] { return Tokenizer::from_json(json); },
      [](const Result<Tokenizer>& made) { return bits_of(*made->encode("hello")); });
  const Tokenizer tokenizer = expect_ok(Tokenizer::from_json(json));
  const auto bits = [](const Result<Encoding>& encoding) { return bits_of(*encoding); };
  expect_contract(
      "Tokenizer::encode, public", [&] { return tokenizer.encode(kText); }, bits);
  expect_contract(
      "Tokenizer::encode, not UTF-8", [&] { return tokenizer.encode("\xFF"); }, bits);
  expect_contract(
      "Tokenizer::encode_pair, public", [&] { return tokenizer.encode_pair(kText, "hello"); },
      bits);
  const std::vector<int32_t> ids = {2, 5, 7, 8, 3};
  expect_contract(
      "Tokenizer::decode, public", [&] { return tokenizer.decode(ids); }, kText1);
  expect_contract(
      "Tokenizer::id", [&] { return tokenizer.id("a token that is longer than a short string"); },
      [](const Result<std::optional<int32_t>>& id) { return std::to_string(id->has_value()); });
  expect_contract(
      "Tokenizer::to_json", [&] { return tokenizer.to_json(); }, kText1);
  expect_contract(
      "Tokenizer::for_language, none", [&] { return tokenizer.for_language("fr"); }, kNoBits);
  expect_contract(
      "check_utf8", [] { return check_utf8("\xFF"); }, kNoBits);
}

TEST(PublicTokenizerContract, TextStream) {
  const Tokenizer tokenizer = expect_ok(Tokenizer::from_json(text::tiny_json().dump()));
  expect_contract(
      "TextStream::create", [&] { return TextStream::create(tokenizer); }, kNoBits);
  const auto make = [&] { return expect_ok(TextStream::create(tokenizer)); };
  const auto piece = [](TextStream&, const Result<std::string_view>& text) {
    return std::string(*text);
  };
  expect_contract(
      "TextStream::add, negative", make, [](TextStream& stream) { return stream.add(-1); }, piece);
  expect_contract(
      "TextStream::finish", make, [](TextStream& stream) { return stream.finish(); }, piece);
}

TEST(PublicTokenizerContract, Sources) {
  const Tokenizer tokenizer = expect_ok(Tokenizer::from_json(text::tiny_json().dump()));
  ModelInfo info;
  info.vocabulary_size = text::kTinySize;
  info.max_tokens = 12;
  const auto bits = [](const Result<Source>& source) { return bytes(source->ids); };
  for (const char* text : {"hello world", "\xFF", "a b a b a b a b a b a b a b a b"}) {
    expect_contract(
        std::string("source_of_text, ") + text,
        [&] { return source_of_text(tokenizer, text, info); }, bits);
  }
  expect_contract(
      "source_of_ids",
      [&] {
        return source_of_ids({1, 2, 99}, info);
      },
      bits);
  TensorMap tensors;
  tensors["input_ids"] = Tensor(DataType::kI32, {3, 40});
  expect_contract(
      "sources_of_tensors", [&] { return sources_of_tensors(tensors); },
      [](const Result<std::vector<std::vector<int32_t>>>& sources) {
        return std::to_string(sources->size());
      });
}

TEST(PublicFilesContract, EveryCall) {
  const std::string path = testing::TempDir() + "lanewise_public_files_contract";
  TensorMap tensors;
  for (const char* name : {"a tensor", "another tensor whose name is longer"}) {
    tensors[name] = Tensor(DataType::kF32, {3, 40});
  }
  const auto open = [&] { return expect_ok(AtomicFile::create(path)); };
  expect_contract(
      "AtomicFile::create", [&] { return AtomicFile::create(path); }, kNoBits);
  expect_contract(
      "AtomicFile::create, no folder", [&] { return AtomicFile::create(path + "/a/b"); }, kNoBits);
  expect_contract(
      "write_safetensors", open, [&](AtomicFile& file) { return write_safetensors(file, tensors); },
      kNoBits);
  AtomicFile file = open();
  ASSERT_TRUE(write_safetensors(file, tensors).ok() && file.commit().ok());
  const auto count = [](const Result<TensorMap>& read) { return std::to_string(read->size()); };
  expect_contract(
      "read_safetensors", [&] { return read_safetensors(path); }, count);
  expect_contract(
      "is_model_file", [&] { return is_model_file(path); },
      [](const Result<bool>& is_model) { return std::to_string(*is_model); });
  const std::string damaged(40, '\xFF');
  expect_contract(
      "parse_safetensors, damaged",
      [&] { return parse_safetensors(std::as_bytes(std::span(damaged)), "a label that is long"); },
      count);
  const std::vector<float> values(6, 1.0f);
  const auto npy = [&] { return expect_ok(NpyWriter::create(path, 3)); };
  expect_contract(
      "NpyWriter::create", [&] { return NpyWriter::create(path, 3); }, kNoBits);
  expect_contract(
      "NpyWriter::append", npy, [&](NpyWriter& writer) { return writer.append(values); }, kNoBits);
  expect_contract(
      "NpyWriter::commit", npy, [](NpyWriter& writer) { return writer.commit(); }, kNoBits);
  std::filesystem::remove(path);
}

TEST(PublicCpuContract, EveryCall) {
  expect_contract(
      "choose_isa", [] { return choose_isa("an instruction set that nobody has"); }, kNoBits);
  expect_contract(
      "measure_peak_gops", [] { return measure_peak_gops("baseline", Arithmetic::kF32, -1.0); },
      kNoBits);
  expect_contract(
      "measure_read_gbps", [] { return measure_read_gbps({}); }, kNoBits);
  expect_contract(
      "os_error", [] { return os_error("read", "a path that is rather long", 2); }, kNoBits);
  const std::vector<int32_t> lengths = {3, 9, 1, 1, 4};
  expect_contract(
      "batch_by_length", [&] { return batch_by_length(lengths, {.tokens = 8}); },
      [](const Result<LengthBatches>& batches) { return bytes(batches->order); });
}

using PublicModelContract = TinyModels;

TEST_F(PublicModelContract, Inspect) {
  put_translator();
  const Model model = open();
  expect_contract(
      "inspect", [&] { return inspect(model); },
      [](const Result<ModelContents>& contents) { return std::to_string(contents->parameters); });
  expect_contract(
      "ModelGraph::of", [&] { return ModelGraph::of(model); },
      [](const Result<ModelGraph>& graph) { return std::to_string(graph->nodes().size()); });
  const ModelGraph graph = expect_ok(ModelGraph::of(model));
  expect_contract(
      "ModelGraph::to_text", [&] { return graph.to_text(); }, kText1);
  expect_contract(
      "ModelGraph::to_json", [&] { return graph.to_json(); }, kText1);
  expect_contract(
      "ModelGraph::to_dot", [&] { return graph.to_dot(); }, kText1);
  const std::vector<GraphDrawing> drawings{{"one", graph}};
  expect_contract(
      "to_dot", [&] { return to_dot(drawings); }, kText1);
}

TEST_F(PublicModelContract, Tokenizers) {
  put_translator();
  const auto bits = [](const Model&, const Result<Tokenizer>& made) {
    return std::to_string(made->vocabulary_size());
  };
  expect_contract(
      "Tokenizer::of", [&] { return open(); },
      [](const Model& model) { return Tokenizer::of(model); }, bits);
  expect_contract(
      "Tokenizer::of_target", [&] { return open(); },
      [](const Model& model) { return Tokenizer::of_target(model); }, bits);
}

TEST_F(PublicModelContract, TextAttention) {
  put_bert();
  const Model model = open();
  expect_contract(
      "attention_of_text",
      [&] { return attention_of_text(model, "a b c", {}, {.threads = 2, .outputs = {}}); },
      [](const Result<TextAttention>& found) { return bytes(found->maps.at(0).weights); });
}

TEST_F(PublicModelContract, OfCheckpoints) {
  put_bert();
  const std::string source = source_.string();
  expect_contract(
      "load_tokenizer", [&] { return load_tokenizer(source); },
      [](const Result<Tokenizer>& made) { return std::to_string(made->vocabulary_size()); });
  expect_contract(
      "textbook_graph", [&] { return lanewise::textbook_graph(source); },
      [](const Result<ModelGraph>& graph) { return std::to_string(graph->nodes().size()); });
}

}  // namespace
}  // namespace lanewise::test

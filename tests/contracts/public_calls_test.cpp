// Public calls that public_test.cpp leaves out, with allocations that fail.

#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "lanewise/files.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"
#include "tests/runtime/text_tiny_vocabulary.hpp"

namespace lanewise::test {
namespace {

constexpr auto kPublicCallsText = [](const Result<std::string>& text) { return *text; };

TEST(PublicTokenizerContract, JsonAndTheEndOfAStream) {
  const std::string json = text::tiny_json().dump();
  expect_contract(
      "Tokenizer::from_json", [&] { return Tokenizer::from_json(json); },
      [](const Result<Tokenizer>& made) { return bytes(made->encode("hello")->ids); });
  const Tokenizer tokenizer = expect_ok(Tokenizer::from_json(json));
  expect_contract(
      "Tokenizer::to_json", [&] { return tokenizer.to_json(); }, kPublicCallsText);
  expect_contract(
      "TextStream::finish", [&] { return expect_ok(TextStream::create(tokenizer)); },
      [](TextStream& stream) { return stream.finish(); },
      [](TextStream&, const Result<std::string_view>& text) { return std::string(*text); });
}

TEST(PublicTokenizerContract, SourcesThatAreRefused) {
  const Tokenizer tokenizer = expect_ok(Tokenizer::from_json(text::tiny_json().dump()));
  ModelInfo info;
  info.vocabulary_size = text::kTinySize;
  info.max_tokens = 12;
  for (const char* text : {"\xFF", "a b a b a b a b a b a b a b a b"}) {
    expect_contract(
        std::string("source_of_text, ") + text,
        [&] { return source_of_text(tokenizer, text, info); },
        [](const Result<Source>& source) { return bytes(source->ids); });
  }
}

TEST(PublicFilesContract, EndsAndDamage) {
  const std::string path = testing::TempDir() + "lanewise_public_files_contract";
  const std::string nowhere = path + "/a/b";
  expect_contract(
      "AtomicFile::create, no folder", [&] { return AtomicFile::create(nowhere); }, kNoBits);
  expect_contract(
      "NpyWriter::commit", [&] { return expect_ok(NpyWriter::create(path, 3)); },
      [](NpyWriter& writer) { return writer.commit(); }, kNoBits);
  expect_contract(
      "npy_header", [&] { return npy_header(2, 3, DataType::kF32); }, kPublicCallsText);
  expect_contract(
      "AtomicFile::overwrite",
      [&] {
        AtomicFile file = expect_ok(AtomicFile::create(path));
        EXPECT_TRUE(file.write("abc").ok());
        return file;
      },
      [](AtomicFile& file) { return file.overwrite(1, "x"); }, kNoBits);
  expect_contract(
      "is_model_file", [&] { return is_model_file(path); },
      [](const Result<bool>& is_model) { return std::to_string(*is_model); });
  const std::string damaged(40, '\xFF');
  expect_contract(
      "parse_safetensors, damaged",
      [&] { return parse_safetensors(std::as_bytes(std::span(damaged)), "a label that is long"); },
      kNoBits);
  std::filesystem::remove(path);
}

using PublicModelContract = TinyModels;

TEST_F(PublicModelContract, Graphs) {
  put_translator();
  const ModelGraph graph = expect_ok(ModelGraph::of(open()));
  expect_contract(
      "ModelGraph::to_json", [&] { return graph.to_json(); }, kPublicCallsText);
  const std::vector<GraphDrawing> drawings{{"one", graph}};
  expect_contract(
      "to_dot", [&] { return to_dot(drawings); }, kPublicCallsText);
}

}  // namespace
}  // namespace lanewise::test

// The rest of the public interface with allocations that fail.

#include <gtest/gtest.h>

#include <filesystem>

#include "lanewise/attention.hpp"
#include "lanewise/batches.hpp"
#include "lanewise/chat.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/cpu.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/files.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/tokenizer.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"

namespace lanewise::test {
namespace {

constexpr auto kPublicText = [](const auto&, const Result<std::string>& text) { return *text; };

std::string public_bits_of(const Encoding& encoding) {
  return bytes(encoding.ids) + bytes(encoding.offsets) + bytes(encoding.type_ids);
}

std::string public_bits_of(const std::vector<AttentionMap>& maps) {
  std::string bits;
  for (const AttentionMap& map : maps) bits += map.node + bytes(map.weights);
  return bits;
}

class PublicContract : public TinyModels {
 protected:
  std::string out(const std::string& name) const { return (root_ / "out" / name).string(); }
};

TEST_F(PublicContract, Attention) {
  put_translator();
  const auto create = [](const Model& model) {
    return AttentionMaps::create(model, {.threads = 2});
  };
  expect_contract(
      "AttentionMaps::create", [&] { return open(); }, create, kNoBits);
  const std::vector<int32_t> ids{3, 4, 5};
  const Model model = open();
  expect_contract(
      "AttentionMaps::run", [&] { return expect_ok(create(model)); },
      [&](AttentionMaps& maps) { return maps.run(ids, ids); },
      [](const auto&, const Result<std::vector<AttentionMap>>& maps) {
        return public_bits_of(*maps);
      });
  expect_contract(
      "attention_of_text", [&] { return open(); },
      [](const Model& opened) { return attention_of_text(opened, "abc"); },
      [](const auto&, const Result<TextAttention>& text) {
        return text->written + public_bits_of(text->maps);
      });
}

TEST_F(PublicContract, Tokenizer) {
  put_bert();
  const auto size = [](const auto&, const Result<lanewise::Tokenizer>& made) {
    return std::to_string(made->vocabulary_size());
  };
  expect_contract(
      "Tokenizer::of", [&] { return open(); },
      [](const Model& model) { return lanewise::Tokenizer::of(model); }, size);
  expect_contract(
      "Tokenizer::of_target", [&] { return open(); },
      [](const Model& model) { return lanewise::Tokenizer::of_target(model); }, size);
  const auto tokenizer = expect_ok(lanewise::Tokenizer::of(open()));
  const auto same = [&] { return tokenizer; };
  expect_contract(
      "Tokenizer::for_language, none", same,
      [](const auto& made) { return made.for_language("a language without tokens"); }, size);
  const auto encoded = [](const auto&, const Result<Encoding>& encoding) {
    return public_bits_of(*encoding);
  };
  expect_contract(
      "Tokenizer::encode", same, [](const auto& made) { return made.encode("a b ab unknown"); },
      encoded);
  expect_contract(
      "Tokenizer::encode, not UTF-8", same, [](const auto& made) { return made.encode("a \xFF"); },
      encoded);
  expect_contract(
      "Tokenizer::encode_pair", same,
      [](const auto& made) { return made.encode_pair("a b", "c d e", {.max_length = 6}); },
      encoded);
  const std::vector<int32_t> ids{2, 5, 6, 10, 7, 3};
  expect_contract(
      "Tokenizer::decode", same, [&](const auto& made) { return made.decode(ids); }, kPublicText);
  expect_contract(
      "Tokenizer::decode_after", same,
      [&](const auto& made) { return made.decode_after(ids, ids); }, kPublicText);
  expect_contract(
      "Tokenizer::id", same,
      [](const auto& made) { return made.id("a token of more than a few characters"); }, kNoBits);
  expect_contract(
      "TextStream::create", same, [](const auto& made) { return TextStream::create(made); },
      kNoBits);
  expect_contract(
      "TextStream::create, after a text", same,
      [&](const auto& made) { return TextStream::create(made, ids); }, kNoBits);
  expect_contract(
      "TextStream::add", [&] { return expect_ok(TextStream::create(tokenizer)); },
      [](TextStream& stream) { return stream.finish(); },
      [](const auto&, const Result<std::string_view>& text) { return std::string(*text); });
  expect_contract(
      "check_utf8", [] { return check_utf8("a text of some length and then \xFF"); },
      [](const Status&) { return std::string(); });
}

TEST_F(PublicContract, TextStreamKeepsItsTokens) {
  put_bert();
  const auto tokenizer = expect_ok(lanewise::Tokenizer::of(open()));
  expect_contract(
      "TextStream::add", [&] { return expect_ok(TextStream::create(tokenizer)); },
      [](TextStream& stream) { return stream.add(5); },
      [](TextStream& stream, const Result<std::string_view>& piece) {
        std::string text(*piece);
        text += expect_ok(stream.add(6));
        return text + std::string(expect_ok(stream.finish()));
      });
}

TEST_F(PublicContract, TextStreamKeepsWhatMayBeAStop) {
  put_bert();
  const auto tokenizer = expect_ok(lanewise::Tokenizer::of(open()));
  const std::vector<int32_t> ids{5, 6, 7};
  std::string stop = expect_ok(tokenizer.decode(ids));
  stop.back() = '?';
  expect_contract(
      "TextStream::add, stop strings",
      [&] {
        return expect_ok(TextStream::create(tokenizer, {}, {&stop, 1}));
      },
      [](TextStream& stream) { return stream.add(5); },
      [&](TextStream& stream, const Result<std::string_view>& piece) {
        std::string text(*piece);
        for (const int32_t id : {6, 7}) text += expect_ok(stream.add(id));
        return text + std::string(expect_ok(stream.finish()));
      });
}

TEST_F(PublicContract, ChatTemplates) {
  put_decoder();
  put("tokenizer_config.json", R"({"bos_token": "<s>"})");
  put("chat_template.jinja",
      "{{ bos_token }}{% for m in messages %}{{ m.role ~ ': ' ~ m.content }}{% endfor %}");
  std::filesystem::create_directory(path("additional_chat_templates"));
  put("additional_chat_templates/tool_use.jinja", "{{ tools | tojson }}");
  const std::string source = source_.string();
  expect_contract(
      "load_chat_template", [&] { return load_chat_template(source, options_); }, kNoBits);
  const Model model = open();
  const auto of = [&] { return ChatTemplate::of(model); };
  expect_contract("ChatTemplate::of", of, kNoBits);
  const auto same = [&] { return expect_ok(of()); };
  expect_contract(
      "ChatTemplate::names", same, [](const ChatTemplate& made) { return made.names(); },
      [](const auto&, const Result<std::vector<std::string>>& names) { return names->back(); });
  Conversation conversation;
  conversation.messages = R"([{"role": "user", "content": "hi"}, {"role": "a", "content": "b"}])";
  const auto render = [&](const ChatTemplate& made) { return made.render(conversation); };
  expect_contract("ChatTemplate::render", same, render, kPublicText);
  conversation.tools = R"([{"name": "now"}])";
  conversation.variables = R"({"bos_token": "["})";
  expect_contract("ChatTemplate::render, tools", same, render, kPublicText);
  conversation.messages = "[3]";
  expect_contract("ChatTemplate::render, no messages", same, render, kPublicText);
  conversation.template_name = "a name that no template of the model has";
  expect_contract("ChatTemplate::render, no template", same, render, kPublicText);
}

TEST_F(PublicContract, NoChatTemplate) {
  put_decoder();
  const Model model = open();
  expect_contract(
      "ChatTemplate::of, none", [&] { return ChatTemplate::of(model); }, kNoBits);
}

TEST_F(PublicContract, Inspect) {
  put_bert();
  const Model model = open();
  const auto same = [&] { return model; };
  expect_contract(
      "inspect", same, [](const Model& opened) { return inspect(opened); },
      [](const auto&, const Result<ModelContents>& contents) { return contents->weights_type; });
  expect_contract(
      "ModelGraph::of", same, [](const Model& opened) { return ModelGraph::of(opened); }, kNoBits);
  const ModelGraph graph = expect_ok(ModelGraph::of(model));
  const auto drawn = [&] { return graph; };
  expect_contract(
      "ModelGraph::to_text", drawn, [](const ModelGraph& made) { return made.to_text(); },
      kPublicText);
  expect_contract(
      "ModelGraph::to_dot", drawn, [](const ModelGraph& made) { return made.to_dot(); },
      kPublicText);
}

TEST_F(PublicContract, Sources) {
  put_bert();
  const Model model = open();
  const auto tokenizer = expect_ok(lanewise::Tokenizer::of(model));
  const auto bits = [](const Result<Source>& source) { return bytes(source->ids); };
  expect_contract(
      "source_of_text", [&] { return source_of_text(tokenizer, "a b c", model.info()); }, bits);
  // Two lists, since a call takes its own along.
  struct Ids {
    std::vector<int32_t> lists[2] = {{1, 2, 3, 1000}, {1, 2, 3, 1000}};
    size_t next = 0;
  };
  expect_contract(
      "source_of_ids, outside the vocabulary", [] { return Ids(); },
      [&](Ids& ids) { return source_of_ids(std::move(ids.lists[ids.next++]), model.info()); },
      [&](const Ids&, const Result<Source>& source) { return bits(source); });
  TensorMap tensors;
  tensors["input_ids"] = Tensor(DataType::kI64, {2, 3});
  expect_contract(
      "sources_of_tensors", [&] { return sources_of_tensors(tensors); },
      [](const auto& sources) { return bytes(sources->front()); });
  const std::vector<int32_t> lengths{3, 1, 4, 1, 5};
  expect_contract(
      "batch_by_length", [&] { return batch_by_length(lengths, {.tokens = 6}); },
      [](const Result<LengthBatches>& batches) { return bytes(batches->order); });
}

TEST_F(PublicContract, Files) {
  TensorMap tensors;
  tensors["a tensor"] = Tensor(DataType::kF32, {3, 2});
  tensors["another"] = Tensor(DataType::kI8, {7});
  const std::string path = out("tensors.safetensors");
  expect_contract(
      "AtomicFile::create", [&] { return AtomicFile::create(path); },
      [](const auto&) { return std::string(); });
  expect_contract(
      "write_safetensors", [&] { return expect_ok(AtomicFile::create(path)); },
      [&](AtomicFile& file) { return write_safetensors(file, tensors); },
      [](AtomicFile& file, const Status&) {
        EXPECT_TRUE(file.commit().ok());
        return std::string();
      });
  const auto names = [](const Result<TensorMap>& read) {
    std::string all;
    for (const auto& [name, tensor] : *read) all += name + to_string(tensor.shape());
    return all;
  };
  expect_contract(
      "read_safetensors", [&] { return read_safetensors(path); }, names);
  const std::string npy = out("rows.npy");
  const std::vector<float> rows(6, 1.5F);
  expect_contract(
      "NpyWriter::create", [&] { return NpyWriter::create(npy, 3); },
      [](const auto&) { return std::string(); });
  expect_contract(
      "NpyWriter::append", [&] { return expect_ok(NpyWriter::create(npy, 3)); },
      [&](NpyWriter& writer) { return writer.append(rows); }, kNoBits);
}

TEST_F(PublicContract, QuantizedEmbeddings) {
  const Embeddings embeddings{2, 8, std::vector<float>(16, 0.5F), {}, {}};
  const auto bytes = [](const Result<QuantizedEmbeddings>& made) {
    return std::string(made->values.begin(), made->values.end());
  };
  expect_contract(
      "quantize_binary", [&] { return quantize_binary(embeddings); }, bytes);
  const EmbeddingRanges ranges{std::vector<float>(8, 0.0F), std::vector<float>(8, 1.0F)};
  expect_contract(
      "quantize_int8", [&] { return quantize_int8(embeddings, ranges); }, bytes);
}

TEST_F(PublicContract, Machine) {
  const auto name = [](const Result<std::string_view>& isa) { return std::string(*isa); };
  expect_contract(
      "choose_isa", [] { return choose_isa(""); }, name);
  expect_contract(
      "choose_isa, unknown", [] { return choose_isa("no instruction set"); }, name);
  const auto number = [](const Result<double>&) { return std::string(); };
  expect_contract(
      "measure_peak_gops", [] { return measure_peak_gops("baseline", Arithmetic::kF32, 0.0001); },
      number);
  expect_contract(
      "measure_read_gbps, too little", [] { return measure_read_gbps({}); }, number);
  expect_contract(
      "os_error", [] { return os_error("read", "/a/path/of/some/length", 5); },
      [](const Status&) { return std::string(); });
}

TEST_F(PublicContract, LoadTokenizer) {
  put_bert();
  const std::string source = source_.string();
  options_.report = nullptr;
  expect_contract(
      "load_tokenizer", [&] { return load_tokenizer(source, options_); },
      [](const Result<lanewise::Tokenizer>& made) {
        return std::to_string(made->vocabulary_size());
      });
  expect_contract(
      "textbook_graph", [&] { return lanewise::textbook_graph(source, options_); },
      [](const Result<ModelGraph>& graph) { return std::to_string(graph->nodes().size()); });
}

}  // namespace
}  // namespace lanewise::test

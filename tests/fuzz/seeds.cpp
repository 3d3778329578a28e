// lanewise_fuzz_seeds DATA FOLDER TARGET...: writes the fuzzers' seeds, a folder for each target,
// from tests/data and the tests' own tiny checkpoints. Only small files, because a fuzzer runs each
// thousands of times. Fails if a target gets no seeds.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "converters/formats/gguf_types.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/text/base64.hpp"
#include "tests/converters/gguf_model_file.hpp"
#include "tests/converters/gguf_writer.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/rnn_checkpoint.hpp"

namespace lanewise::converters {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kLargestBytes = 64 << 10;
// Size of a vocabulary: beyond the 256 bytes of byte-level BPE.
constexpr size_t kTokens = 300;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Seeds {
 public:
  Seeds(fs::path data, fs::path out) : data_(std::move(data)), out_(std::move(out)) {}

  /// Whether all seeds were written, and every one of `targets` has some.
  bool write(std::span<char* const> targets) {
    formats();
    tokenizers();
    sentencepiece();
    models();
    chat_templates();
    grammars();
    for (const char* target : targets) {
      if (!fs::exists(out_ / target)) fail(target, "no seeds");
    }
    return !failed_;
  }

 private:
  void put(const char* target, const std::string& name, std::string_view bytes) {
    if (bytes.empty()) fail(target, name + " is empty");
    if (bytes.size() > kLargestBytes) return;
    fs::create_directories(out_ / target);
    std::ofstream(out_ / target / name, std::ios::binary) << bytes;
  }

  void fail(const std::string& target, const std::string& why) {
    std::fprintf(stderr, "seeds of %s: %s\n", target.c_str(), why.c_str());
    failed_ = true;
  }

  void formats() {
    for (const auto& file : fs::directory_iterator(data_ / "formats")) {
      const bool arrays = file.path().extension() == ".npz";
      put(arrays ? "npz" : "pytorch", file.path().filename(), read(file.path()));
    }
    put("gguf", "metadata.gguf", read(data_ / "gguf/metadata.gguf"));
    put("gguf", "blocks.gguf", blocks());
    for (const char* variant : {"llama", "phi3", "gemma3_text", "gpt2", "gpt_neox"}) {
      GgufModelFile file = gguf_model_file(hf_checkpoint(variant, kHfDecoders));
      if (std::string_view(variant) == "llama") {
        add_byte_level_tokenizer(file, kTokens);
        file.tensor("token_embd.weight", {static_cast<int64_t>(kTokens), 1},
                    std::vector<float>(kTokens));
      }
      put("gguf", std::string(variant) + ".gguf", file.bytes());
    }
    for (const char* name : {"hf_seq2seq/t5.safetensors", "g2p/attention.safetensors"}) {
      put("safetensors", fs::path(name).filename(), read(data_ / name));
    }
  }

  /// A tensor of each block type, and arrays in arrays.
  static std::string blocks() {
    GgufWriter file;
    file.alignment = 8;
    file.add("general.alignment", kGgufU32, gguf_bytes(8U));
    file.add("nested", kGgufArray, gguf_array(kGgufArray, 1, gguf_strings({"a", "b"})));
    for (uint32_t type = 0; type < 42; ++type) {
      const GgufTensorType* known = find_gguf_tensor_type(type);
      if (known->bytes == 0) continue;
      file.tensors.push_back({std::string(known->name),
                              {static_cast<uint64_t>(known->elements), 1},
                              type,
                              std::string(static_cast<size_t>(known->bytes), '\7')});
    }
    return file.bytes();
  }

  /// The first tokens of a model's vocabulary, and the merges that need no others.
  static json shortened(json model) {
    json& vocabulary = model["vocab"];
    if (vocabulary.is_array()) {
      vocabulary.erase(vocabulary.begin() + static_cast<long>(std::min(kTokens, vocabulary.size())),
                       vocabulary.end());
      return model;
    }
    for (auto token = vocabulary.begin(); token != vocabulary.end();) {
      token = token->get<size_t>() < kTokens ? std::next(token) : vocabulary.erase(token);
    }
    if (!model.contains("merges")) return model;
    json merges = json::array();
    for (const json& merge : model["merges"]) {
      std::string text = merge.is_array()
                             ? merge[0].get<std::string>() + merge[1].get<std::string>()
                             : merge.get<std::string>();
      if (!merge.is_array()) text.erase(text.find(' '), 1);
      if (vocabulary.contains(text)) merges.push_back(merge);
    }
    model["merges"] = std::move(merges);
    return model;
  }

  void tokenizers() {
    const json golden = json::parse(read(data_ / "subword/golden.json"));
    for (const auto& [name, tokenizer] : golden["tokenizers"].items()) {
      json whole = tokenizer["parts"];
      const std::string model = tokenizer["model"];
      whole["model"] = shortened(json::parse(read(data_ / "subword" / (model + ".model.json"))));
      put("tokenizer", name + ".json", whole.dump());
    }
    for (const json& folder : json::parse(read(data_ / "tokenizer/companions.json"))) {
      if (!folder["files"].contains("tokenizer.json")) continue;
      put("tokenizer", folder["name"].get<std::string>() + ".json",
          folder["files"]["tokenizer.json"].get<std::string>());
    }
  }

  void sentencepiece() {
    for (const char* name : {"symbols.model", "bpe.model", "unigram_bytes.model"}) {
      put("sentencepiece", name, read(data_ / "subword" / name));
    }
    int number = 0;
    for (const json& model : json::parse(read(data_ / "subword/sentencepiece.json"))) {
      const auto bytes = text::decode_base64(model["model"].get<std::string>(), "model");
      put("sentencepiece", std::to_string(number++), bytes.ok() ? *bytes : "");
    }
  }

  void chat_templates() {
    const json golden = json::parse(read(data_ / "chat/templates.json"));
    for (const auto& [name, text] : golden["templates"].items()) {
      for (const char* messages : {"calls", "parts"}) {
        put("chat_template", name + "_" + messages,
            text.get<std::string>() + '\0' + golden["conversations"][messages].get<std::string>());
      }
    }
    std::string expressions;
    for (const json& expression : golden["expressions"]) {
      expressions += "{{ " + expression[0].get<std::string>() + " }}\n";
    }
    put("chat_template", "expressions", expressions);
  }

  void grammars() {
    const std::pair<const char*, const char*> texts[] = {
        {"regex", "r(ab|[^c-f]{2,3})+\\d*\\u00e9?x$"},
        {"gbnf", "groot ::= e\ne ::= t (\"+\" t)* # sums\nt ::= [0-9]{1,3} | \"(\" e \")\"\n"},
        {"object", R"(s{"type": "object", "properties": {"a": {"type": "string", "maxLength": 3},
            "b": {"enum": ["x", 1, null]}}, "required": ["a"], "additionalProperties": {"type":
            ["integer", "null"]}})"},
        {"list", R"(s{"$ref": "#/$defs/l", "$defs": {"l": {"anyOf": [{"const": 0}, {"type": "array",
            "prefixItems": [{"minimum": -1.5, "exclusiveMaximum": 2}], "items": {"$ref":
            "#/$defs/l"}, "maxItems": 3}]}}})"},
        {"strings", R"(s{"allOf": [{"properties": {"d": {"format": "date"}}}, {"properties":
            {"p": {"pattern": "^[a-z]+$"}}, "required": ["p"]}]})"}};
    for (const auto& [name, text] : texts) put("grammar", name, std::string(text) + '\0' + "walk");
  }

  /// One of the tests' checkpoints.
  struct Folder : RnnSeq2SeqTest {
    Folder() { SetUp(); }
    ~Folder() override { TearDown(); }
    void TestBody() override {}

    using RnnSeq2SeqTest::put;
    using RnnSeq2SeqTest::use;
    void use(HfCheckpoint checkpoint) {
      config_ = std::move(checkpoint.config);
      tensors_ = std::move(checkpoint.tensors);
    }
    std::string model(const std::string& weights) {
      options_.weights = weights;
      write();
      const Status status = convert_folder();
      if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
      return status.ok() ? read(destination()) : "";
    }
  };

  void add_model(const std::string& name, const std::string& bytes) {
    put("model", name, bytes);
    const auto view = file::SafetensorsView::parse(std::as_bytes(std::span(bytes)), name);
    if (!view.ok()) return;
    const auto graph = view->metadata().find("lanewise.graph");
    if (graph != view->metadata().end()) put("graph", name + ".json", graph->second);
  }

  void models() {
    for (const char* weights : {"f32", "bf16", "int8", "int4"}) {
      Folder bert;
      bert.put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##a\n##b\n");
      add_model(std::string("bert_") + weights, bert.model(weights));
      Folder rnn;
      rnn.use(rnn_cases().front());
      add_model(std::string("rnn_") + weights, rnn.model(weights));
    }
    for (const RnnCase& c : rnn_cases()) {
      Folder rnn;
      rnn.use(c);
      add_model(c.name, rnn.model("f32"));
    }
    for (const char* variant : {"bart", "marian", "t5_gated"}) {
      Folder seq2seq;
      seq2seq.use(hf_checkpoint(variant));
      add_model(variant, seq2seq.model("f32"));
    }
  }

  fs::path data_;
  fs::path out_;
  bool failed_ = false;
};

}  // namespace
}  // namespace lanewise::converters

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "lanewise_fuzz_seeds DATA FOLDER TARGET...\n");
    return 2;
  }
  ::setenv("LANEWISE_TEST_DATA", argv[1], 1);
  const std::span<char* const> targets(argv + 3, argv + argc);
  return lanewise::converters::Seeds(argv[1], argv[2]).write(targets) ? 0 : 1;
}

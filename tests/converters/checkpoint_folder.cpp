#include "tests/converters/checkpoint_folder.hpp"

#include <algorithm>
#include <bit>
#include <fstream>
#include <random>

#include "runtime/file/atomic_file.hpp"

namespace lanewise::converters {

const std::string& ConvertedFile::metadata(std::string_view key) const {
  static const std::string none;
  const auto found = view.metadata().find(key);
  return found == view.metadata().end() ? none : found->second;
}

std::string ConvertedFile::tokenizer() const {
  const file::TensorEntry* entry = view.find("lanewise.tokenizer");
  if (entry == nullptr) return "";
  return std::string(view.view(*entry).as<char>(), entry->end - entry->begin);
}

const graph::Node& ConvertedFile::node(std::string_view name) const {
  static const graph::Node none;
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const graph::Node& node) { return node.name == name; });
  EXPECT_NE(found, graph.nodes.end()) << name;
  return found == graph.nodes.end() ? none : *found;
}

TensorView ConvertedFile::weight(std::string_view node_name, const std::string& role) const {
  const auto& weights = node(node_name).weights;
  const auto found = weights.find(role);
  if (found == weights.end() || found->second.size() != 1) return {};
  const file::TensorEntry* entry = view.find(found->second.front());
  return entry == nullptr ? TensorView{} : view.view(*entry);
}

std::string bytes_of(const ConvertedFile& out) {
  std::string bytes;
  for (const file::TensorEntry& entry : out.view.tensors()) {
    const TensorView view = out.view.view(entry);
    bytes.append(entry.name);
    bytes.append(static_cast<const char*>(view.data), entry.end - entry.begin);
  }
  return bytes;
}

Tensor as_type(const Tensor& source, DataType type) {
  Tensor tensor(type, source.shape());
  for (int64_t i = 0; i < *element_count(source.shape()); ++i) {
    const float value = source.as<float>()[i];
    const auto bits = std::bit_cast<uint32_t>(value);
    switch (type) {
      case DataType::kF64:
        tensor.as<double>()[i] = value;
        break;
      case DataType::kBF16:
        tensor.as<uint16_t>()[i] = static_cast<uint16_t>(bits >> 16);
        break;
      default: {  // F16: normal numbers and zeros only.
        const uint32_t exponent = (bits >> 23 & 255) - 127 + 15;
        const uint32_t magnitude = exponent << 10 | (bits >> 13 & 0x3ff);
        tensor.as<uint16_t>()[i] = static_cast<uint16_t>(bits >> 16 & 0x8000) |
                                   static_cast<uint16_t>(value == 0.0F ? 0 : magnitude);
      }
    }
  }
  return tensor;
}

void CheckpointFolderTest::SetUp() {
  std::string name = testing::TempDir() + "lanewise_converters_XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  root_ = name;
  source_ = root_ / "source";
  std::filesystem::create_directory(source_);
  std::filesystem::create_directory(root_ / "out");
  options_.report = [this](std::string_view line) { reports_.emplace_back(line); };
  config_ = {{"model_type", "\"bert\""},
             {"vocab_size", std::to_string(kVocabulary)},
             {"hidden_size", std::to_string(kHidden)},
             {"num_hidden_layers", std::to_string(kLayers)},
             {"num_attention_heads", "4"},
             {"intermediate_size", std::to_string(kIntermediate)},
             {"max_position_embeddings", std::to_string(kPositions)},
             {"type_vocab_size", "2"},
             {"hidden_act", "\"gelu\""},
             {"layer_norm_eps", "1e-12"}};
  const auto affine = [this](const std::string& layer, int64_t out, int64_t in) {
    set_tensor(layer + ".weight", {out, in});
    set_tensor(layer + ".bias", {out});
  };
  const auto norm = [this](const std::string& layer) {
    set_tensor(layer + ".weight", {kHidden});
    set_tensor(layer + ".bias", {kHidden});
  };
  set_tensor("embeddings.word_embeddings.weight", {kVocabulary, kHidden});
  set_tensor("embeddings.position_embeddings.weight", {kPositions, kHidden});
  set_tensor("embeddings.token_type_embeddings.weight", {2, kHidden});
  norm("embeddings.LayerNorm");
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i);
    for (const char* part : {"query", "key", "value"}) {
      affine(layer + ".attention.self." + part, kHidden, kHidden);
    }
    affine(layer + ".attention.output.dense", kHidden, kHidden);
    norm(layer + ".attention.output.LayerNorm");
    affine(layer + ".intermediate.dense", kIntermediate, kHidden);
    affine(layer + ".output.dense", kHidden, kIntermediate);
    norm(layer + ".output.LayerNorm");
  }
}

void CheckpointFolderTest::add_pooler() {
  set_tensor("pooler.dense.weight", {kHidden, kHidden});
  set_tensor("pooler.dense.bias", {kHidden});
}

void CheckpointFolderTest::add_head(const std::string& architecture, const std::string& head,
                                    int64_t outputs) {
  config_["architectures"] = "[\"" + architecture + "\"]";
  config_["num_labels"] = std::to_string(outputs);
  add_pooler();
  set_tensor(head + ".weight", {outputs, kHidden});
  set_tensor(head + ".bias", {outputs});
}

void CheckpointFolderTest::add_masked_head() {
  config_["architectures"] = "[\"BertForMaskedLM\"]";
  const std::string name = "cls.predictions.transform.";
  set_tensor(name + "dense.weight", {kHidden, kHidden});
  set_tensor(name + "dense.bias", {kHidden});
  set_tensor(name + "LayerNorm.weight", {kHidden});
  set_tensor(name + "LayerNorm.bias", {kHidden});
  set_tensor("cls.predictions.bias", {kVocabulary});
}

void CheckpointFolderTest::set_tensor(const std::string& name, const Shape& shape) {
  std::mt19937 random(static_cast<uint32_t>(tensors_.size() + 1));
  std::uniform_int_distribution<int> eighths(-64, 64);  // Exact in every floating-point type.
  Tensor tensor(DataType::kF32, shape);
  for (int64_t i = 0; i < *element_count(shape); ++i) {
    tensor.as<float>()[i] = static_cast<float>(eighths(random)) / 8.0F;
  }
  tensors_[name] = std::move(tensor);
}

void CheckpointFolderTest::rename_tensor(const std::string& from, const std::string& to) {
  auto node = tensors_.extract(from);
  ASSERT_FALSE(node.empty()) << from;
  node.key() = to;
  tensors_.insert(std::move(node));
}

void CheckpointFolderTest::add_prefix(const std::string& prefix) {
  TensorMap prefixed;
  for (auto& [name, tensor] : tensors_) prefixed[prefix + name] = std::move(tensor);
  tensors_ = std::move(prefixed);
}

void CheckpointFolderTest::put(const std::string& name, const std::string& contents) {
  std::filesystem::create_directories((source_ / name).parent_path());
  std::ofstream(source_ / name, std::ios::binary) << contents;
}

void CheckpointFolderTest::write_config() {
  std::string json = "{";
  for (const auto& [field, value] : config_) {
    json.append(json.size() > 1 ? ", \"" : "\"").append(field).append("\": ").append(value);
  }
  put("config.json", json + "}");
}

void CheckpointFolderTest::write_tensors(const std::string& name, const TensorMap& tensors,
                                         const file::Metadata& metadata) {
  std::filesystem::create_directories((source_ / name).parent_path());
  std::vector<file::SafetensorsInput> inputs;
  for (const auto& [key, tensor] : tensors) inputs.push_back({key, tensor.view()});
  Result<file::AtomicFile> file = file::AtomicFile::create(path(name));
  ASSERT_TRUE(file.ok()) << file.status().message();
  Status status = file::write_safetensors(*file, metadata, inputs, 1);
  ASSERT_TRUE(status.ok()) << status.message();
  status = file->commit();
  ASSERT_TRUE(status.ok()) << status.message();
}

void CheckpointFolderTest::write() {
  write_config();
  write_tensors("model.safetensors", tensors_);
}

Model CheckpointFolderTest::loaded() {
  write();
  Result<Model> model = load(source_.string(), options_);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return *model;
}

void CheckpointFolderTest::write_all() {
  write();
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n##a\n##b\n##c\n");
}

bool CheckpointFolderTest::reported(const std::string& part) const {
  return std::any_of(reports_.begin(), reports_.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

long CheckpointFolderTest::files_out() const {
  return std::distance(std::filesystem::directory_iterator(root_ / "out"),
                       std::filesystem::directory_iterator());
}

Status CheckpointFolderTest::convert_path(const std::string& source) {
  return convert(source, destination(), options_);
}

ConvertedFile CheckpointFolderTest::converted() {
  const Status status = convert_folder();
  EXPECT_TRUE(status.ok()) << status.message();
  Result<file::MappedFile> mapped = file::MappedFile::open(destination());
  EXPECT_TRUE(mapped.ok()) << mapped.status().message();
  Result<file::SafetensorsView> view = file::SafetensorsView::parse(mapped->bytes(), "out");
  EXPECT_TRUE(view.ok()) << view.status().message();
  const auto json = view->metadata().find("lanewise.graph");
  EXPECT_NE(json, view->metadata().end());
  Result<graph::Graph> graph = graph::parse_graph(json->second);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return {std::move(*mapped), std::move(*view), std::move(*graph)};
}

std::string CheckpointFolderTest::failure(StatusCode code) {
  return failure(code, source_.string());
}

std::string CheckpointFolderTest::failure(StatusCode code, const std::string& source) {
  const Status status = convert_path(source);
  EXPECT_EQ(static_cast<int>(status.code()), static_cast<int>(code)) << status.message();
  EXPECT_EQ(files_out(), 0) << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
  return status.message();
}

std::string CheckpointFolderTest::textbook_graph() {
  const Result<std::string> text = describe_textbook_graph(source_.string(), options_);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

}  // namespace lanewise::converters

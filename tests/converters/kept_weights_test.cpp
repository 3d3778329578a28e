#include "converters/pack/kept_weights.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "lanewise/embedder.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/session.hpp"
#include "ops/weights/blocks/block_weight.hpp"
#include "ops/weights/half/half.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/gguf_model_file.hpp"
#include "tests/converters/golden_compare.hpp"
#include "tests/converters/hf_checkpoint.hpp"

/// Weights that a model keeps as its checkpoint stores them.

namespace lanewise::converters {
namespace {

constexpr std::string_view kKeptWeightsTexts[] = {"a b", "c", "e d c b a e d c b a"};

class KeptWeightsTest : public CheckpointFolderTest {
 protected:
  std::vector<float> vectors() {
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    Result<Embedder> embedder = Embedder::create(*model, {.threads = 1, .isa = {}});
    EXPECT_TRUE(embedder.ok()) << embedder.status().message();
    return embedder->embed(kKeptWeightsTexts)->values;
  }

  Model gguf_model(const GgufModelFile& file) {
    put("model.gguf", file.bytes());
    Result<Model> model = load(path("model.gguf"), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *std::move(model);
  }

  static Tensor logits_of(const Model& model) {
    Tensor ids(DataType::kI32, {1, 20});
    for (int32_t i = 0; i < 20; ++i) ids.as<int32_t>()[i] = (i * 37 + 5) % 61;
    Result<Session> session = Session::create(model, {.threads = 1, .isa = {}, .outputs = {}});
    EXPECT_TRUE(session.ok()) << session.status().message();
    Result<TensorMap> found = session->run({{"input_ids", ids}});
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found->at("logits");
  }

  /// The formats of the tensors whose name contains `part`.
  static std::set<std::string> formats_of(const Model& model, std::string_view part) {
    std::set<std::string> formats;
    const Result<ModelContents> contents = inspect(model);
    for (const TensorInfo& tensor : contents->tensors) {
      if (tensor.name.find(part) != std::string::npos && !tensor.format.empty()) {
        formats.insert(tensor.format);
      }
    }
    return formats;
  }
};

/// A LLaMA of weights that Q8_0 holds exactly.
HfCheckpoint checkpoint(bool is_tied = false) {
  HfCheckpoint made;
  made.config = {{"model_type", "\"llama\""},  {"vocab_size", "61"},
                 {"hidden_size", "64"},        {"intermediate_size", "96"},
                 {"num_hidden_layers", "1"},   {"num_attention_heads", "4"},
                 {"num_key_value_heads", "2"}, {"max_position_embeddings", "64"},
                 {"rms_norm_eps", "0.0078125"}};
  if (is_tied) made.config["tie_word_embeddings"] = "true";
  const std::string layer = "model.layers.0.";
  std::map<std::string, Shape> shapes = {{"model.embed_tokens.weight", {61, 64}},
                                         {"lm_head.weight", {61, 64}},
                                         {"model.norm.weight", {64}},
                                         {layer + "input_layernorm.weight", {64}},
                                         {layer + "post_attention_layernorm.weight", {64}},
                                         {layer + "self_attn.q_proj.weight", {64, 64}},
                                         {layer + "self_attn.k_proj.weight", {32, 64}},
                                         {layer + "self_attn.v_proj.weight", {32, 64}},
                                         {layer + "self_attn.o_proj.weight", {64, 64}},
                                         {layer + "mlp.gate_proj.weight", {96, 64}},
                                         {layer + "mlp.up_proj.weight", {96, 64}},
                                         {layer + "mlp.down_proj.weight", {64, 96}}};
  if (is_tied) shapes.erase("lm_head.weight");
  for (const auto& [name, shape] : shapes) {
    Tensor tensor = hf_weight(name, shape, 0);
    for (int64_t i = 0; i < *element_count(shape); ++i) {
      float& x = tensor.as<float>()[i];
      x = std::floor(x * 128) / 128;
    }
    made.tensors[name] = std::move(tensor);
  }
  return made;
}

/// In f16, bf16 and f32 next to each other: the same bits as in f32.
TEST_F(KeptWeightsTest, OfAFolderGiveTheBitsOfF32) {
  constexpr DataType kTypes[] = {DataType::kF16, DataType::kBF16, DataType::kF32};
  TensorMap stored;
  size_t i = 0;
  for (const auto& [name, tensor] : tensors_) stored[name] = as_type(tensor, kTypes[i++ % 3]);
  write_all();
  write_tensors("model.safetensors", stored);
  const std::vector<float> expected = vectors();
  options_.weights = "keep";
  EXPECT_EQ(vectors(), expected);
  const Result<Model> kept = load(source_.string(), options_);
  ASSERT_TRUE(kept.ok());
  const std::set<std::string> formats = formats_of(*kept, "");
  for (const char* format : {"f16", "bf16_exact", "f32"}) EXPECT_TRUE(formats.contains(format));
}

TEST_F(KeptWeightsTest, OfOneTypeAreStackedAsInF32) {
  for (const DataType type : {DataType::kF16, DataType::kBF16}) {
    TensorMap stored;
    for (const auto& [name, tensor] : tensors_) stored[name] = as_type(tensor, type);
    write_all();
    write_tensors("model.safetensors", stored);
    options_.weights = "f32";
    const std::vector<float> expected = vectors();
    options_.weights = "keep";
    EXPECT_EQ(vectors(), expected);
    const bool is_f16 = type == DataType::kF16;
    const ConvertedFile out = converted();
    EXPECT_EQ(out.weight("encoder.layer.0.attention.self.qkv", "weight").type, type);
    EXPECT_EQ(out.weight("encoder.layer.0.output.dense", "bias").type, DataType::kF32);
    const Result<Model> model = Model::open(destination());
    ASSERT_TRUE(model.ok());
    EXPECT_EQ(inspect(*model)->weights_type, is_f16 ? "f16" : "bf16_exact");
    const std::set<std::string> table{is_f16 ? "f16" : "bf16_rows"};
    EXPECT_EQ(formats_of(*model, "embeddings.table"), table);
    std::filesystem::remove(destination());
  }
}

TEST_F(KeptWeightsTest, OfAGgufAreItsBlocks) {
  const GgufModelFile file = gguf_model_file(checkpoint(), /*q8=*/true);
  const Model kept = gguf_model(file);
  EXPECT_EQ(inspect(kept)->weights_type, "q8_0");
  EXPECT_EQ(formats_of(kept, ""), std::set<std::string>{"q8_0"});
  EXPECT_EQ(formats_of(kept, "qkv"), std::set<std::string>{"q8_0"});
  options_.weights = "f32";
  const Model f32 = gguf_model(file);
  EXPECT_EQ(formats_of(f32, "qkv"), std::set<std::string>{"f32"});
  const Difference difference = difference_of(logits_of(kept), logits_of(f32));
  EXPECT_GT(difference.magnitude, 0.1);
  EXPECT_LE(difference.largest, 0.04 * difference.magnitude);
  EXPECT_GT(difference.largest, 0.0) << "inputs are rounded to 8 bits";
}

/// Q4_K_M stores values in other blocks than queries and keys.
TEST_F(KeptWeightsTest, OfDifferentFormatsAreNotStacked) {
  GgufModelFile file = gguf_model_file(checkpoint(), /*q8=*/true);
  GgufWriter::Tensor& values = file.tensors.at("blk.0.attn_v.weight");
  std::string halves;
  for (size_t block = 0; block < values.elements.size(); block += 34) {
    for (size_t i = 0; i < 32; ++i) {
      const auto q = static_cast<int8_t>(values.elements[block + 2 + i]);
      halves += gguf_bytes(ops::to_f16(static_cast<float>(q) / 128));
    }
  }
  values.type = 1;
  values.elements = halves;
  const Model kept = gguf_model(file);
  EXPECT_TRUE(formats_of(kept, "qkv").empty());
  EXPECT_EQ(formats_of(kept, "q_proj"), std::set<std::string>{"q8_0"});
  EXPECT_EQ(formats_of(kept, "v_proj"), std::set<std::string>{"f16"});
  options_.weights = "f32";
  const Model f32 = gguf_model(file);
  EXPECT_EQ(formats_of(f32, "qkv"), std::set<std::string>{"f32"});
  const Difference difference = difference_of(logits_of(kept), logits_of(f32));
  EXPECT_LE(difference.largest, 0.04 * difference.magnitude);
}

TEST_F(KeptWeightsTest, ATiedTableIsStoredOnce) {
  const Model kept = gguf_model(gguf_model_file(checkpoint(/*is_tied=*/true), /*q8=*/true));
  const Result<ModelContents> tied = inspect(kept);
  int64_t bytes = 0;
  for (const TensorInfo& tensor : tied->tensors) bytes += tensor.bytes;
  // 64 rows with those that fill the last panel; layers have 33'000 weights of 8.5 bits.
  constexpr int64_t kTable = 64 * 64 / 32 * 34;
  const Result<ModelContents> untied =
      inspect(gguf_model(gguf_model_file(checkpoint(), /*q8=*/true)));
  int64_t more = 0;
  for (const TensorInfo& tensor : untied->tensors) more += tensor.bytes;
  EXPECT_EQ(more - bytes, kTable);
}

TEST_F(KeptWeightsTest, AreNotQuantised) {
  write_all();
  options_.weights = "keep";
  options_.calibrate = path("vocab.txt");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "int8 and int4 weights, not keep"));
  options_.calibrate.clear();
  options_.group = 64;
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "int4 weights, not keep"));
}

/// Two matrices of the same 96 rows, in Q8_0 and in f16.
class TwoTensors final : public Checkpoint {
 public:
  static constexpr int64_t kRows = 96, kColumns = 64;

  TwoTensors() {
    const ops::BlockFormat* blocks = ops::find_block_format("Q8_0");
    tensors_.push_back(
        {.name = "blocks", .type = DataType::kF32, .shape = {kRows, kColumns}, .blocks = blocks});
    tensors_.push_back({.name = "halves", .type = DataType::kF16, .shape = {kRows, kColumns}});
    for (int64_t i = 0; i < kRows * kColumns; ++i) {
      if (i % 32 == 0) bytes_.insert(bytes_.end(), {std::byte{0}, std::byte{0x20}});  // 2^-7
      const auto q = static_cast<int8_t>(i * 37 % 255 - 127);
      bytes_.push_back(static_cast<std::byte>(q));
      halves_.push_back(ops::to_f16(value(i)));
    }
  }

  static float value(int64_t i) { return static_cast<float>(i * 37 % 255 - 127) / 128; }

  std::span<const CheckpointTensor> tensors() const noexcept override { return tensors_; }
  Result<TensorView> read(const CheckpointTensor& tensor, Scratch&) const override {
    return TensorView{tensor.type, halves_.data(), tensor.shape};
  }
  Result<std::span<const std::byte>> read_blocks(const CheckpointTensor&, Scratch&) const override {
    return std::span<const std::byte>(bytes_);
  }
  std::span<const std::string> files() const noexcept override { return {}; }

 private:
  std::vector<CheckpointTensor> tensors_;
  std::vector<std::byte> bytes_;
  std::vector<uint16_t> halves_;
};

TEST(KeptWeights, MatricesOfOneWeightHavePanelsOfTheirOwn) {
  const TwoTensors checkpoint;
  // 96 rows are four matrices of 24, in two panels each.
  constexpr int64_t kMatrices = 4, kRows = 24, kStored = 32;
  const auto packed =
      pack_kept(checkpoint, {}, {"halves"}, ops::WeightFormat::f16, MatrixRows(kMatrices));
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  std::vector<float> values(kMatrices * kStored * 64);
  for (int64_t row = 0; row < kMatrices * kRows; ++row) {
    const int64_t stored = row / kRows * kStored + row % kRows;
    for (int64_t i = 0; i < 64; ++i) {
      values[static_cast<size_t>(stored * 64 + i)] = TwoTensors::value(row * 64 + i);
    }
  }
  const auto expected =
      ops::pack_weight(ops::WeightFormat::f16, values.data(), kMatrices * kStored, 64);
  EXPECT_EQ(packed->tensors[0].bytes, expected.tensors[0].bytes);
}

TEST(MatrixRowsTest, RowsOfAMatrixStayTogether) {
  const MatrixRows rows(3);
  EXPECT_EQ(rows.stored(3 * 20), 3 * 32);
  EXPECT_EQ(rows.stored(3 * 16), 3 * 16);
  EXPECT_TRUE(rows.check(60).ok());
  EXPECT_TRUE(has(rows.check(61).message(), "61 rows are not 3 matrices of equal size"));
  std::vector<std::array<int64_t, 3>> found;
  for (const RowRange& range : rows.ranges(60, 15, 30)) {
    found.push_back({range.stacked, range.stored, range.count});
  }
  EXPECT_EQ(found, (std::vector<std::array<int64_t, 3>>{{15, 15, 5}, {20, 32, 20}, {40, 64, 5}}));
  EXPECT_EQ(MatrixRows().stored(17), 17);
}

TEST(KeptWeights, MayBePartsOfTensors) {
  const TwoTensors checkpoint;
  for (const std::string tensor : {"blocks", "halves"}) {
    SCOPED_TRACE(tensor);
    // Rows 80 to 95, then 16 to 31.
    TensorParts parts;
    parts["last"] = {.tensor = tensor, .offset = 80 * 64, .shape = {16, 64}};
    parts["second"] = {.tensor = tensor, .offset = 16 * 64, .shape = {16, 64}};
    parts["beyond"] = {.tensor = tensor, .offset = 81 * 64, .shape = {16, 64}};
    parts["narrow"] = {.tensor = tensor, .offset = 0, .shape = {32, 32}};
    parts["inside"] = {.tensor = tensor, .offset = 32, .shape = {16, 64}};
    parts["computed"] = {
        .tensor = tensor, .offset = 0, .shape = {16, 64}, .compute = [](auto, auto) {}};
    const bool is_halves = tensor == "halves";
    const std::vector<std::string> names{"last", "second"};
    const auto format = kept_format(checkpoint, parts, names);
    ASSERT_EQ(format, is_halves ? ops::WeightFormat::f16 : ops::WeightFormat::q8_0);
    const auto packed = pack_kept(checkpoint, parts, names, format);
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    std::vector<float> values;
    for (const int64_t first : {80, 16}) {
      for (int64_t i = 0; i < 16 * 64; ++i) values.push_back(TwoTensors::value(first * 64 + i));
    }
    // f16 gives the same panels. So does Q8_0, but for its scale.
    if (is_halves) {
      const auto expected = ops::pack_weight(format, values.data(), 32, 64);
      EXPECT_EQ(packed->tensors[0].bytes, expected.tensors[0].bytes);
    } else {
      const auto* codes = reinterpret_cast<const uint8_t*>(packed->tensors[0].bytes.data());
      for (int64_t i = 0; i < 32 * 64; ++i) {
        const int64_t row = i / 64, k = i % 64;
        const uint8_t code = codes[row / 16 * 1024 + k / 4 * 64 + row % 16 * 4 + k % 4];
        ASSERT_EQ(static_cast<float>(code - 128) / 128, values[static_cast<size_t>(i)]);
      }
    }
    EXPECT_TRUE(has(pack_kept(checkpoint, parts, {"beyond"}, format).status().message(),
                    "has no part [16, 64] at element 5184"));
    EXPECT_EQ(kept_format(checkpoint, parts, {"computed"}), ops::WeightFormat::f32);
    EXPECT_EQ(kept_format(checkpoint, parts, {"missing"}), ops::WeightFormat::f32);
    EXPECT_EQ(kept_format(checkpoint, parts, {"narrow"}) == format, is_halves);
    EXPECT_EQ(kept_format(checkpoint, parts, {"inside"}) == format, is_halves);
    EXPECT_FALSE(keep_alike(checkpoint, parts, {"last", "computed"}));
    EXPECT_TRUE(keep_alike(checkpoint, parts, {"computed", "missing"}));
  }
  EXPECT_FALSE(keep_alike(checkpoint, {}, {"blocks", "halves"}));
  EXPECT_EQ(kept_format(checkpoint, {}, {"blocks", "halves"}), ops::WeightFormat::f32);
}

}  // namespace
}  // namespace lanewise::converters

// Quantised weights of Hugging Face folders, against formulas written out here.

#include "converters/unpack/unpack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "converters/formats/elements.hpp"
#include "converters/formats/float8.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

Tensor words(const Shape& shape) {
  Tensor tensor(DataType::kI32, shape);
  std::fill_n(tensor.as<int32_t>(), *element_count(shape), 0);
  return tensor;
}

void set_bits(Tensor& words, int64_t word, int64_t place, int bits, uint32_t value) {
  auto* all = words.as<uint32_t>();
  all[word] |= value << (place * bits);
}

class UnpackTest : public CheckpointFolderTest {
 protected:
  static constexpr int64_t kIn = 64, kOut = 16;

  Result<UnpackedCheckpoint> unpacked(const std::string& quantization) {
    write_tensors("model.safetensors", tensors_);
    auto stored = open_checkpoint_folder(source_.string());
    EXPECT_TRUE(stored.ok());
    auto config = Config::parse(R"({"quantization_config": )" + quantization + "}", "config");
    EXPECT_TRUE(config.ok());
    return unpack_weights(std::move(*stored), *config);
  }
  std::vector<float> weight(const std::string& quantization) {
    const auto checkpoint = unpacked(quantization);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    if (!checkpoint.ok()) return {};
    for (const CheckpointTensor& tensor : checkpoint->checkpoint->tensors()) {
      EXPECT_EQ(tensor.name, "w.weight");
    }
    const auto read = read_f32(*checkpoint->checkpoint, *checkpoint->checkpoint->find("w.weight"));
    EXPECT_TRUE(read.ok()) << read.status().message();
    return {read->values.begin(), read->values.end()};
  }
  std::string refusal(const std::string& quantization, StatusCode code) {
    const auto checkpoint = unpacked(quantization);
    EXPECT_EQ(checkpoint.status().code(), code) << quantization;
    return checkpoint.status().message();
  }

  static uint32_t code(int64_t o, int64_t i, int bits) {
    return static_cast<uint32_t>(o * 5 + i * 3 + i / 7) & ((1U << bits) - 1);
  }
  static uint32_t zero(int64_t g, int64_t o, int bits) {
    return static_cast<uint32_t>(g * 3 + o) & ((1U << bits) - 1);
  }
  static float scale(int64_t g, int64_t o) { return std::ldexp(1.0F, static_cast<int>(g - o % 4)); }
  static Tensor scales(int64_t groups) {
    Tensor tensor(DataType::kF32, {groups, kOut});
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t o = 0; o < kOut; ++o) tensor.as<float>()[g * kOut + o] = scale(g, o);
    }
    return as_type(tensor, DataType::kF16);
  }

  /// Groups of 32 inputs; `offset` is subtracted from zeros.
  void put_gptq(int bits, uint32_t offset, bool symmetric = false) {
    const int64_t per_word = 32 / bits;
    Tensor q = words({kIn / per_word, kOut});
    Tensor z = words({2, kOut / per_word});
    for (int64_t o = 0; o < kOut; ++o) {
      for (int64_t i = 0; i < kIn; ++i) {
        set_bits(q, i / per_word * kOut + o, i % per_word, bits, code(o, i, bits));
      }
      for (int64_t g = 0; g < 2; ++g) {
        const uint32_t value = symmetric ? 8 : zero(g, o, bits);
        set_bits(z, g * (kOut / per_word) + o / per_word, o % per_word, bits,
                 (value - offset) & ((1U << bits) - 1));
      }
    }
    tensors_.clear();
    tensors_["w.qweight"] = std::move(q);
    tensors_["w.qzeros"] = std::move(z);
    tensors_["w.scales"] = scales(2);
  }

  void expect_groups(const std::vector<float>& w, int bits, bool symmetric = false) {
    ASSERT_EQ(w.size(), static_cast<size_t>(kOut * kIn));
    for (int64_t o = 0; o < kOut; ++o) {
      for (int64_t i = 0; i < kIn; ++i) {
        const int64_t g = i / 32;
        const int z = static_cast<int>(symmetric ? 8 : zero(g, o, bits));
        const float expected =
            scale(g, o) * static_cast<float>(static_cast<int>(code(o, i, bits)) - z);
        EXPECT_EQ(w[static_cast<size_t>(o * kIn + i)], expected) << o << " " << i;
      }
    }
  }
};

TEST_F(UnpackTest, GptqInBothVersions) {
  for (const int bits : {2, 4, 8}) {
    const std::string common =
        R"({"quant_method": "gptq", "group_size": 32, "bits": )" + std::to_string(bits);
    put_gptq(bits, 1);
    expect_groups(weight(common + "}"), bits);
    put_gptq(bits, 0);
    expect_groups(weight(common + R"(, "checkpoint_format": "gptq_v2"})"), bits);
  }
}

TEST_F(UnpackTest, GptqWithGroupsInAnyOrder) {
  put_gptq(4, 1);
  Tensor order = words({kIn});
  for (int64_t i = 0; i < kIn; ++i) order.as<int32_t>()[i] = i % 2 == 0 ? 1 : 0;
  tensors_["w.g_idx"] = std::move(order);
  const std::string config = R"({"quant_method": "gptq", "bits": 4, "group_size": 32})";
  const std::vector<float> w = weight(config);
  for (int64_t i = 0; i < kIn; ++i) {
    const int64_t g = i % 2 == 0 ? 1 : 0;
    EXPECT_EQ(w[static_cast<size_t>(i)],
              scale(g, 0) * static_cast<float>(static_cast<int>(code(0, i, 4)) -
                                               static_cast<int>(zero(g, 0, 4))));
  }
  tensors_.at("w.g_idx").as<int32_t>()[5] = 2;
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "in a group that has no scale"));
}

/// A zero of 8 everywhere is what Q4_0 has.
TEST_F(UnpackTest, SymmetricGptqIsKeptInBlocks) {
  const std::string config = R"({"quant_method": "gptq", "bits": 4, "group_size": 32})";
  put_gptq(4, 1, /*symmetric=*/true);
  expect_groups(weight(config), 4, true);
  const auto checkpoint = unpacked(config);
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_TRUE(checkpoint->is_small);
  const CheckpointTensor& tensor = checkpoint->checkpoint->tensors().front();
  ASSERT_NE(tensor.blocks, nullptr);
  EXPECT_EQ(tensor.blocks->name, "Q4_0");
  Scratch blocks, elements;
  const auto stored = checkpoint->checkpoint->read_blocks(tensor, blocks);
  ASSERT_TRUE(stored.ok());
  const auto values = checkpoint->checkpoint->read(tensor, elements);
  ASSERT_TRUE(values.ok());
  std::vector<float> unpacked_values(kOut * kIn);
  tensor.blocks->unpack(stored->data(), stored->size() / 18, unpacked_values.data());
  for (size_t i = 0; i < unpacked_values.size(); ++i) {
    EXPECT_EQ(unpacked_values[i], values->as<float>()[i]) << i;
  }
  put_gptq(4, 1);
  EXPECT_EQ(unpacked(config)->checkpoint->tensors().front().blocks, nullptr);
}

TEST_F(UnpackTest, Awq) {
  constexpr int64_t kPlaces[] = {0, 4, 1, 5, 2, 6, 3, 7};
  Tensor q = words({kIn, kOut / 8});
  Tensor z = words({2, kOut / 8});
  for (int64_t o = 0; o < kOut; ++o) {
    for (int64_t i = 0; i < kIn; ++i) {
      set_bits(q, i * (kOut / 8) + o / 8, kPlaces[o % 8], 4, code(o, i, 4));
    }
    for (int64_t g = 0; g < 2; ++g) {
      set_bits(z, g * (kOut / 8) + o / 8, kPlaces[o % 8], 4, zero(g, o, 4));
    }
  }
  tensors_.clear();
  tensors_["w.qweight"] = std::move(q);
  tensors_["w.qzeros"] = std::move(z);
  tensors_["w.scales"] = scales(2);
  const std::string config = R"({"quant_method": "awq", "bits": 4, "group_size": 32)";
  expect_groups(weight(config + R"(, "version": "GEMM"})"), 4);
  EXPECT_TRUE(has(refusal(config + R"(, "version": "gemv"})", StatusCode::kUnsupported), "'gemv'"));
}

TEST_F(UnpackTest, RefusesVariants) {
  put_gptq(4, 1);
  for (const auto& [fields, part] : std::vector<std::pair<std::string, std::string>>{
           {R"("quant_method": "aqlm")", "'aqlm'"},
           {R"("quant_method": "gptq", "bits": 3)", "'bits' 3"},
           {R"("quant_method": "gptq", "checkpoint_format": "marlin")", "'marlin'"},
           {R"("quant_method": "gptq", "pack_dtype": "int16")", "'int16'"},
           {R"("quant_method": "gptq", "dynamic": {"a": 1})", "'dynamic'"},
           {R"("quant_method": "gptq", "is_marlin_format": true)", "'is_marlin_format'"},
           {R"("quant_method": "awq", "bits": 8)", "'bits' 8"},
           {R"("quant_method": "fp8", "fmt": "e5m2")", "'e5m2'"}}) {
    EXPECT_TRUE(has(refusal("{" + fields + "}", StatusCode::kUnsupported), part)) << fields;
  }
}

TEST_F(UnpackTest, NamesTensorsThatDoNotFit) {
  const std::string config = R"({"quant_method": "gptq", "bits": 4, "group_size": 32})";
  for (const char* missing : {"w.qzeros", "w.scales"}) {
    put_gptq(4, 1);
    tensors_.erase(missing);
    EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "w.qweight", missing + 2));
  }
  put_gptq(4, 1);
  tensors_["w.qweight"] = words({int64_t{1} << 61, 0});
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "expected matrices"));
  put_gptq(4, 1);
  tensors_["w.qzeros"] = words({3, kOut / 8});
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "zeros"));
  put_gptq(4, 1);
  tensors_["w.scales"] = words({2, kOut});
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "scales"));
  put_gptq(4, 1);
  tensors_["w.g_idx"] = words({kIn + 1});
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "g_idx"));
  tensors_.clear();
  set_tensor("w.weight", {2, 2});
  EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "qweight"));
}

/// 96 elements, in blocks of 64: the second is not whole.
TEST_F(UnpackTest, BitsAndBytes) {
  const std::string config = R"({"quant_method": "bitsandbytes", "load_in_4bit": true})";
  for (const bool nested : {false, true}) {
    tensors_.clear();
    Tensor codes(DataType::kU8, {48, 1});
    for (int64_t i = 0; i < 48; ++i) codes.as<uint8_t>()[i] = static_cast<uint8_t>(i * 37);
    Tensor table(DataType::kF32, {16});
    for (int64_t i = 0; i < 16; ++i) table.as<float>()[i] = static_cast<float>(i - 7) / 8;
    std::vector<float> absmax = {2, 3};
    std::string state =
        R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 12], "dtype": "float16")";
    if (nested) {
      Tensor small(DataType::kU8, {2});
      small.as<uint8_t>()[0] = 9, small.as<uint8_t>()[1] = 200;
      Tensor values(DataType::kF32, {256});
      for (int64_t i = 0; i < 256; ++i) values.as<float>()[i] = static_cast<float>(i) / 4;
      Tensor scale(DataType::kF32, {1});
      scale.as<float>()[0] = 0.5F;
      absmax = {9.0F / 8 + 1.5F, 200.0F / 8 + 1.5F};
      state += R"(, "nested_blocksize": 256, "nested_offset": 1.5)";
      tensors_["w.weight.absmax"] = std::move(small);
      tensors_["w.weight.nested_quant_map"] = std::move(values);
      tensors_["w.weight.nested_absmax"] = std::move(scale);
    } else {
      Tensor plain(DataType::kF32, {2});
      plain.as<float>()[0] = 2, plain.as<float>()[1] = 3;
      tensors_["w.weight.absmax"] = std::move(plain);
    }
    state += "}";
    Tensor json(DataType::kU8, {static_cast<int64_t>(state.size())});
    std::memcpy(json.as<uint8_t>(), state.data(), state.size());
    tensors_["w.weight"] = std::move(codes);
    tensors_["w.weight.quant_map"] = std::move(table);
    tensors_["w.weight.quant_state.bitsandbytes__nf4"] = std::move(json);
    const std::vector<float> w = weight(config);
    ASSERT_EQ(w.size(), 96U);
    for (size_t i = 0; i < w.size(); ++i) {
      const auto byte = static_cast<uint8_t>(i / 2 * 37);
      const int index = i % 2 == 0 ? byte >> 4 : byte & 15;
      EXPECT_EQ(w[i], static_cast<float>(index - 7) / 8 * absmax[i / 64]) << i;
    }
    tensors_["w.weight"] = Tensor(DataType::kU8, {47, 1});
    EXPECT_TRUE(has(refusal(config, StatusCode::kInvalidArgument), "47 bytes", "[8, 12]"));
  }
}

TEST_F(UnpackTest, BitsAndBytesOfEightBits) {
  const std::string config = R"({"quant_method": "bitsandbytes", "load_in_8bit": true})";
  tensors_.clear();
  Tensor codes(DataType::kI8, {2, 3});
  const int8_t values[] = {127, -127, 0, 1, 2, -3};
  std::memcpy(codes.as<int8_t>(), values, sizeof(values));
  Tensor scale(DataType::kF32, {2});
  scale.as<float>()[0] = 2, scale.as<float>()[1] = 127;
  tensors_["w.weight"] = std::move(codes);
  tensors_["w.SCB"] = std::move(scale);
  EXPECT_EQ(weight(config), (std::vector<float>{2, -2, 0, 1, 2, -3}));
  tensors_["w.weight_format"] = Tensor(DataType::kU8, {});
  tensors_["w.weight_format"].as<uint8_t>()[0] = 1;
  EXPECT_TRUE(has(refusal(config, StatusCode::kUnsupported), "row by row"));
}

/// All codes, against the definition: sign, 2^(e - 7) * (1 + m / 8), subnormals below 2^-6.
TEST(Float8, HasTheValuesOfItsDefinition) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<std::byte>(code);
    float found = 0;
    float8_e4m3().unpack(&byte, 1, &found);
    const int exponent = code >> 3 & 15, mantissa = code & 7;
    if (exponent == 15 && mantissa == 7) {
      EXPECT_TRUE(std::isnan(found));
      continue;
    }
    const double magnitude = exponent == 0 ? std::ldexp(mantissa / 8.0, -6)
                                           : std::ldexp(1 + mantissa / 8.0, exponent - 7);
    EXPECT_EQ(found, (code & 128) != 0 ? -magnitude : magnitude) << code;
    EXPECT_EQ(std::signbit(found), (code & 128) != 0);
  }
}

class Float8FileTest : public CheckpointFolderTest {
 protected:
  /// A safetensors file with w.weight [3, 4] of FP8, all 2, and a scale of f32.
  void put_scaled(const std::string& scale_name, const Shape& shape) {
    std::string sizes, bytes(12, '\x40');
    float factor = 1;
    for (int64_t i = 0; i < *element_count(shape); ++i, factor *= 2) {
      bytes.append(reinterpret_cast<const char*>(&factor), sizeof(factor));
    }
    for (const int64_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    std::string header =
        R"({"w.weight":{"dtype":"F8_E4M3","shape":[3,4],"data_offsets":[0,12]},")" + scale_name +
        R"(":{"dtype":"F32","shape":[)" + sizes + R"(],"data_offsets":[12,)" +
        std::to_string(bytes.size()) + "]}}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    std::string length(8, '\0');
    length[0] = static_cast<char>(header.size());
    put("model.safetensors", length + header + bytes);
  }
  Result<UnpackedCheckpoint> unpacked() {
    auto stored = open_checkpoint_folder(source_.string());
    EXPECT_TRUE(stored.ok()) << stored.status().message();
    auto config = Config::parse(
        R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [2, 3]}})", "c");
    return unpack_weights(std::move(*stored), *config);
  }
};

TEST_F(Float8FileTest, ScalesOfBlocksRowsAndTensors) {
  const std::vector<std::pair<Shape, std::vector<float>>> cases = {
      {{2, 2}, {2, 2, 2, 4, 2, 2, 2, 4, 8, 8, 8, 16}},
      {{3, 1}, {2, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8}},
      {{}, std::vector<float>(12, 2)},
      {{1}, std::vector<float>(12, 2)}};
  for (const char* name : {"w.weight_scale_inv", "w.weight_scale"}) {
    for (const auto& [shape, expected] : cases) {
      put_scaled(name, shape);
      const auto checkpoint = unpacked();
      ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
      ASSERT_EQ(checkpoint->checkpoint->tensors().size(), 1U);
      const auto read =
          read_f32(*checkpoint->checkpoint, checkpoint->checkpoint->tensors().front());
      ASSERT_TRUE(read.ok());
      EXPECT_EQ(std::vector<float>(read->values.begin(), read->values.end()), expected);
    }
  }
  put_scaled("w.weight_scale", {3, 2});
  EXPECT_TRUE(has(unpacked().status().message(), "'w.weight_scale'", "[3, 2]"));
}

}  // namespace
}  // namespace lanewise::converters

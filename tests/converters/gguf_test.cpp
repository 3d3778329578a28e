// GGUF files composed here, and those that the package `gguf` wrote (tests/reference/make_gguf.py).

#include "converters/formats/gguf.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "converters/formats/elements.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/gguf_writer.hpp"

namespace lanewise::converters {
namespace {

using Tensors = std::vector<GgufWriter::Tensor>;

constexpr uint32_t kTensorF32 = 0;
constexpr uint32_t kF16 = 1;
constexpr uint32_t kQ4_0 = 2;

std::string stored(const std::string& name) {
  return std::string(std::getenv("LANEWISE_TEST_DATA")) + "/gguf/" + name;
}

std::unique_ptr<GgufCheckpoint> open_stored(const std::string& name) {
  auto opened = GgufCheckpoint::open(stored(name));
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  return opened.ok() ? *std::move(opened) : nullptr;
}

std::vector<float> values(const Checkpoint& checkpoint, const std::string& name) {
  const CheckpointTensor* tensor = checkpoint.find(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (tensor == nullptr) return {};
  const auto read = read_f32(checkpoint, *tensor);
  EXPECT_TRUE(read.ok()) << read.status().message();
  return read.ok() ? std::vector(read->values.begin(), read->values.end()) : std::vector<float>();
}

/// Bit for bit, but that any NaN equals any other.
bool same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

size_t differences(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  size_t count = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) count += same(a[i], b[i]) ? 0 : 1;
  return count;
}

TEST(GgufGoldenTest, BlocksUnpackAsInThePackageGguf) {
  const auto checkpoint = open_stored("types.gguf");
  ASSERT_NE(checkpoint, nullptr);
  ASSERT_EQ(ops::block_formats().size(), 12U);
  for (const ops::BlockFormat& format : ops::block_formats()) {
    const std::string name(format.name);
    SCOPED_TRACE(name);
    const CheckpointTensor* tensor = checkpoint->find(name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(type_name(*tensor), name);
    EXPECT_EQ(tensor->blocks, &format);
    const std::vector<float> expected = values(*checkpoint, name + ".f32");
    ASSERT_GT(expected.size(), 700U);
    EXPECT_EQ(tensor->shape, checkpoint->find(name + ".f32")->shape);
    EXPECT_EQ(differences(values(*checkpoint, name), expected), 0U);
    Scratch scratch;
    const auto view = checkpoint->read(*tensor, scratch);
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(differences({view->as<float>(), expected.size()}, expected), 0U);
    // The scales were chosen to give all of these.
    const auto any = [&](auto is) { return std::ranges::any_of(expected, is); };
    EXPECT_TRUE(any([](float x) { return std::isnan(x); }));
    EXPECT_TRUE(any([](float x) { return std::isinf(x); }));
    EXPECT_TRUE(any([](float x) { return x > 0 && x < 0.5F; }));
  }
}

TEST(GgufGoldenTest, BlocksAreInPlace) {
  const auto checkpoint = open_stored("types.gguf");
  ASSERT_NE(checkpoint, nullptr);
  for (const ops::BlockFormat& format : ops::block_formats()) {
    const CheckpointTensor* tensor = checkpoint->find(format.name);
    Scratch scratch;
    const auto blocks = checkpoint->read_blocks(*tensor, scratch);
    ASSERT_TRUE(blocks.ok());
    EXPECT_EQ(static_cast<int64_t>(blocks->size()),
              tensor->shape[0] * tensor->shape[1] / format.elements * format.bytes);
    EXPECT_EQ(checkpoint->read_blocks(*tensor, scratch)->data(), blocks->data());
    EXPECT_TRUE(scratch.empty());
  }
  Scratch scratch;
  const auto plain = checkpoint->read_blocks(*checkpoint->find("F16"), scratch);
  ASSERT_FALSE(plain.ok());
  EXPECT_TRUE(has(plain.status().message(), "'F16'", "expected blocks"));
}

template <typename T>
double sum_of(const Checkpoint& checkpoint, const std::string& name, const Shape& shape) {
  Scratch scratch;
  const auto view = checkpoint.read(*checkpoint.find(name), scratch);
  EXPECT_TRUE(view.ok() && scratch.empty());
  EXPECT_EQ(view->shape, shape) << name;
  std::vector<T> elements(static_cast<size_t>(*element_count(shape)));
  std::memcpy(elements.data(), view->data, elements.size() * sizeof(T));
  double sum = 0;
  double weight = 1;
  for (const T x : elements) sum += weight++ * static_cast<double>(x);
  return sum;
}

TEST(GgufGoldenTest, PlainTypesAreInPlace) {
  const auto checkpoint = open_stored("types.gguf");
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(sum_of<int8_t>(*checkpoint, "I8", {2, 3, 4}), -3216);
  EXPECT_EQ(sum_of<int16_t>(*checkpoint, "I16", {7}), -303010);
  EXPECT_EQ(sum_of<int32_t>(*checkpoint, "I32", {2, 2, 2, 2}), -20414377935);
  EXPECT_EQ(sum_of<int64_t>(*checkpoint, "I64", {1, 3}), 4.900557488830341e+17);
  EXPECT_EQ(sum_of<double>(*checkpoint, "F64", {3, 5}), 19.027542499629988);
  EXPECT_EQ(sum_of<float>(*checkpoint, "F32", {3, 5}), 19.02754321694374);
  const std::vector<float> half = values(*checkpoint, "F16");
  const std::vector<float> single = values(*checkpoint, "F32");
  for (size_t i = 0; i < single.size(); ++i) {
    EXPECT_NEAR(half[i], single[i], std::abs(single[i]) * 0x1p-11);
  }
  EXPECT_EQ(differences(values(*checkpoint, "BF16"), values(*checkpoint, "BF16.f32")), 0U);
}

TEST(GgufGoldenTest, ReadsMetadata) {
  const auto checkpoint = open_stored("metadata.gguf");
  ASSERT_NE(checkpoint, nullptr);
  const auto at = [&](const char* key) {
    const GgufValue* value = checkpoint->view().find(key);
    EXPECT_NE(value, nullptr) << key;
    return value == nullptr ? GgufValue() : *value;
  };
  EXPECT_EQ(checkpoint->view().version(), 3U);
  EXPECT_EQ(at("general.architecture").string(), "test");
  EXPECT_EQ(at("test.u8").natural(), 255U);
  EXPECT_EQ(at("test.i8").integer(), -128);
  EXPECT_EQ(at("test.i8").natural(), std::nullopt);
  EXPECT_EQ(at("test.u16").integer(), 65535);
  EXPECT_EQ(at("test.i16").integer(), -32768);
  EXPECT_EQ(at("test.u32").integer(), 4294967295);
  EXPECT_EQ(at("test.i32").integer(), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(at("test.u64").natural(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(at("test.u64").integer(), std::nullopt);
  EXPECT_EQ(at("test.i64").integer(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(at("test.f32").number(), static_cast<double>(0.1F));
  EXPECT_EQ(at("test.f64").number(), 0.1);
  EXPECT_EQ(at("test.f64").integer(), std::nullopt);
  EXPECT_EQ(at("test.u8").number(), 255.0);
  EXPECT_EQ(at("test.bool").boolean(), true);
  EXPECT_EQ(at("test.bool").integer(), std::nullopt);
  EXPECT_EQ(at("test.bool").number(), std::nullopt);
  EXPECT_EQ(at("test.u8").boolean(), std::nullopt);
  EXPECT_EQ(at("test.string").string(), "h\xc3\xa9llo");
  EXPECT_EQ(at("test.string").strings(), std::nullopt);
  EXPECT_EQ(at("test.empty").string(), "");
  EXPECT_EQ(at("test.strings").strings(), (std::vector<std::string_view>{"a", "", "\xe4\xb8\xad"}));
  EXPECT_EQ(at("test.strings").string(), std::nullopt);
  EXPECT_EQ(at("test.strings").numbers(), std::nullopt);
  EXPECT_EQ(at("test.integers").numbers(), (std::vector<double>{1, -2, 3}));
  EXPECT_EQ(at("test.integers").elements(2).size(), 2U);
  EXPECT_EQ(at("test.floats").numbers(), (std::vector<double>{0.5, -0.25}));
  EXPECT_EQ(at("test.bools").element_type(), GgufType::kBool);
  EXPECT_EQ(at("test.bools").elements(9)[1].boolean(), false);
  EXPECT_EQ(at("test.bools").numbers(), std::nullopt);
  const std::vector<GgufValue> nested = at("test.nested").elements(9);
  ASSERT_EQ(nested.size(), 2U);
  EXPECT_EQ(nested[0].numbers(), (std::vector<double>{1, 2}));
  EXPECT_EQ(nested[1].numbers(), (std::vector<double>{3}));
  EXPECT_EQ(checkpoint->view().find("test"), nullptr);
}

TEST(GgufGoldenTest, RefusesOtherBlocksByName) {
  const auto checkpoint = open_stored("metadata.gguf");
  ASSERT_NE(checkpoint, nullptr);
  const CheckpointTensor* tensor = checkpoint->find("iq1");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(type_name(*tensor), "IQ1_S");
  Scratch scratch;
  const auto read = checkpoint->read(*tensor, scratch);
  EXPECT_EQ(read.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(read.status().message(), "'iq1'", "IQ1_S"));
  EXPECT_FALSE(checkpoint->read_blocks(*tensor, scratch).ok());
  EXPECT_FALSE(read_f32(*checkpoint, *tensor).ok());
}

/// Two small tensors and a little metadata.
GgufWriter small_file() {
  GgufWriter file;
  file.add("general.architecture", kGgufString, gguf_string("test"));
  file.add("tokens", kGgufArray, gguf_strings({"a", "b\xff"}));
  file.add("flag", kGgufBool, "\1");
  file.tensors = {{"a", {4}, kTensorF32, std::string(16, '\1')},
                  {"b", {32, 2}, kQ4_0, std::string(36, '\2')}};
  return file;
}

class GgufTest : public CheckpointFolderTest {
 protected:
  Result<std::unique_ptr<Checkpoint>> open(const std::string& bytes) {
    put("w.bin", bytes);  // Content counts, not the name.
    return open_checkpoint_file(path("w.bin"));
  }
  Result<std::unique_ptr<Checkpoint>> open(const GgufWriter& file) { return open(file.bytes()); }

  std::string refusal(const std::string& bytes, StatusCode code = StatusCode::kDataLoss) {
    const auto opened = open(bytes);
    EXPECT_EQ(opened.status().code(), code) << opened.status().message();
    EXPECT_EQ(opened.status().message().find('\n'), std::string::npos);
    EXPECT_LT(opened.status().message().size(), 600U);
    return opened.status().message();
  }
  std::string refusal(const GgufWriter& file, StatusCode code = StatusCode::kDataLoss) {
    return refusal(file.bytes(), code);
  }
  std::string refused_entry(uint32_t type, const std::string& value) {
    return refusal(small_file().add("bad", type, value));
  }
  std::string refused_tensor(const GgufWriter::Tensor& tensor,
                             StatusCode code = StatusCode::kDataLoss) {
    GgufWriter file = small_file();
    file.tensors.push_back(tensor);
    return refusal(file, code);
  }
};

/// The tensors of a checkpoint, all in one type.
std::string gguf_of(const TensorMap& tensors, uint32_t type) {
  GgufWriter file;
  for (const auto& [name, tensor] : tensors) {
    std::vector<uint64_t> dims(tensor.shape().rbegin(), tensor.shape().rend());
    file.tensors.push_back({name, dims, type, std::string(tensor.as<char>(), tensor.size_bytes())});
  }
  return file.bytes();
}

TEST_F(GgufTest, GivesWhatSafetensorsGives) {
  write_all();
  const std::string expected = bytes_of(converted());
  std::filesystem::remove(path("model.safetensors"));
  TensorMap halves;
  for (const auto& [name, tensor] : tensors_) halves[name] = as_type(tensor, DataType::kF16);
  for (const auto& bytes : {gguf_of(tensors_, kTensorF32), gguf_of(halves, kF16)}) {
    put("weights.gguf", bytes);
    EXPECT_EQ(bytes_of(converted()), expected);
  }
}

TEST_F(GgufTest, IsRecognisedUnderAnotherName) {
  write_config();
  put("model.safetensors", small_file().bytes());
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "model.safetensors", "it is a GGUF file"));
}

TEST_F(GgufTest, ReadsBothVersionsAndAnyAlignment) {
  for (const uint32_t version : {2U, 3U}) {
    for (const uint32_t alignment : {1U, 8U, 32U, 4096U}) {
      GgufWriter file = small_file();
      file.version = version;
      file.alignment = alignment;
      file.add("general.alignment", kGgufU32, gguf_bytes(alignment));
      const auto opened = open(file);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      ASSERT_EQ((*opened)->tensors().size(), 2U);
      EXPECT_EQ((*opened)->tensors()[1].shape, (Shape{2, 32}));
      Scratch scratch;
      const auto view = (*opened)->read((*opened)->tensors()[0], scratch);
      EXPECT_EQ(std::string(view->as<char>(), 16), std::string(16, '\1'));
    }
  }
}

TEST_F(GgufTest, ReadsEmptyThings) {
  EXPECT_TRUE(open(GgufWriter()).ok());
  GgufWriter file = small_file();
  file.tensors.push_back({"scalar", {}, kTensorF32, "1234"});
  file.tensors.push_back({"none", {0, 3}, kTensorF32});
  file.tensors.push_back({"no blocks", {0}, kQ4_0});
  file.add("none", kGgufArray, gguf_array(kGgufArray, 0, ""));
  file.add("", kGgufArray, gguf_strings({}));
  const auto opened = open(file);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ((*opened)->find("scalar")->shape, Shape());
  EXPECT_EQ((*opened)->find("none")->shape, (Shape{3, 0}));
  EXPECT_TRUE(values(**opened, "no blocks").empty());
}

TEST_F(GgufTest, RefusesOtherVersions) {
  GgufWriter file = small_file();
  for (const uint32_t version : {0U, 1U, 4U, 255U}) {
    file.version = version;
    EXPECT_TRUE(has(refusal(file, StatusCode::kUnsupported), "w.bin",
                    "GGUF version " + std::to_string(version), "expected 2 or 3"));
  }
  file.version = 0x03000000;
  EXPECT_TRUE(has(refusal(file, StatusCode::kUnsupported), "big-endian"));
}

TEST_F(GgufTest, RefusesCountsThatLie) {
  const std::string good = small_file().bytes();
  for (const size_t at : {8, 16}) {  // of tensors, of metadata
    for (const uint64_t count : {uint64_t{1} << 60, ~uint64_t{0}, uint64_t{1000}}) {
      std::string lie = good;
      lie.replace(at, 8, gguf_bytes(count));
      EXPECT_TRUE(has(refusal(lie), "claims " + std::to_string(count),
                      at == 8 ? " tensors" : " entries of metadata"));
    }
    std::string more = good;
    ++more[at];
    refusal(more);
  }
}

TEST_F(GgufTest, RefusesMetadataThatLies) {
  const std::string huge = gguf_bytes(uint64_t{1} << 60);
  EXPECT_TRUE(has(refused_entry(13, ""), "metadata 'bad'", "type 13"));
  EXPECT_TRUE(has(refused_entry(0xffffffff, ""), "metadata 'bad'", "type 4294967295"));
  EXPECT_TRUE(has(refused_entry(kGgufString, huge), "metadata 'bad'", "1152921504606846976"));
  EXPECT_TRUE(has(refused_entry(kGgufBool, "\2"), "metadata 'bad'", "bool 2"));
  EXPECT_TRUE(has(refused_entry(kGgufArray, gguf_array(99, 1, "")), "metadata 'bad'", "type 99"));
  for (uint32_t type = 0; type <= kGgufF64; ++type) {
    EXPECT_TRUE(has(refused_entry(kGgufArray, gguf_array(type, uint64_t{1} << 60, "")),
                    "metadata 'bad'", "claims 1152921504606846976 elements"));
  }
  EXPECT_TRUE(has(refused_entry(kGgufArray, gguf_array(kGgufString, 2, gguf_string("x") + huge)),
                  "metadata 'bad'", "element 1"));
  EXPECT_TRUE(has(refused_entry(kGgufArray, gguf_array(kGgufBool, 2, "\1\7")), "element 1"));
  EXPECT_TRUE(has(refusal(small_file().add("flag", kGgufU8, "x")), "'flag' is there twice"));
}

TEST_F(GgufTest, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    std::string value = gguf_array(kGgufU8, 1, "x");
    for (int i = 1; i < depth; ++i) value = gguf_array(kGgufArray, 1, value);
    return value;
  };
  EXPECT_TRUE(open(small_file().add("deep", kGgufArray, nested(8))).ok());
  EXPECT_TRUE(has(refused_entry(kGgufArray, nested(9)), "metadata 'bad'", "nested deeper than 8"));
  EXPECT_TRUE(has(refused_entry(kGgufArray, nested(1000)), "nested deeper than 8"));
}

TEST_F(GgufTest, RefusesAlignmentThatLies) {
  const auto aligned = [&](uint32_t type, const std::string& value) {
    return refusal(small_file().add("general.alignment", type, value));
  };
  for (const uint32_t alignment : {0U, 3U, 48U, 0xffffffffU}) {
    EXPECT_TRUE(has(aligned(kGgufU32, gguf_bytes(alignment)), "'general.alignment'",
                    "expected a power of two", "found " + std::to_string(alignment)));
  }
  EXPECT_TRUE(has(aligned(kGgufU64, gguf_bytes(uint64_t{32})), "expected a power of two", "u64"));
  EXPECT_TRUE(has(aligned(kGgufString, gguf_string("32")), "expected a power of two", "string"));
  EXPECT_TRUE(has(aligned(kGgufU32, gguf_bytes(0x80000000U)), "tensor 'a' has 16 bytes"));
}

TEST_F(GgufTest, RefusesTensorsThatLie) {
  const std::string four(16, 'x');
  EXPECT_TRUE(has(refused_tensor({"x", {1, 1, 1, 1, 4}, kTensorF32, four}), "'x'", "5 dimensions"));
  const uint64_t large = uint64_t{1} << 32;
  EXPECT_TRUE(
      has(refused_tensor({"x", {large, large}, kTensorF32}, StatusCode::kInvalidArgument), "'x'"));
  EXPECT_TRUE(
      has(refused_tensor({"x", {~uint64_t{0}}, kTensorF32}, StatusCode::kInvalidArgument), "'x'"));
  EXPECT_TRUE(has(refused_tensor({"x", {large, large / 4}, kTensorF32}), "'x'", "too large"));
  EXPECT_TRUE(has(refused_tensor({"x", {large}, kTensorF32, four}), "'x'", "bytes"));
  EXPECT_TRUE(has(refused_tensor({"x", {31}, kQ4_0, four}), "'x'", "rows of 31", "32"));
  EXPECT_TRUE(has(refused_tensor({"x", {16, 2}, kQ4_0, four}), "'x'", "rows of 16", "Q4_0"));
  EXPECT_TRUE(has(refused_tensor({"x", {}, kQ4_0, four}), "'x'", "rows of 1 "));
  EXPECT_TRUE(has(refused_tensor({"x", {4}, kTensorF32, four, 4}), "'x'", "multiple of 32"));
  EXPECT_TRUE(has(refused_tensor({"x", {4}, kTensorF32, four, 32}), "'b' and 'x' overlap"));
  EXPECT_TRUE(has(refused_tensor({"x", {4}, kTensorF32, four, 1 << 20}), "'x'", "1048576"));
  EXPECT_TRUE(
      has(refused_tensor({"x", {4}, kTensorF32, four, int64_t{1} << 62}), "'x'", "bytes at"));
  EXPECT_TRUE(has(refused_tensor({"a", {4}, kTensorF32, four}), "tensor 'a' is there twice"));
  for (const uint32_t type : {42U, 99U, 0xffffffffU}) {
    EXPECT_TRUE(has(refused_tensor({"x", {4}, type, four}, StatusCode::kUnsupported), "'x'",
                    "unknown type " + std::to_string(type)));
  }
  EXPECT_TRUE(has(refused_tensor({"x", {4}, 31, four}, StatusCode::kUnsupported), "'x'", "Q4_0_4_4",
                  "no longer"));
}

TEST_F(GgufTest, RefusesTruncationAtEveryByte) {
  const std::string good = small_file().bytes();
  ASSERT_TRUE(open(good).ok());
  for (size_t size = 4; size < good.size(); ++size) refusal(good.substr(0, size));
}

TEST_F(GgufTest, AnyByteMayBeWrong) {
  const std::string good = small_file().bytes();
  size_t refused = 0;
  for (size_t at = 4; at < good.size(); ++at) {
    for (const char flip : {'\1', '\x80', '\xff'}) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto opened = open(damaged);
      EXPECT_EQ(opened.status().message().find('\n'), std::string::npos);
      refused += opened.ok() ? 0 : 1;
      if (!opened.ok()) continue;
      for (const CheckpointTensor& tensor : (*opened)->tensors()) {
        Scratch scratch;
        EXPECT_TRUE((*opened)->read(tensor, scratch).ok() || !tensor.foreign_type.empty());
      }
    }
  }
  EXPECT_GT(refused, good.size());
}

TEST_F(GgufTest, QuotesNamesSafely) {
  GgufWriter file = small_file();
  file.tensors.push_back({"bad\n\x1b[2J" + std::string(10000, 'x'), {4}, 99, ""});
  const std::string message = refusal(file, StatusCode::kUnsupported);
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

/// Part `number` of `count`, with one tensor named after it.
GgufWriter part(uint16_t number, uint16_t count, int32_t tensors) {
  GgufWriter file;
  file.add("split.no", kGgufU16, gguf_bytes(number));
  file.add("split.count", kGgufU16, gguf_bytes(count));
  file.add("split.tensors.count", kGgufI32, gguf_bytes(tensors));
  file.tensors = {{"t" + std::to_string(number), {1}, kTensorF32, gguf_bytes(number + 0.5F)}};
  return file;
}

class GgufSplitTest : public GgufTest {
 protected:
  static std::string name_of_part(int number, const std::string& of = "00003") {
    return "m-0000" + std::to_string(number + 1) + "-of-" + of + ".gguf";
  }
  void put_parts() {
    for (uint16_t i = 0; i < 3; ++i) put(name_of_part(i), part(i, 3, 3).bytes());
  }
  std::string split_refusal(int named, StatusCode code) {
    const auto opened = open_checkpoint_file(path(name_of_part(named)));
    EXPECT_EQ(opened.status().code(), code) << opened.status().message();
    return opened.status().message();
  }
};

TEST_F(GgufSplitTest, OpensAllPartsFromAny) {
  put_parts();
  for (int i = 0; i < 4; ++i) {
    const auto opened =
        i < 3 ? open_checkpoint_file(path(name_of_part(i))) : open_checkpoint_folder(path("."));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ((*opened)->files().size(), 3U);
    ASSERT_EQ((*opened)->tensors().size(), 3U);
    for (int t = 0; t < 3; ++t) {
      const std::vector<float> read = values(**opened, "t" + std::to_string(t));
      EXPECT_EQ(read, std::vector<float>{static_cast<float>(t) + 0.5F});
    }
  }
  put("other.gguf", part(0, 1, 1).bytes());
  EXPECT_TRUE(has(open_checkpoint_folder(path(".")).status().message(), "several checkpoints"));
}

TEST_F(GgufSplitTest, RefusesPartsThatDisagree) {
  put_parts();
  std::filesystem::remove(path(name_of_part(1)));
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kNotFound), "'" + name_of_part(1) + "'"));
  put(name_of_part(1), part(2, 3, 3).bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), name_of_part(1), "part 3 of 3"));
  EXPECT_TRUE(has(split_refusal(1, StatusCode::kDataLoss), "ends in '-00003-of-00003.gguf'"));
  put(name_of_part(1), part(1, 4, 3).bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), "part 2 of 4"));
  GgufWriter twice = part(1, 3, 3);
  twice.tensors[0].name = "t2";
  put(name_of_part(1), twice.bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), "'t2' is in two parts"));
  put(name_of_part(1), part(1, 3, 3).bytes());
  put(name_of_part(0), part(0, 3, 4).bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), "3 tensors, expected 4"));
  put(name_of_part(0), GgufWriter().add("split.count", kGgufString, gguf_string("3")).bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), "'split.count'", "found string"));
  put(name_of_part(0), part(0, 65535, 3).bytes());
  EXPECT_TRUE(has(split_refusal(0, StatusCode::kDataLoss), "-00001-of-65535.gguf"));
  put(name_of_part(0, "65535"), part(0, 65535, 3).bytes());
  const auto most = open_checkpoint_file(path(name_of_part(0, "65535")));
  EXPECT_TRUE(has(most.status().message(), "and 65524 more"));
}

}  // namespace
}  // namespace lanewise::converters

// Files that PyTorch and numpy wrote (tests/reference/make_formats_data.py).

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/elements.hpp"
#include "converters/plain_checkpoint.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

std::string stored_path(const std::string& name) { return test_data_folder() + "/formats/" + name; }

struct Expected {
  DataType type;
  Shape shape;
  std::vector<double> values;
};

std::map<std::string, Expected> expected_tensors() {
  using enum DataType;
  std::map<std::string, Expected> all = {
      {"matrix", {kF32, {3, 4}, {}}},
      {"transposed", {kF32, {3, 2}, {0, 0.375, 0.125, 0.5, 0.25, 0.625}}},
      {"slice", {kF32, {3}, {0.5, 1, 1.5}}},
      {"expanded", {kF32, {2, 3}, {1.5, 1.5, 1.5, 1.5, 1.5, 1.5}}},
      {"parameter", {kF32, {2}, {1, 2}}},
      {"scalar", {kF32, {}, {2.5}}},
      {"empty", {kF32, {0, 3}, {}}},
      {"f16", {kF16, {2}, {1.5, -2}}},
      {"bf16", {kBF16, {2}, {0.5, 3}}},
      {"f64", {kF64, {2}, {1.0 / 3, -1e300}}},
      {"bool", {kBool, {2}, {1, 0}}},
      {"int64", {kI64, {2}, {7, 100}}},
      {"int32", {kI32, {2}, {7, 100}}},
      {"int16", {kI16, {2}, {7, 100}}},
      {"int8", {kI8, {2}, {7, 100}}},
      {"uint8", {kU8, {2}, {7, 100}}}};
  for (int i = 0; i < 12; ++i) all["matrix"].values.push_back(i / 8.0);
  all["tied"] = all["matrix"];
  return all;
}

template <typename T>
T element(const TensorView& view, size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(view.data) + i * sizeof(T), sizeof(T));
  return value;
}

double value_of(const TensorView& view, size_t i) {
  switch (view.type) {
    case DataType::kF32:
      return element<float>(view, i);
    case DataType::kF16:
      return half_to_f32(element<uint16_t>(view, i));
    case DataType::kBF16:
      return bfloat16_to_f32(element<uint16_t>(view, i));
    case DataType::kF64:
      return element<double>(view, i);
    case DataType::kI64:
      return static_cast<double>(element<int64_t>(view, i));
    case DataType::kI32:
      return element<int32_t>(view, i);
    case DataType::kI16:
      return element<int16_t>(view, i);
    case DataType::kI8:
      return element<int8_t>(view, i);
    default:
      return element<uint8_t>(view, i);
  }
}

void check_tensor(const Checkpoint& checkpoint, const std::string& name, const Expected& expected) {
  SCOPED_TRACE(name);
  const CheckpointTensor* tensor = checkpoint.find(name);
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(name_of(tensor->type), name_of(expected.type));
  Scratch scratch;
  const Result<TensorView> view = checkpoint.read(*tensor, scratch);
  ASSERT_TRUE(view.ok()) << view.status().message();
  ASSERT_EQ(view->shape, expected.shape);
  ASSERT_EQ(tensor->shape, expected.shape);
  for (size_t i = 0; i < expected.values.size(); ++i) {
    EXPECT_EQ(value_of(*view, i), expected.values[i]) << i;
  }
}

class StoredFilesTest : public testing::TestWithParam<std::string> {};

TEST_P(StoredFilesTest, HaveTheSameTensors) {
  const auto checkpoint = open_checkpoint_file(stored_path(GetParam()));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const bool numpy = GetParam().ends_with(".npz");
  auto expected = expected_tensors();
  if (numpy) expected.erase("bf16");  // which numpy lacks
  if (GetParam() == "checkpoint.pt") {
    EXPECT_NE((*checkpoint)->find("weight"), nullptr);
    EXPECT_EQ((*checkpoint)->tensors().size(), expected.size() + 2);
  } else {
    EXPECT_EQ((*checkpoint)->tensors().size(), expected.size());
  }
  for (const auto& [name, tensor] : expected) check_tensor(**checkpoint, name, tensor);
}

INSTANTIATE_TEST_SUITE_P(
    Files, StoredFilesTest,
    testing::Values("zip.pt", "zip_protocol3.pt", "zip_protocol4.pt", "zip_protocol5.pt",
                    "legacy.pt", "legacy_protocol3.pt", "legacy_protocol4.pt",
                    "legacy_protocol5.pt", "deflated.pt", "no_crc.pt", "checkpoint.pt",
                    "objects.pt", "objects_protocol1.pt", "objects_protocol5.pt",
                    "objects_legacy_protocol1.pt", "objects_legacy_protocol5.pt", "root_tuple.pt",
                    "root_list.pt", "root_pairs.pt", "root_class.pt", "two_levels.pt", "arrays.npz",
                    "compressed.npz", "big_endian.npz", "fortran.npz", "versions.npz"),
    [](const auto& file) {
      std::string name = file.param;
      for (char& c : name) c = c == '.' ? '_' : c;
      return name;
    });

TEST(StoredFilesRefusedTest, WholeModelsAndObjects) {
  const auto refusal = [](const char* name) {
    const auto checkpoint = open_checkpoint_file(stored_path(name));
    EXPECT_FALSE(checkpoint.ok()) << name;
    return checkpoint.status().message();
  };
  EXPECT_TRUE(has(refusal("module.pt"), "module.pt': holds an object of class 'torch.nn.modules.",
                  "save model.state_dict() instead of the whole model", "nothing was executed"));
  EXPECT_TRUE(has(refusal("only_object.pt"), "an object of class '__main__.Settings'"));
  EXPECT_TRUE(has(refusal("objects.npz"), "objects.npz': entry 'a.npy'", "pickles"));
}

TEST(StoredScriptTest, HasTheTensorsOfItsModule) {
  const auto opened = open_checkpoint_file(stored_path("script.pt"));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Checkpoint& checkpoint = **opened;
  ASSERT_EQ(checkpoint.tensors().size(), 2U);
  ASSERT_NE(checkpoint.find("weight"), nullptr);
  EXPECT_EQ(checkpoint.find("weight")->shape, (Shape{2, 2}));
  Scratch scratch;
  const auto bias = checkpoint.read(*checkpoint.find("bias"), scratch);
  ASSERT_TRUE(bias.ok());
  EXPECT_NEAR(value_of(*bias, 0), 0.2795, 5e-5);
  EXPECT_NEAR(value_of(*bias, 1), 0.4243, 5e-5);
  EXPECT_TRUE(checkpoint.notes().empty());
}

TEST(StoredProgramTest, HasItsWeightsAndConstants) {
  for (const char* name : {"exported.pt2", "exported_old.pt2"}) {
    SCOPED_TRACE(name);
    const auto opened = open_checkpoint_file(stored_path(name));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const Checkpoint& checkpoint = **opened;
    ASSERT_EQ(checkpoint.tensors().size(), 3U);
    check_tensor(checkpoint, "weight",
                 {DataType::kF32, {2, 3}, {0, 0.125, 0.25, 0.375, 0.5, 0.625}});
    check_tensor(checkpoint, "turned", {DataType::kF32, {3, 2}, {0, 0.75, 0.25, 1, 0.5, 1.25}});
    check_tensor(checkpoint, "positions", {DataType::kF32, {2}, {1, 2}});
    EXPECT_TRUE(checkpoint.find("positions")->is_constant);
    EXPECT_FALSE(checkpoint.find("weight")->is_constant);
  }
}

TEST(StoredObjectsTest, AreNamed) {
  for (const char* name : {"objects.pt", "objects_protocol1.pt", "objects_protocol5.pt",
                           "objects_legacy_protocol1.pt", "objects_legacy_protocol5.pt"}) {
    const auto checkpoint = open_checkpoint_file(stored_path(name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    const auto notes = (*checkpoint)->notes();
    ASSERT_EQ(notes.size(), 1U) << name;
    EXPECT_TRUE(has(notes[0], name, "which were not created", "'__main__.Settings'",
                    "'argparse.Namespace'", "'functools.partial'", "numpy"));
  }
  const auto plain = open_checkpoint_file(stored_path("checkpoint.pt"));
  ASSERT_TRUE(plain.ok());
  EXPECT_TRUE(has(std::string((*plain)->notes()[0]), "numpy"));
  EXPECT_TRUE((*open_checkpoint_file(stored_path("zip.pt")))->notes().empty());
}

TEST(StoredObjectsTest, TensorsOfOtherTypesStandBesideWeights) {
  for (const char* name : {"foreign.pt", "foreign_legacy.pt"}) {
    SCOPED_TRACE(name);
    const auto opened = open_checkpoint_file(stored_path(name));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const Checkpoint& checkpoint = **opened;
    check_tensor(checkpoint, "w", {DataType::kF32, {2, 3}, {0, 0.125, 0.25, 0.375, 0.5, 0.625}});
    check_tensor(checkpoint, "v", {DataType::kF32, {2}, {0.5, 1.5}});
    check_tensor(checkpoint, "f8a", {DataType::kF32, {4}, {1, 1, 1, 1}});
    EXPECT_EQ(type_name(*checkpoint.find("f8a")), "F8_E4M3");
    const std::map<std::string, std::string> types = {{"complex64", "ComplexFloatStorage"},
                                                      {"complex128", "ComplexDoubleStorage"},
                                                      {"conj", "ComplexFloatStorage"},
                                                      {"u16", "uint16"},
                                                      {"u32", "uint32"},
                                                      {"u64", "uint64"},
                                                      {"f8b", "float8_e5m2"},
                                                      {"quantised", "_rebuild_qtensor"},
                                                      {"sparse", "_rebuild_sparse_tensor"},
                                                      {"csr", "_rebuild_sparse_tensor"}};
    for (const auto& [tensor_name, type] : types) {
      const CheckpointTensor* tensor = checkpoint.find(tensor_name);
      ASSERT_NE(tensor, nullptr) << tensor_name;
      EXPECT_EQ(type_name(*tensor), type) << tensor_name;
      Scratch scratch;
      const auto read = checkpoint.read(*tensor, scratch);
      EXPECT_EQ(read.status().code(), StatusCode::kUnsupported);
      EXPECT_TRUE(has(read.status().message(), "'" + tensor_name + "'", type));
    }
  }
}

TEST(StoredParametrizationsTest, AreComputed) {
  auto opened = open_checkpoint_file(stored_path("parametrized.pt"));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  auto plain = make_plain(std::move(*opened));
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  const Checkpoint& checkpoint = *plain->checkpoint;
  constexpr std::string_view kExpected = "expected.";
  size_t compared = 0;
  for (const CheckpointTensor& expected : checkpoint.tensors()) {
    if (!expected.name.starts_with(kExpected)) continue;
    SCOPED_TRACE(expected.name);
    const CheckpointTensor* computed = checkpoint.find(expected.name.substr(kExpected.size()));
    ASSERT_NE(computed, nullptr);
    ASSERT_EQ(computed->shape, expected.shape);
    const auto a = read_f32(checkpoint, *computed);
    const auto b = read_f32(checkpoint, expected);
    ASSERT_TRUE(a.ok() && b.ok());
    for (size_t i = 0; i < b->values.size(); ++i) {
      EXPECT_NEAR(a->values[i], b->values[i], 5e-7 * std::fabs(b->values[i])) << i;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 22U);
  for (const char* gone : {"norm.weight_g", "norm.weight_v", "pruned.weight_mask",
                           "new.parametrizations.weight.original0"}) {
    EXPECT_EQ(checkpoint.find(gone), nullptr) << gone;
  }
  for (const char* name : {"spectral", "new_spectral", "orthogonal"}) {
    const CheckpointTensor* refused = checkpoint.find(std::string(name) + ".weight");
    ASSERT_NE(refused, nullptr) << name;
    EXPECT_TRUE(has(refused->foreign_type, "another parametrization of", name));
  }
}

TEST(StoredFilesMappedTest, UncompressedTensorsAreNotCopied) {
  for (const char* name : {"zip.pt", "no_crc.pt", "legacy.pt", "arrays.npz"}) {
    const auto checkpoint = open_checkpoint_file(stored_path(name));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    Scratch scratch;
    ASSERT_TRUE((*checkpoint)->read(*(*checkpoint)->find("matrix"), scratch).ok());
    EXPECT_TRUE(scratch.empty()) << name;
  }
}

}  // namespace
}  // namespace lanewise::converters

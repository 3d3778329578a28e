#include "converters/families/hf_names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {
namespace {

class TiedTensorsTest : public CheckpointFolderTest {
 protected:
  /// The name of `other` beside `shared`, a matrix of 2 x 3.
  std::string name_of_other(const Tensor& other) {
    Tensor shared(DataType::kF32, {2, 3});
    for (int64_t i = 0; i < 6; ++i) shared.as<float>()[i] = static_cast<float>(i);
    write_tensors("model.safetensors", {{"shared", shared}, {"other", other}});
    const auto checkpoint = open_checkpoint_folder(source_.string());
    EXPECT_TRUE(checkpoint.ok());
    const Result<std::string> name = TiedTensors(**checkpoint, {"shared"}).of("other");
    return name.ok() ? *name : name.status().message();
  }

  static Tensor counted(const Shape& shape) {
    Tensor tensor(DataType::kF32, shape);
    for (int64_t i = 0; i < 6; ++i) tensor.as<float>()[i] = static_cast<float>(i);
    return tensor;
  }
};

TEST_F(TiedTensorsTest, AreOneWhereTypeShapeAndValuesAgree) {
  EXPECT_EQ(name_of_other(counted({2, 3})), "shared");
  EXPECT_EQ(name_of_other(counted({3, 2})), "other");
  EXPECT_EQ(name_of_other(counted({6})), "other");
  Tensor last = counted({2, 3});
  last.as<float>()[5] = 7;
  EXPECT_EQ(name_of_other(last), "other");
  Tensor integers(DataType::kI32, {2, 3});
  std::copy_n(counted({2, 3}).as<int32_t>(), 6, integers.as<int32_t>());
  EXPECT_EQ(name_of_other(integers), "other");
}

}  // namespace
}  // namespace lanewise::converters

// Archives of arrays; stored_files_test.cpp has those that numpy wrote.

#include <gtest/gtest.h>

#include <string>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/elements.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {
namespace {

class NpzTest : public CheckpointFolderTest {
 protected:
  Result<std::unique_ptr<Checkpoint>> open(const std::string& bytes) {
    put("arrays.npz", bytes);
    return open_checkpoint_file(path("arrays.npz"));
  }

  /// An archive of one array, expected to be refused.
  std::string refusal(const std::string& array) {
    const auto opened = open(zip_of({{"w.npy", array}}));
    EXPECT_FALSE(opened.ok());
    if (opened.ok()) return "";
    EXPECT_TRUE(has(opened.status().message(), "arrays.npz': entry 'w.npy'"));
    return opened.status().message();
  }
};

TEST_F(NpzTest, EveryTypeGivesWhatSafetensorsGives) {
  write_all();
  const std::string expected = bytes_of(converted());
  std::filesystem::remove(path("model.safetensors"));
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kF64}) {
    TensorMap typed;
    for (const auto& [name, tensor] : tensors_) {
      typed[name] = type == DataType::kF32 ? tensor : as_type(tensor, type);
    }
    for (const bool deflate : {false, true}) {
      put("weights.npz", npz_of(typed, deflate));
      EXPECT_EQ(bytes_of(converted()), expected) << name_of(type);
    }
  }
  EXPECT_TRUE(convert_path(path("weights.npz")).ok());
  std::filesystem::rename(path("weights.npz"), path("weights.bin"));  // the content counts
  EXPECT_TRUE(convert_path(path("weights.bin")).ok());
}

TEST_F(NpzTest, ReadsFortranOrderAndBigEndian) {
  const std::string bytes("\0\1\0\2\0\3\0\4\0\5\0\6", 12);
  const auto opened = open(zip_of({{"w.npy", npy(">i2", "(2L, 3L)", bytes, true, 2)}}));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Scratch scratch;
  const auto view = (*opened)->read((*opened)->tensors()[0], scratch);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(std::vector<int16_t>(view->as<int16_t>(), view->as<int16_t>() + 6),
            (std::vector<int16_t>{1, 3, 5, 2, 4, 6}));
}

TEST_F(NpzTest, ReadsASmallSquareInFortranOrder) {
  const auto opened =
      open(zip_of({{"w.npy", npy("|i1", "(2, 2)", std::string("\1\2\3\4", 4), true)}}));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Scratch scratch;
  const auto view = (*opened)->read((*opened)->tensors()[0], scratch);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(std::vector<int8_t>(view->as<int8_t>(), view->as<int8_t>() + 4),
            (std::vector<int8_t>{1, 3, 2, 4}));
}

TEST_F(NpzTest, RefusesWhatAreNoNumbers) {
  EXPECT_TRUE(has(refusal(npy("|O", "(1,)", "x")), "objects, which are pickles"));
  for (const char* type : {"<U3", "|S3", "<c8", "<u2", "<f16", "<M8[ns]", "|V4"}) {
    EXPECT_TRUE(has(refusal(npy(type, "(1,)", "xxxx")), "expected f2, f4")) << type;
  }
  std::string records = npy("X", "(1,)", "xxxx");
  records.replace(records.find("'X'"), 3, "[] ");
  EXPECT_TRUE(has(refusal(records), "array of records"));
}

TEST_F(NpzTest, RefusesHeadersThatLie) {
  const std::string four(16, '\1');
  ASSERT_TRUE(open(zip_of({{"w.npy", npy("<f4", "(4,)", four)}})).ok());
  for (const char* shape : {"(3,)", "(5,)", "()", "(4, 0)", "(2, 2, 2)", "(1,)"}) {
    EXPECT_TRUE(has(refusal(npy("<f4", shape, four)), "bytes of elements, expected")) << shape;
  }
  for (const char* shape :
       {"(-4,)", "(4", "4", "(4,,)", "('4',)", "(4.0,)", "(99999999999999999999,)", "None", "(4 4)",
        "(4611686018427387904, 4611686018427387904)", "(9223372036854775807, 16)"}) {
    refusal(npy("<f4", shape, four));
  }
  refusal(npy("<f4", "(" + std::string(200, '1').replace(1, 199, 199, ',') + ")", four));
  for (const char* type : {"", "f4", "=f4", "<", "<f", "<f44", "\\x"}) {
    refusal(npy(type, "(4,)", four));
  }
  std::string array = npy("<f4", "(4,)", four);
  for (size_t size = 0; size < array.size(); ++size) refusal(array.substr(0, size));
  for (const char version : {'\0', '\4', '\xff'}) {
    array[6] = version;
    refusal(array);
  }
  array[6] = 1;
  array[8] = '\xff';
  refusal(array);
  array = npy("<f4", "(4,)", four);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"descr", "color"},
                                                                                 {"False", "Maybe"},
                                                                                 {"{", "["},
                                                                                 {"}", "x"},
                                                                                 {"', ", "'  "},
                                                                                 {"shape", "descr"},
                                                                                 {": (", "  ("}}) {
    std::string lie = array;
    lie.replace(lie.find(from), from.size(), to);
    refusal(lie);
  }
  array[array.size() - four.size() - 1] = 'x';  // replaces the line feed that ends the header
  refusal(array);
}

TEST_F(NpzTest, RefusesDamagedArchives) {
  const std::string good = npy("<f4", "(4,)", std::string(16, '\1'));
  EXPECT_FALSE(open(zip_of({{"w.npy", good}, {"readme.txt", "x"}})).ok());
  EXPECT_FALSE(open(zip_of({{"w.npy", good}, {"w.npy", good}})).ok());
  EXPECT_FALSE(open(zip_of({{"../w.npy", good}})).ok());
  const std::string archive = zip_of({{"w.npy", good}});
  for (size_t size = 0; size < archive.size(); ++size) {
    EXPECT_FALSE(open(archive.substr(0, size)).ok()) << size;
  }
  ZipFile wrong{"w.npy", good};
  wrong.crc = 1;
  const auto opened = open(zip_of({wrong}));
  ASSERT_TRUE(opened.ok());
  const auto values = read_f32(**opened, (*opened)->tensors()[0]);
  ASSERT_FALSE(values.ok());
  EXPECT_TRUE(has(values.status().message(), "entry 'w.npy' is damaged", "CRC"));
}

}  // namespace
}  // namespace lanewise::converters

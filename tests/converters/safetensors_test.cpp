#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/read_file.hpp"

namespace lanewise::converters {
namespace {

class SafetensorsTest : public CheckpointFolderTest {
 protected:
  /// Two shards and their index.
  void write_shards() {
    write_all();
    std::filesystem::remove(path("model.safetensors"));
    TensorMap shards[2];
    std::string map;
    int i = 0;
    for (const auto& [name, tensor] : tensors_) {
      const int shard = i++ % 3 == 0 ? 1 : 0;
      shards[shard][name] = tensor;
      map += (map.empty() ? "\"" : ", \"") + name + "\": \"" + kShards[shard] + "\"";
    }
    for (int shard = 0; shard < 2; ++shard) write_tensors(kShards[shard], shards[shard]);
    write_index(map);
  }

  void write_index(const std::string& map) {
    put("model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {" + map + "}}");
  }

  static constexpr const char* kShards[] = {"model-00001-of-00002.safetensors",
                                            "model-00002-of-00002.safetensors"};
};

TEST_F(SafetensorsTest, EveryTypeGivesWhatF32Gives) {
  write_all();
  const std::string expected = bytes_of(converted());
  for (const DataType type : {DataType::kF16, DataType::kBF16, DataType::kF64}) {
    TensorMap narrow;
    for (const auto& [name, tensor] : tensors_) narrow[name] = as_type(tensor, type);
    write_tensors("model.safetensors", narrow);
    EXPECT_EQ(bytes_of(converted()), expected) << name_of(type);
  }
}

TEST_F(SafetensorsTest, MisalignedTensorsGiveTheSame) {
  write_all();
  const std::string expected = bytes_of(converted());
  std::string bytes = test::read_file(path("model.safetensors"));
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes.insert(8 + length, " ");  // White space may end the header.
  ++length;
  std::memcpy(bytes.data(), &length, sizeof(length));
  put("model.safetensors", bytes);
  EXPECT_EQ(bytes_of(converted()), expected);
}

TEST_F(SafetensorsTest, TakesAnyNameIfThereIsOneFile) {
  write_all();
  std::filesystem::rename(path("model.safetensors"), path("weights.safetensors"));
  put(".hidden.safetensors", "");
  converted();
  std::filesystem::remove(destination());
  put("others.safetensors", "");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument),
                  "several checkpoints, name one: 'others.safetensors', 'weights.safetensors'"));
  EXPECT_TRUE(convert_path(path("weights.safetensors")).ok());
}

TEST_F(SafetensorsTest, NamesDamagedFiles) {
  write_all();
  std::filesystem::resize_file(path("model.safetensors"), 2000);
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "model.safetensors"));
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss, path("model.safetensors")), "model.safetensors"));
  put("model.safetensors", "PK");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "model.safetensors"));
  put("model.safetensors", "");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "model.safetensors"));
  put("notes.md", "# not a checkpoint, whatever its length may be");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss, path("notes.md")),
                  "not a checkpoint in a known format: safetensors"));
}

TEST_F(SafetensorsTest, JoinsShards) {
  write_all();
  const std::string expected = bytes_of(converted());
  write_shards();
  const ConvertedFile out = converted();
  EXPECT_EQ(bytes_of(out), expected);
  const std::string& provenance = out.metadata("lanewise.provenance");
  EXPECT_TRUE(has(provenance, kShards[0], kShards[1], "model.safetensors.index.json"));
  EXPECT_TRUE(convert_path(path("model.safetensors.index.json")).ok());
}

TEST_F(SafetensorsTest, NamesEveryMissingShard) {
  write_shards();
  for (const char* shard : kShards) std::filesystem::remove(path(shard));
  EXPECT_TRUE(
      has(failure(StatusCode::kNotFound), "these shards are missing: ", kShards[0], kShards[1]));
}

TEST_F(SafetensorsTest, RefusesIndicesThatLie) {
  write_shards();
  for (const char* shard : {"../x", "/etc/passwd", "a/../../x", "", "."}) {
    write_index(std::string("\"embeddings.LayerNorm.bias\": \"") + shard + "\"");
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "must be a file name in this folder"));
  }
  write_index(std::string("\"embeddings.LayerNorm.bias\": \"") + kShards[0] + "\"");
  EXPECT_TRUE(
      has(failure(StatusCode::kNotFound), "tensors are missing", "'embeddings.LayerNorm.b"));
  write_index(std::string("\"embeddings.LayerNorm.bias\": \"") + kShards[0] + "\", \"x\": \"" +
              kShards[1] + "\"");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "'embeddings.LayerNorm.bias' is not in 'model-"));
  write_index("\"a\": 3");
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "'weight_map': expected an object of str"));
  put("model.safetensors.index.json", "{}");
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "'weight_map': expected", "found nothing"));
  put("model.safetensors.index.json", "[]");
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "index.json': expected an object"));
}

TEST_F(SafetensorsTest, RefusesATensorInTwoShards) {
  write_shards();
  write_tensors(kShards[0], tensors_);
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "is in another shard too"));
}

TEST_F(SafetensorsTest, TiedNamesStandInTheMetadata) {
  write_all();
  const std::string expected = bytes_of(converted());
  // safetensors.torch.save_model(): one of several identical tensors is kept, and the names of the
  // others map to it.
  const std::string kept = "encoder.layer.0.output.dense.bias";
  const std::string removed = "encoder.layer.1.output.dense.bias";
  tensors_[removed] = tensors_[kept];
  write();
  const std::string tied = bytes_of(converted());
  EXPECT_NE(tied, expected);
  tensors_.erase(removed);
  for (const bool prefixed : {false, true}) {
    const std::string prefix = prefixed ? "module." : "";
    if (prefixed) add_prefix(prefix);
    write_tensors("model.safetensors", tensors_,
                  {{"format", "pt"}, {prefix + removed, prefix + kept}, {"x", "not a tensor"}});
    EXPECT_EQ(bytes_of(converted()), tied);
  }
}

TEST_F(SafetensorsTest, MetadataReplacesNoTensor) {
  write_all();
  const std::string expected = bytes_of(converted());
  write_tensors("model.safetensors", tensors_,
                {{"encoder.layer.1.output.dense.bias", "encoder.layer.0.output.dense.bias"}});
  EXPECT_EQ(bytes_of(converted()), expected);
}

TEST_F(SafetensorsTest, AnIndexMayNameATiedTensorThatNoShardHas) {
  write_all();
  const std::string expected = bytes_of(converted());
  write_shards();
  std::string map = "\"cls.predictions.decoder.weight\": \"" + std::string(kShards[0]) + "\"";
  int i = 0;
  for (const auto& [name, tensor] : tensors_) {
    map += ", \"" + name + "\": \"" + kShards[i++ % 3 == 0 ? 1 : 0] + "\"";
  }
  write_index(map);
  EXPECT_EQ(bytes_of(converted()), expected);
  EXPECT_TRUE(reported("in none of the shards: 'cls.predictions.decoder.weight'"));
}

TEST_F(SafetensorsTest, OnlyUsedTensorsNeedTypesThatAreKnown) {
  write_all();
  const std::string expected = bytes_of(converted());
  const auto with = [&](const std::string& name, const std::string& type, size_t bytes) {
    // A tensor in the file is not tied to another one, whatever its type.
    write_tensors("model.safetensors", tensors_, {{"scale", "embeddings.LayerNorm.weight"}});
    const std::string whole = test::read_file(path("model.safetensors"));
    uint64_t length = 0;
    std::memcpy(&length, whole.data(), sizeof(length));
    std::string header = whole.substr(8, length);
    header.resize(header.rfind('}'));
    const size_t begin = whole.size() - 8 - length;
    header += ",\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":[4],\"data_offsets\":[" +
              std::to_string(begin) + "," + std::to_string(begin + bytes) + "]}}";
    length = header.size();
    put("model.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + header +
                                 whole.substr(8 + (whole.size() - 8 - begin)) +
                                 std::string(bytes, 'x'));
  };
  struct Type {
    const char* name;
    size_t bytes;
  };
  for (const Type& type :
       {Type{"U16", 8}, Type{"U32", 16}, Type{"U64", 32}, Type{"F8_E4M3", 4}, Type{"F8_E5M2", 4},
        Type{"C64", 32}, Type{"BOOL", 4}, Type{"I64", 32}, Type{"F4", 2}}) {
    SCOPED_TRACE(type.name);
    with("scale", type.name, type.bytes);
    reports_.clear();
    EXPECT_EQ(bytes_of(converted()), expected);
    EXPECT_TRUE(reported("1 tensor is unused: 'scale'"));
  }
  tensors_.erase("embeddings.LayerNorm.bias");
  std::filesystem::remove(destination());
  for (const Type& type : {Type{"U16", 8}, Type{"F8_E5M2", 4}}) {
    with("embeddings.LayerNorm.bias", type.name, type.bytes);
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "1 tensor has an unsupported type",
                    std::string("'embeddings.LayerNorm.bias' ") + type.name));
  }
}

}  // namespace
}  // namespace lanewise::converters

// Archives of torch.export.save(), in both layouts, whole and damaged.

#include "converters/formats/exported_program.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "converters/formats/elements.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {
namespace {

std::string sizes(const Shape& shape) {
  std::string json = "[";
  for (const int64_t size : shape) {
    json +=
        (json.size() > 1 ? ", " : "") + std::string(R"({"as_int": )") + std::to_string(size) + "}";
  }
  return json + "]";
}

/// One tensor of a config.
struct Payload {
  std::string file = "weight_0";
  int type = 7;
  Shape shape = {2, 3};
  Shape strides = {3, 1};
  int offset = 0;
  int layout = 7;
  std::string pickled = "false";

  std::string json() const {
    return R"({"path_name": ")" + file + R"(", "use_pickle": )" + pickled +
           R"(, "tensor_meta": {"dtype": )" + std::to_string(type) + R"(, "sizes": )" +
           sizes(shape) + R"(, "strides": )" + sizes(strides) +
           R"(, "storage_offset": {"as_int": )" + std::to_string(offset) + R"(}, "layout": )" +
           std::to_string(layout) + "}}";
  }
};

std::string config_of(const std::vector<std::pair<std::string, Payload>>& tensors) {
  std::string json = R"({"config": {)";
  for (const auto& [name, payload] : tensors) {
    json += (json.ends_with('{') ? "\"" : ", \"") + name + "\": " + payload.json();
  }
  return json + "}}";
}

std::string floats(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

class ExportedProgramTest : public CheckpointFolderTest {
 protected:
  void write_archive(const std::vector<ZipFile>& files) { put("model.pt2", zip_of(files)); }
  void write_config_of(const std::string& config) {
    write_archive({{"new/data/weights/weight_0", floats(6)},
                   {"new/data/weights/model_weights_config.json", config},
                   {"new/models/model.json", "{}"}});
  }
  auto opened() { return open_checkpoint_file(path("model.pt2")); }
  std::string refusal() {
    const auto checkpoint = opened();
    EXPECT_FALSE(checkpoint.ok());
    return checkpoint.status().message();
  }
  static std::vector<float> values(const Checkpoint& checkpoint, const std::string& name) {
    const auto read = read_f32(checkpoint, *checkpoint.find(name));
    EXPECT_TRUE(read.ok()) << read.status().message();
    return {read->values.begin(), read->values.end()};
  }
};

TEST_F(ExportedProgramTest, HasWeightsViewsAndConstants) {
  write_archive({{"new/data/weights/weight_0", floats(6)},
                 {"new/data/weights/model_weights_config.json",
                  config_of({{"a.weight", {}},
                             {"tied", {}},
                             {"turned", {.shape = {3, 2}, .strides = {1, 3}}},
                             {"row", {.shape = {3}, .strides = {1}, .offset = 3}}})},
                 {"new/data/constants/tensor_0", floats(2)},
                 {"new/data/constants/model_constants_config.json",
                  config_of({{"c", {.file = "tensor_0", .shape = {2}, .strides = {1}}},
                             {"object", {.file = "custom_obj_0"}}})},
                 {"new/byteorder", "little"}});
  const auto checkpoint = opened();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ((*checkpoint)->tensors().size(), 5U);
  EXPECT_EQ(values(**checkpoint, "a.weight"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values(**checkpoint, "tied"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(values(**checkpoint, "turned"), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(**checkpoint, "row"), (std::vector<float>{3, 4, 5}));
  EXPECT_TRUE((*checkpoint)->find("c")->is_constant);
  EXPECT_FALSE((*checkpoint)->find("row")->is_constant);
}

TEST_F(ExportedProgramTest, OlderOnesAreFilesOfTorchSave) {
  const TorchTensors torch = torch_tensors(tensors_);
  TensorMap constants;
  constants["mask"] = Tensor(DataType::kF32, {2});
  const TorchTensors more = torch_tensors(constants);
  write();
  const std::string expected = bytes_of(converted());
  std::filesystem::remove(path("model.safetensors"));
  for (const bool deflate : {false, true}) {
    for (const char* folder : {"serialized_state_dict.pt", "a/data/weights/model.pt"}) {
      const bool old = *folder == 's';
      write_archive({{folder, torch_zip(torch.pickle, torch.storages), deflate},
                     {old ? "serialized_constants.pt" : "a/data/constants/model.pt",
                      torch_zip(more.pickle, more.storages), deflate}});
      EXPECT_TRUE(bytes_of(converted()) == expected) << folder;
      reports_.clear();
      EXPECT_TRUE(convert_folder().ok());
      EXPECT_TRUE(reported("1 tensor is ignored")) << folder;
    }
  }
}

TEST_F(ExportedProgramTest, TypesWithoutADataTypeAreListed) {
  write_config_of(config_of({{"pickled", {.pickled = "true"}},
                             {"complex", {.type = 10}},
                             {"sparse", {.layout = 1}},
                             {"f8", {.type = 29, .shape = {4}, .strides = {1}}}}));
  const auto checkpoint = opened();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  for (const auto& [name, type] :
       std::vector<std::pair<std::string, std::string>>{{"pickled", "pickled object"},
                                                        {"complex", "torch.ScalarType 10"},
                                                        {"sparse", "torch.Layout 1"}}) {
    Scratch scratch;
    const CheckpointTensor& tensor = *(*checkpoint)->find(name);
    EXPECT_EQ(tensor.foreign_type, type);
    EXPECT_EQ((*checkpoint)->read(tensor, scratch).status().code(), StatusCode::kUnsupported);
  }
  EXPECT_EQ(values(**checkpoint, "f8"), (std::vector<float>{0, 0, 0, 0}));
}

TEST_F(ExportedProgramTest, RefusesWhatIsInconsistent) {
  for (const auto& [config, part] : std::vector<std::pair<std::string, std::string>>{
           {"not JSON", "model_weights_config.json"},
           {"{}", "'config'"},
           {R"({"config": {"a": 1}})", "'a'"},
           {R"({"config": {"a": {}}})", "'path_name'"},
           {config_of({{"a", {.file = "weight_9"}}}), "no entry"},
           {config_of({{"a", {.file = "../weight_0"}}}), "no entry"},
           {config_of({{"a", {.shape = {2, 4}, .strides = {4, 1}}}}), "beyond the storage"},
           {config_of({{"a", {.offset = 1}}}), "beyond the storage"},
           {config_of({{"a", {.strides = {3}}}}), "differ"},
           {config_of({{"a", {.shape = {1 << 30, 1 << 30}, .strides = {0, 0}}}}), "too often"}}) {
    write_config_of(config);
    EXPECT_TRUE(has(refusal(), "model.pt2", part)) << config;
  }
  const std::string one = config_of({{"a", {}}});
  write_archive({{"new/data/weights/weight_0", floats(6)},
                 {"new/data/weights/model_weights_config.json", one},
                 {"new/data/weights/other_weights_config.json", one}});
  EXPECT_TRUE(has(refusal(), "several exported programs"));
  write_archive({{"new/data/weights/weight_0", floats(6)},
                 {"new/data/weights/model_weights_config.json", one},
                 {"new/data/constants/weight_0", floats(6)},
                 {"new/data/constants/model_constants_config.json", one}});
  EXPECT_TRUE(has(refusal(), "'a' is both a weight and a constant"));
  write_archive({{"serialized_state_dict.pt", "no archive"}});
  EXPECT_TRUE(has(refusal(), "serialized_state_dict.pt"));
}

}  // namespace
}  // namespace lanewise::converters

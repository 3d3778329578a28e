// Files of torch.save(), as it wrote or could have written them. stored_files_test.cpp has real
// ones.

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/elements.hpp"
#include "tests/converters/pytorch_file.hpp"

namespace lanewise::converters {
namespace {

using namespace pickled;

// --- The same model in every form of checkpoint ---

TEST_F(PytorchTest, EveryFormAndTypeGivesWhatSafetensorsGives) {
  const std::string expected = expected_model();
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kF64}) {
    TensorMap typed;
    for (const auto& [name, tensor] : tensors_) {
      typed[name] = type == DataType::kF32 ? tensor : as_type(tensor, type);
    }
    const TorchTensors torch = torch_tensors(typed);
    put("pytorch_model.bin", torch_zip(torch.pickle, torch.storages));
    EXPECT_EQ(bytes_of(converted()), expected) << name_of(type);
    put("pytorch_model.bin", torch_zip(torch.pickle, torch.storages, true));
    EXPECT_EQ(bytes_of(converted()), expected) << name_of(type) << ", deflated";
    put("pytorch_model.bin", torch_legacy(torch.pickle, torch.storages, torch.element_bytes));
    EXPECT_EQ(bytes_of(converted()), expected) << name_of(type) << ", legacy";
  }
}

TEST_F(PytorchTest, JoinsShards) {
  const std::string expected = expected_model();
  TensorMap shards[2];
  std::string map;
  for (const auto& [name, tensor] : tensors_) {
    const size_t shard = map.size() % 2;
    shards[shard][name] = tensor;
    map += (map.empty() ? "\"" : ", \"") + name + "\": \"part-" + std::to_string(shard) + ".bin\"";
  }
  for (size_t i = 0; i < 2; ++i) {
    const TorchTensors torch = torch_tensors(shards[i]);
    put("part-" + std::to_string(i) + ".bin", torch_zip(torch.pickle, torch.storages));
  }
  put("pytorch_model.bin.index.json", "{\"weight_map\": {" + map + "}}");
  const ConvertedFile out = converted();
  EXPECT_EQ(bytes_of(out), expected);
  EXPECT_TRUE(has(out.metadata("lanewise.provenance"), "part-0.bin", "part-1.bin", "index.json"));
  std::filesystem::remove(destination());
  std::filesystem::remove(path("part-1.bin"));
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "these shards are missing: 'part-1.bin'"));
}

TEST_F(PytorchTest, SafetensorsComeFirstAndTrainersFilesDoNotCount) {
  write_all();
  put("pytorch_model.bin", "damaged");
  converted();
  std::filesystem::remove(destination());
  std::filesystem::remove(path("model.safetensors"));
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "'", "is not a file written by torch.save()"));
  std::filesystem::remove(path("pytorch_model.bin"));
  put("optimizer.pt", "");
  put("training_args.bin", "");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "contains no weights", ".pth", ".npz"));
  const TorchTensors torch = torch_tensors(tensors_);
  put("best.pth", torch_zip(torch.pickle, torch.storages));
  converted();
  EXPECT_TRUE(convert_path(path("best.pth")).ok());
  std::filesystem::remove(destination());
  put("last.pt", "");
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'best.pth', 'last.pt'"));
}

// --- State dicts ---

TEST_F(PytorchTest, FindsNestedStateDicts) {
  const std::string weights = dict({{"w", tensor(four(), {4})}, {"step", integer(3)}});
  const std::string adam = dict({{"state", dict({{"0", dict({{"m", tensor(four(), {4})}})}})},
                                 {"param_groups", "](" + dict({{"lr", integer(1)}}) + "e"}});
  for (const char* name : {"state_dict", "model", "model_state_dict", "anything"}) {
    const auto checkpoint = opened(torch_zip(pickle(dict({{"epoch", integer(2)},
                                                          {"optimizer", adam},
                                                          {"text", text("x")},
                                                          {"list",
                                                           "](NK\1\x88"
                                                           "e"},
                                                          {name, weights}})),
                                             {{"0", kFour}}));
    ASSERT_NE(checkpoint, nullptr);
    ASSERT_EQ(checkpoint->tensors().size(), 1U) << name;
    EXPECT_EQ(checkpoint->tensors()[0].name, "w");
  }
  const std::string two = dict({{"encoder", weights}, {"decoder", weights}});
  expect_refused(pickle(two), "holds several state dicts, save one: 'decoder', 'encoder'");
  expect_refused(pickle(dict({{"a", integer(1)}})), "holds no state dict");
  expect_refused(pickle(tensor(four(), {4})), "expected a state dict");
}

TEST_F(PytorchTest, TakesAttributesOfStateDictsAndTensors) {
  const std::string ordered = call(global("collections", "OrderedDict"), ")");
  const std::string attributes =
      call(global("torch._tensor", "_rebuild_from_type_v2"),
           tuple({kRebuild, global("torch.nn.parameter", "Parameter"),
                  tuple({four(), integer(0), tuple({2, 2}), tuple({2, 1}), "\x89", "N"}),
                  dict({{"is_shared", "\x88"}})}));
  const auto checkpoint = opened(
      torch_zip(pickle(ordered + "(" + text("w") + attributes + "u" +
                       dict({{"_metadata", dict({{"", dict({{"version", integer(1)}})}})}}) + "b"),
                {{"0", kFour}}));
  ASSERT_NE(checkpoint, nullptr);
  EXPECT_EQ(checkpoint->tensors()[0].shape, (Shape{2, 2}));
}

TEST_F(PytorchTest, ReadsPython2sDictsAndViewsOfStorages) {
  // ('storage', type, key, device, elements, (view key, offset, elements)) of PyTorch 0.3.
  const std::string view =
      tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
             tuple({text("1"), integer(1), integer(2)})}) +
      "Q";
  const std::string pairs = "](](" + text("w") +
                            call(global("torch._utils", "_rebuild_tensor"),
                                 tuple({view, integer(1), tuple({1}), tuple({1})})) +
                            "ee";
  const float floats[] = {1, 2, 3, 4};
  const std::string bytes(reinterpret_cast<const char*>(floats), sizeof(floats));
  const auto checkpoint = opened(torch_legacy(
      pickle(call(global("collections", "OrderedDict"), tuple({pairs}))), {{"0", bytes}}, {4}));
  ASSERT_NE(checkpoint, nullptr);
  Scratch scratch;
  const auto read = checkpoint->read(checkpoint->tensors()[0], scratch);
  ASSERT_TRUE(read.ok());
  float value = 0;
  std::memcpy(&value, read->data, sizeof(value));
  EXPECT_EQ(value, 3);
}

TEST_F(PytorchTest, SwapsTheBytesOfBigEndianFiles) {
  const auto checkpoint =
      opened(zip_of({{"a/data.pkl", with_tensor(tensor(storage("FloatStorage", "0", 1), {1}))},
                     {"a/byteorder", "big"},
                     {"a/data/0", std::string("\x3f\x80\0\0", 4)}}));
  ASSERT_NE(checkpoint, nullptr);
  const auto values = read_f32(*checkpoint, checkpoint->tensors()[0]);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->values[0], 1.0F);
}

}  // namespace
}  // namespace lanewise::converters

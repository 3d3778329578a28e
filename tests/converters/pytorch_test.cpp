// Files of torch.save(), most of them such as it never wrote. stored_files_test.cpp has real ones.

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "converters/formats/elements.hpp"
#include "converters/formats/pickle.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {
namespace {

using namespace pickled;

const std::string kRebuild = global("torch._utils", "_rebuild_tensor_v2");
const std::string kFour(16, '\1');  // Bytes of four floats.

std::string with_tensor(const std::string& tensor_pickle) {
  return pickle(dict({{"w", tensor_pickle}}));
}

std::string four(const std::string& key = "0") { return storage("FloatStorage", key, 4); }

class PytorchTest : public CheckpointFolderTest {
 protected:
  /// The message when the file is opened, which must fail without executing anything.
  std::string refusal(const std::string& bytes) {
    put("model.pt", bytes);
    const auto opened = open_checkpoint_file(path("model.pt"));
    EXPECT_FALSE(opened.ok());
    EXPECT_FALSE(std::filesystem::exists(marker()));
    if (opened.ok()) return "";
    const std::string& message = opened.status().message();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 1000U);
    EXPECT_TRUE(has(message, "model.pt'"));
    return message;
  }

  /// The same pickle in both forms, with a storage of four floats.
  void expect_refused(const std::string& pickle_bytes, const std::string& part) {
    EXPECT_TRUE(has(refusal(torch_zip(pickle_bytes, {{"0", kFour}})), part));
    EXPECT_TRUE(has(refusal(torch_legacy(pickle_bytes, {}, {})), part));
  }

  std::unique_ptr<Checkpoint> opened(const std::string& bytes) {
    put("model.pt", bytes);
    auto checkpoint = open_checkpoint_file(path("model.pt"));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    return checkpoint.ok() ? std::move(*checkpoint) : nullptr;
  }

  /// Fails when the file is opened, or when its one tensor is read.
  void expect_unreadable(const std::string& bytes) {
    put("model.pt", bytes);
    const auto checkpoint = open_checkpoint_file(path("model.pt"));
    if (!checkpoint.ok()) return;
    Scratch scratch;
    EXPECT_FALSE((*checkpoint)->read((*checkpoint)->tensors()[0], scratch).ok());
  }

  std::string expected_model() {
    write_all();
    const std::string expected = bytes_of(converted());
    std::filesystem::remove(path("model.safetensors"));
    return expected;
  }

  std::string marker() const { return (root_ / "marker").string(); }
};

// --- The same model, whatever its checkpoint is stored as ---

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
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "'", "is not a file of torch.save()"));
  std::filesystem::remove(path("pytorch_model.bin"));
  put("optimizer.pt", "");
  put("training_args.bin", "");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "holds no weights", ".pth", ".npz"));
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

// --- Pickles that want to run code ---

TEST_F(PytorchTest, ExecutesNothing) {
  const std::string touch = tuple({text("touch " + marker())});
  const std::string python = tuple({text("open('" + marker() + "', 'w')")});
  struct Wanted {
    const char* module;
    const char* name;
  };
  constexpr Wanted kWanted[] = {{"os", "system"},
                                {"posix", "system"},
                                {"nt", "system"},
                                {"os", "popen"},
                                {"os", "execv"},
                                {"os", "remove"},
                                {"subprocess", "Popen"},
                                {"subprocess", "call"},
                                {"subprocess", "check_output"},
                                {"builtins", "eval"},
                                {"builtins", "exec"},
                                {"__builtin__", "eval"},
                                {"builtins", "__import__"},
                                {"builtins", "getattr"},
                                {"builtins", "open"},
                                {"builtins", "compile"},
                                {"importlib", "import_module"},
                                {"runpy", "run_path"},
                                {"pickle", "loads"},
                                {"_pickle", "loads"},
                                {"io", "open"},
                                {"shutil", "rmtree"},
                                {"socket", "create_connection"},
                                {"webbrowser", "open"},
                                {"functools", "partial"},
                                {"operator", "attrgetter"},
                                {"copyreg", "_reconstructor"},
                                {"codecs", "decode"},
                                {"pty", "spawn"},
                                {"code", "interact"},
                                {"timeit", "timeit"},
                                {"numpy", "load"},
                                {"numpy.f2py.crackfortran", "getlincoef"},
                                {"__main__", "Model"},
                                {"collections", "OrderedDict.__init__.__globals__"},
                                {"collections.OrderedDict", "__new__"},
                                {"", ""},
                                {"os.system\r", "x"},
                                {"types", "CodeType"},
                                {"asyncio", "run"}};
  for (const Wanted& wanted : kWanted) {
    for (const std::string& arguments : {touch, python}) {
      const std::string name = std::string(wanted.module) + "." + wanted.name;
      const std::string part =
          wanted.module[0] == '\0' || name.find('\r') != std::string::npos
              ? "pickle wants to call '"
              : "pickle wants to call '" + name + "', which no state dict needs";
      const std::string attack = call(global(wanted.module, wanted.name), arguments);
      expect_refused(pickle(attack), part);
      expect_refused(with_tensor(attack), part);  // Nested in a state dict.
      const std::string computed =
          text(wanted.module) + text(wanted.name) + "\x93" + arguments + "R";
      expect_refused(pickle(dict({{"w", tensor(four(), {4})}, {"x", computed}}), 4), part);
    }
  }
  expect_refused(pickle(call(global("os", "system"), touch)), "; nothing was executed");
}

TEST_F(PytorchTest, SaysWhatOfTorchIsNotSupported) {
  expect_refused(pickle(global("torch._utils", "_rebuild_sparse_tensor")),
                 "'torch._utils._rebuild_sparse_tensor', which is not supported");
  expect_refused(pickle(global("torch", "QInt8Storage")), "'torch.QInt8Storage'");
  expect_refused(pickle(global("torch.storage", "_load_from_bytes")), "nothing was executed");
  expect_refused(pickle(global("torch", "load")), "nothing was executed");
  expect_refused(pickle(global("torch.hub", "load")), "nothing was executed");
  expect_refused(pickle(global("torch.nn.modules.linear", "Linear")), "save model.state_dict()");
  expect_refused(pickle(global("__main__", "Net")), "save model.state_dict()");
}

TEST_F(PytorchTest, RefusesOpcodesThatMakeObjects) {
  const std::string ordered = global("collections", "OrderedDict");
  const std::string none = "which no state dict needs; nothing was executed";
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"INST", "(" + text("touch") + "ios\nsystem\n"},
           {"OBJ", "(" + ordered + "o"},
           {"NEWOBJ", ordered + ")\x81"},
           {"NEWOBJ_EX", ordered + ")}\x92"},
           {"EXT1", "\x82\1"},
           {"EXT2", std::string("\x83\1\0", 3)},
           {"EXT4", std::string("\x84\1\0\0\0", 5)},
           {"PERSID", "P0\n"},
           {"NEXT_BUFFER", "\x97"},
           {"READONLY_BUFFER", "N\x98"},
           {"INT", "I1\n"},
           {"LONG", "L1L\n"},
           {"FLOAT", "F1.0\n"},
           {"STRING", "S'x'\n"},
           {"UNICODE", "Vx\n"},
           {"PUT", "Np0\n"},
           {"GET", "g0\n"}}) {
    expect_refused(pickle(bytes), "opcode " + name + " at byte ");
    expect_refused(with_tensor(bytes), none);
  }
}

TEST_F(PytorchTest, RefusesCallsOfOtherThings) {
  const std::string what = "pickle wants to call what is no function";
  expect_refused(pickle(call(four(), tuple({text("x")}))), what);  // REDUCE of a persistent id.
  expect_refused(pickle(call(text("os.system"), tuple({text("x")}))), what);
  expect_refused(pickle(call(tensor(four(), {4}), ")")), what);
  expect_refused(pickle(call(call(global("collections", "OrderedDict"), ")"), ")")), what);
  expect_refused(pickle(call(global("collections", "OrderedDict"), "]")), what);
  expect_refused(pickle("\x8c\2os" + integer(3) + "\x93", 4), "a name that is no text");
  expect_refused(pickle(")" + text("system") + "\x93", 4), "a name that is no text");
  expect_refused(pickle(call(global("torch", "FloatStorage"), ")")), "as a type");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({integer(1)}))), "pairs");
  expect_refused(pickle(call(global("collections", "OrderedDict"), tuple({"]Na"}))), "pairs");
  expect_refused(pickle(call(global("torch", "Size"), tuple({integer(1)}))), "a tuple of sizes");
  const std::string from_type = global("torch._tensor", "_rebuild_from_type_v2");
  expect_refused(pickle(call(from_type, tuple({from_type, "N", ")", "N"}))), "rebuilds a tensor");
  expect_refused(pickle(call(from_type, tuple({global("torch", "device"), "N", ")", "N"}))),
                 "rebuilds a tensor");
  expect_refused(pickle(call(global("torch._utils", "_rebuild_parameter"), tuple({"N"}))),
                 "a tensor");
}

TEST_F(PytorchTest, RefusesAttributesOfOtherThings) {
  const std::string part = "pickle sets attributes of what is no state dict";
  for (const std::string& state : {dict({{"data", integer(1)}}), tuple({text("x")}),
                                   std::string("N"), dict({{"__class__", text("x")}})}) {
    expect_refused(with_tensor(tensor(four(), {4}) + state + "b"), part);
    expect_refused(pickle("]" + state + "b"), part);
  }
  expect_refused(pickle("}Nb"), part);
  expect_refused(pickle(global("collections", "OrderedDict") + "}b"), part);
}

// --- Damaged pickles ---

TEST_F(PytorchTest, RefusesDamagedPickles) {
  const std::string four_bytes("\xff\xff\xff\x7f", 4);
  const std::string eight_bytes("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
  const std::string most("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  for (const auto& [bytes, part] : std::vector<std::pair<std::string, std::string>>{
           {"h\7", "memo entry 7 was never set"},
           {"j" + four_bytes, "was never set"},
           {"Nq\3h\2", "memo entry 2 was never set"},
           {"Nr" + four_bytes, "too many memo entries"},
           {"\x8b" + four_bytes, "bytes where"},
           {"X" + four_bytes + "x", "bytes where"},
           {"T" + four_bytes + "x", "bytes where"},
           {"B" + four_bytes + "x", "bytes where"},
           {"\x8d" + eight_bytes + "x", "bytes where"},
           {"\x8d" + most + "x", "bytes where"},
           {"\x8e" + most + "x", "bytes where"},
           {"\x96" + most + "x", "bytes where"},
           {"\x95" + most + "N", "frame"},
           {"\x80\6N", "protocol 6"},
           {"\x80\1N", "protocol 1"},
           {"\xff", "no opcode at byte 2"},
           {"", "stack is empty"},
           {"R", "stack is empty"},
           {"N0"
            "0",
            "stack is empty"},
           {"N2", "stack is not empty at the end"},
           {"N(", "stack is empty"},
           {"(N(", "stack is empty"},
           {"e", "no mark"},
           {"t", "no mark"},
           {"1", "no mark"},
           {"(e", "stack is empty"},
           {"N(Ne", "no list, dict or set"},
           {"](NNu", "no list, dict or set"},
           {"}(Nu", "a key without a value"},
           {"(Nd", "a key without a value"},
           {"]N(\x87", "stack is empty"},
           {"NQ", "persistent id"},
           {tuple({text("storage")}) + "Q", "persistent id"},
           {tuple({text("module"), global("torch", "FloatStorage"), text("0"), "N", integer(4)}) +
                "Q",
            "persistent id"},
           {tuple({text("storage"), global("torch", "Size"), text("0"), "N", integer(4)}) + "Q",
            "persistent id"},
           {tuple({text("storage"), "N", text("0"), "N", integer(4)}) + "Q", "persistent id"},
           {storage("FloatStorage", "0", -4), "persistent id"},
           {tuple({text("storage"), global("torch", "FloatStorage"), text("0"), "N", integer(4),
                   tuple({text("0"), integer(3), integer(2)})}) +
                "Q",
            "leaves its storage"}}) {
    expect_refused(pickle(bytes), part);
  }
  expect_refused("N.", "expected a pickle of protocol 2 to 5");
  expect_refused("\x80\2cos", "ends before its STOP");
}

TEST_F(PytorchTest, StaysWithinLimits) {
  expect_refused(pickle(std::string(2000, '(')), "nested too deeply");
  const std::string many = pickle(std::string((1U << 22) + 1, ']'));
  const auto read = read_pickle(std::as_bytes(std::span(many)), 0);
  EXPECT_TRUE(has(read.status().message(), "too many objects"));
  // Nested or self-referential lists: no depth of ours follows theirs.
  const std::string nested = std::string(100'000, ']') + std::string(99'999, 'a');
  expect_refused(pickle(nested), "expected a state dict");
  expect_refused(pickle("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a"),
                 "expected a state dict");
  const std::string itself = std::string("}q\0", 3) + text("a") + std::string("h\0s", 3);
  expect_refused(pickle(itself), "holds no state dict");
  // A list of a thousand pairs, made a dictionary again and again.
  std::string pairs = "](";
  for (int i = 0; i < 1000; ++i) pairs += "NN\x86";
  pairs += std::string("eq\0", 3) + "0";
  std::string bomb = pairs + "](";
  for (int i = 0; i < 2000; ++i) {
    bomb += global("collections", "OrderedDict") + std::string("h\0", 2) + "\x85R";
  }
  expect_refused(pickle(bomb + "e"), "too many dictionary entries");
}

TEST_F(PytorchTest, RefusesFilesThatAreCutOff) {
  const TorchTensors torch =
      torch_tensors({{"w", as_type(Tensor(DataType::kF32, {4}), DataType::kF64)},
                     {"b", Tensor(DataType::kF32, {2, 3})}});
  const std::string legacy = torch_legacy(torch.pickle, torch.storages, torch.element_bytes);
  const std::string zip = torch_zip(torch.pickle, torch.storages);
  ASSERT_NE(opened(legacy), nullptr);
  ASSERT_NE(opened(zip), nullptr);
  for (size_t size = 1; size < legacy.size(); ++size) refusal(legacy.substr(0, size));
  for (size_t size = 1; size < zip.size(); size += 3) refusal(zip.substr(0, size));
}

// --- Tensors that do not fit their storages ---

TEST_F(PytorchTest, RefusesTensorsOutsideTheirStorage) {
  constexpr int64_t kMost = INT64_MAX;
  const Shape too_many(65, 1);
  for (const std::string& lie :
       {tensor(four(), {5}),
        tensor(four(), {4}, 1),
        tensor(four(), {4}, -1),
        tensor(four(), {2, 2}, 0, Shape{4, 1}),
        tensor(four(), {2}, 0, Shape{-1}),
        tensor(four(), {3}, 0, Shape{kMost}),
        tensor(four(), {kMost, kMost}, 0, Shape{1, 1}),
        tensor(four(), {kMost}, 0, Shape{kMost}),
        tensor(four(), {2}, kMost, Shape{kMost}),
        tensor(four(), {-1}),
        tensor(four(), {2, 2}, 0, Shape{1}),
        tensor(four(), {}, 4),
        tensor(four(), too_many),
        tensor(four(), {kMost}, 0, Shape{0}),
        tensor(four(), {1 << 20, 1 << 20}, 0, Shape{0, 0}),
        call(kRebuild, tuple({"N", integer(0), tuple({1}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), "N", tuple({1}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), integer(0), "N", tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four(), integer(0), tuple({"N"}), tuple({1}), "\x89", "N"})),
        call(kRebuild, tuple({four()})),
        call(kRebuild, ")"),
        call(kRebuild, tuple({four(), integer(0), tuple({1}), tuple({1}), "\x89", "N",
                              dict({{"neg", "\x88"}})}))}) {
    refusal(torch_zip(with_tensor(lie), {{"0", kFour}}));
    refusal(torch_legacy(with_tensor(lie), {{"0", kFour}}, {4}));
  }
}

TEST_F(PytorchTest, RefusesStoragesThatAreMissingOrOfAnotherSize) {
  const std::string good = with_tensor(tensor(four(), {4}));
  ASSERT_NE(opened(torch_zip(good, {{"0", kFour}})), nullptr);
  ASSERT_NE(opened(torch_legacy(good, {{"0", kFour}}, {4})), nullptr);
  EXPECT_TRUE(has(refusal(torch_zip(good, {})), "tensor 'w': storage '0' is not in the archive"));
  EXPECT_TRUE(has(refusal(torch_legacy(good, {}, {})), "storage '0' is not in the file"));
  for (const size_t bytes : {0, 12, 15, 20}) {
    EXPECT_TRUE(has(refusal(torch_zip(good, {{"0", std::string(bytes, 'x')}})),
                    "tensor 'w': storage '0': expected 16 bytes, the archive has"));
    refusal(torch_legacy(good, {{"0", std::string(bytes, 'x')}}, {4}));
  }
  const std::string huge = with_tensor(tensor(storage("DoubleStorage", "0", INT64_MAX), {4}));
  refusal(torch_zip(huge, {{"0", kFour}}));
  refusal(torch_legacy(huge, {{"0", kFour}}, {8}));
  for (const char* key : {"../0", "/etc/passwd", "", "0/../0", "\n"}) {
    const std::string elsewhere = with_tensor(tensor(four(key), {4}));
    EXPECT_TRUE(has(refusal(torch_zip(elsewhere, {{"0", kFour}})), "is not in the archive"));
  }
  EXPECT_TRUE(has(refusal(torch_legacy(good, {{"0", kFour}, {"0", kFour}}, {4, 4})), "twice"));
  EXPECT_TRUE(has(refusal(torch_legacy(good, {{"1", kFour}}, {4})), "no tensor uses"));
}

// --- Archives that lie ---

TEST_F(PytorchTest, RefusesDamagedArchives) {
  const std::string good = with_tensor(tensor(four(), {4}));
  const auto archive = [&](ZipFile data, ZipFile more = {"a/version", "3"}) {
    return zip_of({{"a/data.pkl", good}, std::move(data), std::move(more)});
  };
  const ZipFile data{"a/data/0", kFour};
  ASSERT_NE(opened(archive(data)), nullptr);
  for (const bool deflate : {false, true}) {
    for (const uint32_t size : {0U, 15U, 17U, 1U << 20, 0xfffffff0U}) {
      ZipFile lie{"a/data/0", kFour, deflate};
      lie.size = size;
      refusal(archive(lie));
      lie.size = 16;
      lie.packed_size = size;
      expect_unreadable(archive(lie));
    }
    ZipFile method{"a/data/0", kFour, deflate};
    method.method = 12;
    EXPECT_TRUE(has(refusal(archive(method)), "is compressed by method 12"));
  }
  refusal(archive(data, data));
  for (const char* name : {"../evil", "/etc/evil", "a/../../evil", "."}) {
    EXPECT_TRUE(has(refusal(archive(data, {name, ""})), "leads out of a folder")) << name;
  }
  EXPECT_TRUE(has(refusal(archive(data, {"b/data.pkl", good})), "several data.pkl"));
  EXPECT_TRUE(has(refusal(archive(data, {"a/byteorder", "middle"})), "unknown byteorder"));
  EXPECT_TRUE(has(refusal(zip_of({{"x.txt", "x"}})), "holds no data.pkl"));
  EXPECT_TRUE(has(refusal(zip_of({{"data.pkl", good}})), "holds no data.pkl"));
  ZipFile bomb{"a/data.pkl", std::string(1 << 18, '\0'), true};
  bomb.size = 200'000'000;
  EXPECT_TRUE(has(refusal(zip_of({bomb})), "expected at most"));
  bomb.bytes.resize(1000);
  EXPECT_TRUE(has(refusal(zip_of({bomb})), "cannot have 200000000 bytes"));
}

TEST_F(PytorchTest, ChecksTheCrc) {
  const std::string good = with_tensor(tensor(four(), {4}));
  for (const bool deflate : {false, true}) {
    ZipFile wrong{"a/data/0", kFour, deflate};
    wrong.crc = 1;
    const auto checkpoint = opened(zip_of({{"a/data.pkl", good}, wrong}));
    ASSERT_NE(checkpoint, nullptr);
    Scratch scratch;
    const auto read = checkpoint->read(checkpoint->tensors()[0], scratch);
    ASSERT_FALSE(read.ok());
    EXPECT_TRUE(has(read.status().message(), "entry 'a/data/0' is damaged", "CRC"));
    ZipFile pickle_file{"a/data.pkl", good, deflate};
    pickle_file.crc = 1;
    EXPECT_TRUE(has(refusal(zip_of({pickle_file, {"a/data/0", kFour}})), "CRC"));
  }
}

}  // namespace
}  // namespace lanewise::converters

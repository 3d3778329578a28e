// Folders and files that are not checkpoints: messages say what they are.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {
namespace {

const std::string kLfs =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
const std::string kPage = "\n<!DOCTYPE html>\n<html><body>404</body></html>\n";

class OtherFilesTest : public CheckpointFolderTest {
 protected:
  void link(const std::string& name, const std::string& target) {
    std::filesystem::remove(path(name));
    std::filesystem::create_symlink(target, path(name));
  }
};

TEST_F(OtherFilesTest, StandInForWeights) {
  const std::vector<std::pair<std::string, std::string>> others = {
      {kLfs, "it is a Git LFS pointer"},
      {kPage, "it is a web page (HTML)"},
      {"<HTML>", "it is a web page (HTML)"},
      {"<?xml version=\"1.0\"?><Error/>", "it is XML"},
      {"\x89HDF\r\n\x1a\n" + std::string(100, '\0'), "it is an HDF5 file"},
      {"\x1f\x8b\x08" + std::string(100, 'x'), "it is compressed with gzip"},
      {std::string(257, 'x') + "ustar" + std::string(200, '\0'), "it is a tar archive"},
      {"\x80\4K\1.", "it is a plain Python pickle"},
      {"Entry not found", "it is a text: 'Entry not found'"}};
  write_config();
  for (const auto& [contents, part] : others) {
    for (const char* name : {"model.safetensors", "pytorch_model.bin", "model.ckpt", "model.npz"}) {
      SCOPED_TRACE(name + part);
      put(name, contents);
      EXPECT_TRUE(has(failure(StatusCode::kDataLoss), name, part));
      EXPECT_TRUE(has(failure(StatusCode::kDataLoss, path(name)), name, part));
      EXPECT_EQ(load(path(name)).status().code(), StatusCode::kDataLoss);
      std::filesystem::remove(path(name));
    }
  }
  put("model.safetensors.index.json", R"({"weight_map": {"a": "part.safetensors"}})");
  put("part.safetensors", kLfs);
  EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "part.safetensors", "it is a Git LFS pointer"));
}

TEST_F(OtherFilesTest, StandInForTexts) {
  write_all();
  for (const char* name : {"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json",
                           "generation_config.json", "modules.json"}) {
    const bool is_read = std::string(name) != "generation_config.json";
    if (!is_read) continue;  // with BERT
    for (const auto& [contents, part] : std::vector<std::pair<std::string, std::string>>{
             {kLfs, "a Git LFS pointer"},
             {kPage, "a web page (HTML)"},
             {std::string("\xFF\xFE{\0}\0", 6), "UTF-16"}}) {
      SCOPED_TRACE(name + part);
      write_all();
      put(name, contents);
      EXPECT_TRUE(has(failure(StatusCode::kDataLoss), name, part));
      std::filesystem::remove(path(name));
    }
  }
}

TEST_F(OtherFilesTest, LinksToNothing) {
  for (const char* name : {"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json",
                           "model.safetensors"}) {
    SCOPED_TRACE(name);
    write_all();
    link(name, "../../blobs/0123");
    EXPECT_TRUE(has(failure(StatusCode::kNotFound), std::string("'") + name + "' is a link to",
                    "'../../blobs/0123', which does not exist"));
    std::filesystem::remove(path(name));
  }
  link("model.safetensors", "../../blobs/0123");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, path("model.safetensors")), "is a link to"));
  std::filesystem::remove(path("model.safetensors"));
  write_all();
  link("README.md", "../../blobs/4567");  // never read
  link("tf_model.h5", "../../blobs/4567");
  converted();
}

TEST_F(OtherFilesTest, RootsOfCaches) {
  const std::string cache = (root_ / "models--owner--name").string();
  std::filesystem::create_directories(cache + "/snapshots/abc");
  std::filesystem::create_directories(cache + "/snapshots/def");
  std::filesystem::create_directories(cache + "/refs");
  put("../models--owner--name/refs/main", "def");
  put("../models--owner--name/snapshots/def/config.json", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, cache), "has no config.json",
                  "root of a cache, did you mean '" + cache + "/snapshots/def'?"));
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, cache + "/snapshots"),
                  "did you mean '" + cache + "/snapshots/def'?"));
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, root_.string()),
                  "did you mean '" + cache + "/snapshots/def'?"));
  put("../models--owner--name/refs/main", "nothing");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound, cache), cache + "/snapshots/def'?"));
}

TEST_F(OtherFilesTest, FoldersOfFolders) {
  put("checkpoint-500/config.json", "{}");
  put("checkpoint-900/config.json", "{}");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "did you mean '" + path("checkpoint-500"),
                  "' or '" + path("checkpoint-900") + "'?"));
}

TEST_F(OtherFilesTest, WeightsForOtherPrograms) {
  for (const auto& [name, program] :
       std::vector<std::pair<std::string, std::string>>{{"model.onnx", "ONNX"},
                                                        {"onnx/model.onnx", "ONNX"},
                                                        {"tf_model.h5", "TensorFlow"},
                                                        {"bert_model.ckpt.index", "TensorFlow"},
                                                        {"saved_model.pb", "TensorFlow"},
                                                        {"flax_model.msgpack", "Flax"},
                                                        {"rust_model.ot", "Rust"}}) {
    SCOPED_TRACE(name);
    write_config();
    put(name, "\x08x");
    EXPECT_TRUE(has(failure(StatusCode::kNotFound), "contains no weights",
                    "'" + name + "' holds weights for " + program, "are not supported"));
    EXPECT_TRUE(has(failure(StatusCode::kDataLoss, path(name)),
                    "not a checkpoint in a known format", "holds weights for " + program));
    std::filesystem::remove(path("config.json"));
    EXPECT_TRUE(has(failure(StatusCode::kNotFound), "has no config.json", program));
    std::filesystem::remove(path(name));
  }
}

TEST_F(OtherFilesTest, TrainersFilesAreWeights) {
  write_all();
  const std::string expected = bytes_of(converted());
  std::filesystem::remove(path("model.safetensors"));
  const TorchTensors torch = torch_tensors(tensors_);
  const std::string zip = torch_zip(torch.pickle, torch.storages);
  const std::string legacy = torch_legacy(torch.pickle, torch.storages, torch.element_bytes);
  for (const char* name : {"epoch=3-step=10.ckpt", "last.ckpt", "model_best.pth.tar",
                           "checkpoint.pt.tar", "model.pth"}) {
    for (const std::string& contents : {zip, legacy}) {
      SCOPED_TRACE(name);
      put(name, contents);
      EXPECT_TRUE(bytes_of(converted()) == expected);
      EXPECT_TRUE(convert_path(path(name)).ok());
    }
    std::filesystem::remove(path(name));
  }
  std::filesystem::remove(destination());
  put("a.ckpt", zip);
  put("b.ckpt", zip);
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'a.ckpt', 'b.ckpt'"));
  put("model.pt", zip);  // more specific than a trainer's files
  EXPECT_TRUE(bytes_of(converted()) == expected);
}

// --- JSON as Python and editors write it ---

TEST_F(OtherFilesTest, PythonsNumbersDoNoHarmWhereNobodyReadsThem) {
  write_all();
  const std::string expected = bytes_of(converted());
  config_["loss"] = "NaN";
  config_["bounds"] = "[Infinity, -Infinity,NaN]";
  config_["nested"] = R"({"a": -Infinity, "b": "NaN, \"Infinity\\"})";
  write_config();
  EXPECT_TRUE(bytes_of(converted()) == expected);
  std::filesystem::remove(destination());
  config_["layer_norm_eps"] = "NaN";
  write_config();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'layer_norm_eps': expected", "'NaN'"));
  config_["layer_norm_eps"] = "-Infinity";
  write_config();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "found '-Infinity'"));
  for (const char* wrong : {"NaNs", "Nan", "-NaN", "+Infinity", "aNaN", "1NaN", "Infinity2"}) {
    config_["layer_norm_eps"] = wrong;
    write_config();
    EXPECT_TRUE(has(failure(StatusCode::kDataLoss), "config.json': not JSON")) << wrong;
  }
}

TEST_F(OtherFilesTest, ByteOrderMarksAreNoPartOfJson) {
  write_all();
  const std::string expected = bytes_of(converted());
  std::string json = "{";
  for (const auto& [field, value] : config_) {
    json.append(json.size() > 1 ? "," : "").append("\"" + field + "\":" + value);
  }
  put("config.json", "\xEF\xBB\xBF" + json + "}");
  EXPECT_TRUE(bytes_of(converted()) == expected);
  std::filesystem::remove(destination());
  put("config.json", "\xEF\xBB\xBF\xEF\xBB\xBF" + json + "}");
  failure(StatusCode::kDataLoss);
}

// --- BERT with fewer heads ---

TEST_F(OtherFilesTest, PrunedHeadsHaveNoRows) {
  // Hidden 20 with four heads of five; layer 0 has lost heads 1 and 3.
  config_["pruned_heads"] = R"({"0": [3, 1, 1]})";
  const std::string self = "encoder.layer.0.attention.self.";
  for (const char* part : {"query", "key", "value"}) {
    set_tensor(self + part + ".weight", {10, kHidden});
    set_tensor(self + part + ".bias", {10});
  }
  set_tensor("encoder.layer.0.attention.output.dense.weight", {kHidden, 10});
  write();
  converted();
  EXPECT_TRUE(has(textbook_graph(), "heads=2", "heads=4"));
  std::filesystem::remove(destination());
  for (const auto& [pruned, part] : std::vector<std::pair<std::string, std::string>>{
           {R"({"0": [4]})",
            "'pruned_heads': expected an object of arrays of integers from 0 to 3"},
           {R"({"2": [1]})", "'pruned_heads': expected an object of layers"},
           {R"({"x": [1]})", "'pruned_heads': expected an object of layers"},
           {R"([1])", "'pruned_heads': expected an object of arrays"},
           {R"({"1": [0]})", "wrong shape"}}) {
    config_["pruned_heads"] = pruned;
    write_config();
    EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), part)) << pruned;
  }
  config_["pruned_heads"] = R"({"0": [0, 1, 2, 3]})";
  write_config();
  EXPECT_TRUE(has(failure(StatusCode::kUnsupported), "leaves no head in layer 0"));
}

}  // namespace
}  // namespace lanewise::converters

#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "converters/formats/checkpoint.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_writer.hpp"

namespace lanewise::converters {

/// The function that rebuilds a tensor from a storage, and the bytes of four floats.
inline const std::string kRebuild = pickled::global("torch._utils", "_rebuild_tensor_v2");
inline const std::string kFour(16, '\1');

/// A state dict of one tensor.
inline std::string with_tensor(const std::string& tensor_pickle) {
  return pickled::pickle(pickled::dict({{"w", tensor_pickle}}));
}

/// A storage of four floats.
inline std::string four(const std::string& key = "0") {
  return pickled::storage("FloatStorage", key, 4);
}

/// A folder with a file model.pt, which is opened and, mostly, refused.
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

}  // namespace lanewise::converters

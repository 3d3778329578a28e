#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"

namespace lanewise::converters {

struct BadField {
  const char* field;
  const char* value;
  StatusCode code;
  const char* message;
};

/// A folder with one of the models of a script, to be changed.
class HfFolderTest : public CheckpointFolderTest {
 protected:
  explicit HfFolderTest(std::string golden) : golden_(std::move(golden)) {}

  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant, golden_);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    reports_.clear();
  }

  void expect_refused(const std::string& variant, std::initializer_list<BadField> fields) {
    use(variant);
    const auto good = config_;
    for (const BadField& bad : fields) {
      config_ = good;
      config_[bad.field] = bad.value;
      write();
      EXPECT_TRUE(has(failure(bad.code), bad.message)) << bad.field << " " << bad.value;
    }
    config_ = good;
  }

 private:
  std::string golden_;
};

class HfDecoderFolderTest : public HfFolderTest {
 protected:
  HfDecoderFolderTest() : HfFolderTest(kHfDecoders) {}
};

class HfEncoderFolderTest : public HfFolderTest {
 protected:
  HfEncoderFolderTest() : HfFolderTest(kHfEncoders) {}
};

}  // namespace lanewise::converters

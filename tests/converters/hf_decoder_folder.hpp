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

/// A folder with one of the models of make_hf_decoder_golden.py, to be changed.
class HfDecoderFolderTest : public CheckpointFolderTest {
 protected:
  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant, kHfDecoders);
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
};

}  // namespace lanewise::converters

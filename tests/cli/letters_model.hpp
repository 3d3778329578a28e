#pragma once

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/cli/program.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/test_data.hpp"

namespace lanewise::cli {

/// A small LLaMA with a context of 400 tokens that writes letters, with the tokenizer of
/// tests/reference/make_chat_folders.py: a token for each of most letters, and one for each of the
/// two bytes of an é.
class LettersTest : public converters::CheckpointFolderTest {
 protected:
  void SetUp() override {
    CheckpointFolderTest::SetUp();
    converters::HfCheckpoint checkpoint =
        converters::hf_checkpoint("llama", converters::kHfDecoders);
    config_ = std::move(checkpoint.config);
    config_["max_position_embeddings"] = "400";
    tensors_ = std::move(checkpoint.tensors);
    use_files("setting");
    write();
  }

  /// Writes the files of a case of make_chat_folders.py.
  void use_files(const std::string& name) {
    std::ifstream in(test_data_folder() + "/chat/folders.json");
    for (const auto& one : nlohmann::ordered_json::parse(in, nullptr, false)) {
      if (one["name"] != name) continue;
      for (const auto& [file, contents] : one["files"].items()) {
        put(file, contents.is_string() ? contents.get<std::string>() : contents.dump());
      }
    }
  }

  /// The id of a token.
  static int id_of(const std::string& token) {
    std::ifstream in(test_data_folder() + "/chat/folders.json");
    const auto folders = nlohmann::json::parse(in, nullptr, false);
    return folders[0]["files"]["tokenizer.json"]["model"]["vocab"].value(token, -1);
  }

  Outcome command(const std::string& name, std::vector<std::string> arguments,
                  std::string input = {}) {
    arguments.insert(arguments.begin(), {name, source_.string(), "--quiet"});
    return run(std::move(arguments), std::move(input));
  }
};

}  // namespace lanewise::cli

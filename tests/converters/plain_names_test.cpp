// Names changed by libraries that wrap modules, for every family, and adapters.

#include "converters/plain_names.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/torch_checkpoint.hpp"

namespace lanewise::converters {
namespace {

TEST(PlainName, DropsWrappersAnywhere) {
  for (const auto& [name, plain] : std::vector<std::pair<std::string, std::string>>{
           {"a.weight", "a.weight"},
           {"_orig_mod.a.weight", "a.weight"},
           {"module.a.weight", "a.weight"},
           {"module.module._orig_mod.a.weight", "a.weight"},
           {"a._fsdp_wrapped_module.b._checkpoint_wrapped_module.weight", "a.b.weight"},
           {"a._fsdp_wrapped_module._checkpoint_wrapped_module.b", "a.b"},
           {"a.0._orig_mod.b", "a.0.b"},
           {"a.query.base_layer.weight", "a.query.weight"},
           {"a.original_module.weight", "a.weight"},
           {"base_model.model.a.weight", "a.weight"},
           {"_orig_mod.base_model.model.bert.a", "bert.a"},
           {"model.a.weight", "model.a.weight"},
           {"module", "module"},  // A parameter of that name.
           {"a.module", "a.module"},
           {"my_module.a", "my_module.a"},
           {"module_list.a", "module_list.a"},
           {"module.", ""},
           {"a.module.", "a."},
           {"", ""}}) {
    EXPECT_EQ(plain_name(name), plain) << name;
  }
}

TEST(PlainName, TellsAdapters) {
  for (const char* name :
       {"a.lora_A", "a.lora_A.default.weight", "a.lora_B.weight", "a.lora_embedding_A.default",
        "a.lora_magnitude_vector.default.weight", "a.ia3_l.default", "a.hada_w1_a.default",
        "classifier.modules_to_save.default.weight"}) {
    EXPECT_TRUE(is_adapter_name(name)) << name;
  }
  for (const char* name : {"a.weight", "a.base_layer.weight", "floral_a", "x.my_lora_A"}) {
    EXPECT_FALSE(is_adapter_name(name)) << name;
  }
}

class WrappedTest : public CheckpointFolderTest {
 protected:
  /// The tensors with `part` put before the last `levels` parts of each name.
  static TensorMap with_part(const TensorMap& tensors, const std::string& part, int levels) {
    TensorMap wrapped;
    for (const auto& [name, tensor] : tensors) {
      size_t at = name.size();
      for (int i = 0; i < levels && at != 0 && at != std::string::npos; ++i) {
        at = name.rfind('.', at - 1);
      }
      const size_t begin = at == std::string::npos || at == 0 ? 0 : at + 1;
      wrapped[name.substr(0, begin) + part + name.substr(begin)] = tensor;
    }
    return wrapped;
  }

  void expect_the_same(const std::vector<std::string>& parts, int levels) {
    write();
    const std::string expected = bytes_of(converted());
    for (const std::string& part : parts) {
      SCOPED_TRACE(part);
      write_tensors("model.safetensors", with_part(tensors_, part, levels));
      EXPECT_TRUE(bytes_of(converted()) == expected);
    }
  }

  void use_plain_module() {
    tensors_ = torch_state_dict({.width = 16,
                                 .hidden = 24,
                                 .encoder_layers = 2,
                                 .decoder_layers = 1,
                                 .source_tokens = 11,
                                 .target_tokens = 9});
    config_ = {{"model_type", "\"torch_transformer\""},
               {"nhead", "4"},
               {"max_length", "32"},
               {"bos_token_id", "2"},
               {"eos_token_id", "3"},
               {"pad_token_id", "1"}};
  }

  const std::vector<std::string> kParts = {"_orig_mod.",          "module.",
                                           "module._orig_mod.",   "_fsdp_wrapped_module.",
                                           "_forward_module.",    "_checkpoint_wrapped_module.",
                                           "_orig_mod._orig_mod."};
};

TEST_F(WrappedTest, BertIsTheSame) {
  expect_the_same(kParts, 99);
  expect_the_same(kParts, 1);
  expect_the_same(kParts, 3);
  expect_the_same({"model.", "model.module.bert.", "base_model.model.bert.", "net._orig_mod."}, 99);
}

TEST_F(WrappedTest, PlainModulesAreTheSame) {
  use_plain_module();
  expect_the_same(kParts, 99);
  expect_the_same(kParts, 1);
  expect_the_same(kParts, 2);
  expect_the_same({"model.", "model.model.", "net.", "model._orig_mod."}, 99);
}

TEST_F(WrappedTest, KeysAreOfNamesWithAndWithoutWrappers) {
  use_plain_module();
  write();
  const std::string expected = bytes_of(converted());
  TensorMap renamed;
  for (auto& [name, tensor] : tensors_) {
    const bool is_source = name.starts_with("src_tok_emb.");
    renamed["module.model." + (is_source ? "source." + name.substr(12) : name)] = tensor;
  }
  for (const char* theirs : {"source.", "model.source.", "module.model.source."}) {
    config_["keys"] = std::string(R"({"src_tok_emb.": ")") + theirs + "\"}";
    write_config();
    write_tensors("model.safetensors", renamed);
    EXPECT_TRUE(bytes_of(converted()) == expected) << theirs;
  }
}

TEST_F(WrappedTest, AveragedModelsCountsAreNoWeights) {
  use_plain_module();
  write();
  const std::string expected = bytes_of(converted());
  add_prefix("module.");
  tensors_["n_averaged"] = Tensor(DataType::kI64, {});
  write();
  EXPECT_TRUE(bytes_of(converted()) == expected);
}

TEST_F(WrappedTest, IgnoredNamesMayHaveWrappers) {
  use_plain_module();
  write();
  const std::string expected = bytes_of(converted());
  add_prefix("module.model.");
  set_tensor("module.loss.weight", {3});
  for (const char* ignored : {"loss.weight", "module.loss.weight", "loss.", "module.loss."}) {
    config_["ignore"] = std::string("[\"") + ignored + "\"]";
    write();
    EXPECT_TRUE(bytes_of(converted()) == expected) << ignored;
  }
}

TEST_F(WrappedTest, AnOuterModuleHasMoreThanHalfOfTheTensors) {
  use_plain_module();
  write();
  const std::string expected = bytes_of(converted());
  add_prefix("translator.");
  const size_t inside = tensors_.size();
  for (size_t i = 0; i + 1 < inside; ++i) set_tensor("other.weight" + std::to_string(i), {3});
  config_["ignore"] = R"(["other."])";
  write();
  EXPECT_TRUE(bytes_of(converted()) == expected);
  std::filesystem::remove(destination());
  set_tensor("another.weight", {3});
  config_["ignore"] = R"(["other.", "another."])";
  write();
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "missing"));
}

TEST_F(WrappedTest, TwoOfOneNameAreNamed) {
  set_tensor("module.embeddings.LayerNorm.bias", {kHidden});
  write();
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "'module.embeddings.LayerNorm.bias'",
                  "'embeddings.LayerNorm.bias'", "are both", "model.safetensors"));
}

// --- Adapters ---

TEST_F(WrappedTest, AdaptersAreNotAppliedWhichIsAWarning) {
  write();
  const std::string expected = bytes_of(converted());
  std::vector<std::string> warnings;
  options_.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  const std::string query = "encoder.layer.0.attention.self.query";
  rename_tensor(query + ".weight", query + ".base_layer.weight");
  rename_tensor(query + ".bias", query + ".base_layer.bias");
  set_tensor(query + ".lora_A.default.weight", {2, kHidden});
  set_tensor(query + ".lora_B.default.weight", {kHidden, 2});
  set_tensor(query + ".lora_magnitude_vector.default.weight", {kHidden});
  set_tensor("embeddings.word_embeddings.lora_embedding_A.default", {2, kVocabulary});
  write();
  reports_.clear();
  EXPECT_TRUE(bytes_of(converted()) == expected);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(has(warnings[0], "4 tensors of an adapter are not applied", "lora_embedding_A"));
  EXPECT_FALSE(reported("lora_"));
  // Names as in PEFT's own model; callers without a warning callback find warnings in the report.
  add_prefix("base_model.model.bert.");
  write();
  options_.warn = nullptr;
  EXPECT_TRUE(bytes_of(converted()) == expected);
  EXPECT_TRUE(reported("4 tensors of an adapter are not applied"));
}

TEST_F(WrappedTest, AnAdapterFileBesideTheModelIsAWarning) {
  std::vector<std::string> warnings;
  options_.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  write();
  put("adapter_config.json", "{}");
  put("adapter_model.safetensors", "x");
  converted();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(has(warnings[0], "also holds an adapter (PEFT), which is not applied"));
}

TEST_F(WrappedTest, AnAdapterAloneIsNoModel) {
  write_config();
  write_tensors("adapter_model.safetensors",
                {{"base_model.model.x.lora_A.weight", Tensor(DataType::kF32, {2, 4})},
                 {"base_model.model.x.lora_B.weight", Tensor(DataType::kF32, {4, 2})}});
  put("adapter_config.json", R"({"peft_type": "LORA", "base_model_name_or_path": "a/b"})");
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "an adapter (PEFT) of 'a/b'", "--base"));
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument, path("adapter_model.safetensors")),
                  "holds an adapter without its base model"));
  std::filesystem::remove(path("config.json"));
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "an adapter (PEFT) of 'a/b'", "--base"));
  std::filesystem::remove(path("adapter_model.safetensors"));
  EXPECT_TRUE(has(failure(StatusCode::kNotFound), "an adapter (PEFT) without its base model 'a/b'",
                  "merge_and_unload()"));
}

// --- Averaged copies ---

TEST_F(WrappedTest, OfAModelAndItsAverageTheModelCounts) {
  const TensorMap plain = tensors_;
  write();
  const std::string expected = bytes_of(converted());
  for (auto& [name, tensor] : tensors_) tensor.as<float>()[0] += 1;
  const TensorMap average = tensors_;
  write();
  const std::string expected_average = bytes_of(converted());
  ASSERT_NE(expected, expected_average);
  for (const char* prefix : {"ema_model.module.", "module.ema.", "model_ema."}) {
    TensorMap both;
    for (const auto& [name, tensor] : plain) both["model." + name] = tensor;
    for (const auto& [name, tensor] : average) both[prefix + name] = tensor;
    both["ema_model.n_averaged"] = Tensor(DataType::kI64, {});
    write_tensors("model.safetensors", both);
    reports_.clear();
    options_.ema = false;
    EXPECT_TRUE(bytes_of(converted()) == expected) << prefix;
    EXPECT_TRUE(reported("tensors of an averaged copy (EMA) are ignored"));
    options_.ema = true;
    EXPECT_TRUE(bytes_of(converted()) == expected_average) << prefix;
  }
}

TEST_F(WrappedTest, AnAverageAloneIsAModel) {
  write();
  const std::string expected = bytes_of(converted());
  add_prefix("ema_model.module.");
  write();
  EXPECT_TRUE(bytes_of(converted()) == expected);
  options_.ema = true;
  EXPECT_TRUE(bytes_of(converted()) == expected);
}

TEST_F(WrappedTest, AnAverageMustBeThere) {
  options_.ema = true;
  write();
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "model.safetensors", "no averaged copy (EMA)"));
}

// --- Weights that modules compute ---

TEST_F(WrappedTest, PrunedWeightsAreMultiplied) {
  const std::string name = "encoder.layer.0.output.dense.weight";
  Tensor mask(DataType::kF32, tensors_[name].shape());
  Tensor product = tensors_[name];
  for (int64_t i = 0; i < *element_count(mask.shape()); ++i) {
    mask.as<float>()[i] = i % 3 == 0 ? 0.0F : 1.0F;
    product.as<float>()[i] *= mask.as<float>()[i];
  }
  const Tensor original = tensors_[name];
  tensors_[name] = product;
  write();
  const std::string expected = bytes_of(converted());
  tensors_.erase(name);
  tensors_["module." + name + "_orig"] = original;
  tensors_["module." + name + "_mask"] = mask;
  write();
  EXPECT_TRUE(bytes_of(converted()) == expected);
}

TEST_F(WrappedTest, SpectralNormsAreRefusedByName) {
  const std::string name = "encoder.layer.0.output.dense.weight";
  rename_tensor(name, name + "_orig");
  set_tensor(name + "_u", {kHidden});
  set_tensor(name + "_v", {kIntermediate});
  write();
  EXPECT_TRUE(
      has(failure(StatusCode::kInvalidArgument), "1 tensor has an unsupported type",
          "'" + name + "' spectral norm or another parametrization of '" + name + "_orig'"));
}

}  // namespace
}  // namespace lanewise::converters

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "lanewise/convert.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/status_codes.hpp"
#include "tests/read_file.hpp"
#include "tests/runtime/text_subword_golden.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

/// A folder with one of the models of make_hf_seq2seq_golden.py, to be changed.
class BartTest : public CheckpointFolderTest {
 protected:
  void use(const std::string& variant) {
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    tensors_ = std::move(checkpoint.tensors);
    generation_ = std::move(checkpoint.generation_config);
    reports_.clear();
  }

  void write() {
    write_config();
    if (!generation_.empty()) put("generation_config.json", generation_);
    write_tensors("model.safetensors", tensors_);
  }

  Model loaded() {
    write();
    Result<Model> model = load(source_.string(), options_);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return std::move(*model);
  }

  std::string generation_;
};

struct BartBadField {
  const char* variant;
  const char* field;
  const char* value;
  StatusCode code;
  const char* message;
};

TEST_F(BartTest, ChecksEveryField) {
  const BartBadField fields[] = {
      {"bart", "d_model", "0", kInvalid, "'d_model': expected an integer from 1"},
      {"bart", "d_model", "55", kInvalid, "not a multiple of 'encoder_attention_heads' 3"},
      {"bart", "decoder_attention_heads", "4", kInvalid, "'decoder_attention_heads' 4"},
      {"bart", "decoder_attention_heads", "\"4\"", kInvalid, "'decoder_attention_heads': expected"},
      {"bart", "encoder_layers", "1000000000", kInvalid, "'encoder_layers': expected"},
      {"bart", "encoder_ffn_dim", "-1", kInvalid, "'encoder_ffn_dim'"},
      {"bart", "activation_function", "\"prelu\"", kUnsupported, "unknown activation_function"},
      {"bart", "normalize_before", "true", kUnsupported,
       "'normalize_before' true is not supported for bart"},
      {"mbart", "normalize_before", "false", kUnsupported, "'normalize_before' false"},
      {"pegasus", "normalize_before", "false", kUnsupported, "'normalize_before' false"},
      {"pegasus", "static_position_embeddings", "false", kUnsupported, "static_position"},
      {"bart", "normalize_embedding", "false", kUnsupported, "'normalize_embedding'"},
      {"marian", "normalize_embedding", "true", kUnsupported, "'normalize_embedding'"},
      {"mbart", "add_final_layer_norm", "false", kUnsupported, "'add_final_layer_norm'"},
      {"marian", "static_position_embeddings", "false", kUnsupported, "static_position"},
      {"bart", "static_position_embeddings", "true", kUnsupported, "static_position"},
      {"bart", "extra_pos_embeddings", "0", kUnsupported, "'extra_pos_embeddings' 0"},
      {"m2m_100", "add_bias_logits", "true", kUnsupported, "'add_bias_logits'"},
      {"bart", "is_decoder", "true", kUnsupported, "'is_decoder'"},
      {"bart", "is_encoder_decoder", "false", kUnsupported, "'is_encoder_decoder'"},
      {"bart", "is_encoder_decoder", "1", kInvalid, "'is_encoder_decoder': expected true or false"},
      {"marian", "scale_embedding", "0", kInvalid, "'scale_embedding': expected true or false"},
      {"marian", "activation_function", "null1", kDataLoss, "not JSON"},
      {"marian", "activation_function", "[\"gelu\"]", kInvalid,
       "expected a string, found an array"},
      {"mbart", "d_model", "1e400", kDataLoss, "not JSON: a number is out of range"},
      {"mbart", "d_model", "54.0", kInvalid, "'d_model': expected an integer from 1"},
      {"mbart", "d_model", "18446744073709551615", kInvalid, "found 18446744073709551615"},
      {"m2m_100", "encoder_layers", "true", kInvalid, "'encoder_layers': expected"},
      {"m2m_100", "d_model", "2", kInvalid, "not a multiple of 'encoder_attention_heads' 3"},
      {"marian", "decoder_vocab_size", "50", kInvalid, "'decoder_vocab_size': expected 61"},
      {"m2m_100", "pad_token_id", "-1", kInvalid, "'pad_token_id'"},
      {"m2m_100", "max_position_embeddings", "1048577", kInvalid, "from 1 to 1048576"},
      // In range, but different from the file.
      {"bart", "vocab_size", "62", kInvalid, "expected [62, 54], file has [61, 54]"},
      {"bart", "max_position_embeddings", "41", kInvalid, "expected [43, 54], file has [42, 54]"},
      {"marian_split", "decoder_vocab_size", "62", kInvalid, "expected [62, 54]"},
      {"bart", "decoder_layers", "4", kNotFound, "'model.decoder.layers.3."},
  };
  for (const BartBadField& bad : fields) {
    use(bad.variant);
    config_[bad.field] = bad.value;
    write();
    EXPECT_TRUE(has(failure(bad.code), bad.message)) << bad.field << " " << bad.value;
    std::filesystem::remove(path("generation_config.json"));
  }
}

TEST_F(BartTest, LeavesOptionsToWhoeverGenerates) {
  const std::pair<const char*, const char*> fields[] = {{"eos_token_id", "61"},
                                                        {"forced_eos_token_id", "[2, 61]"},
                                                        {"decoder_start_token_id", "\"</s>\""},
                                                        {"encoder_no_repeat_ngram_size", "2"}};
  for (const auto& [field, value] : fields) {
    use("bart");
    config_[field] = value;
    const GenerationOptions options = loaded().info().generation;
    ASSERT_EQ(options.unsupported.size(), 1U) << field;
    EXPECT_EQ(options.unsupported[0].field, field);
    EXPECT_TRUE(has(validate(options, 61).message(), "'config.json': '", field));
  }
  use("m2m_100");
  config_["pad_token_id"] = "2";
  EXPECT_TRUE(has(validate(loaded().info().generation, 61).message(),
                  "a 'decoder_start_token_id' that is 'pad_token_id'"));
}

TEST_F(BartTest, MakesNoTableThatCouldNotBeRun) {
  for (const char* variant : {"marian", "m2m_100"}) {
    use(variant);
    config_["d_model"] = "540";
    config_["max_position_embeddings"] = "124276";
    write();
    EXPECT_TRUE(has(failure(kInvalid), "'max_position_embeddings': expected at most 124275"))
        << variant;
    config_["max_position_embeddings"] = "124275";
    write();
    EXPECT_TRUE(has(failure(kInvalid), "expected [61, 540], file has [61, 54]")) << variant;
    std::filesystem::remove(path("generation_config.json"));
  }
}

TEST_F(BartTest, TellsItsKindsApart) {
  use("mbart");
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(*out.node("encoder.embed").attributes.get_int("position_offset", 0), 2);
  EXPECT_EQ(out.node("decoder.layer_norm").op, "layer_norm");
  EXPECT_EQ(out.node("decoder.layernorm_embedding").op, "layer_norm");
  const ops::Attributes& self = out.node("decoder.layers.0.self_attn").attributes;
  EXPECT_TRUE(*self.get_bool("causal", false));
  EXPECT_EQ(*self.get_int("heads", 0), 6);
  const ops::Attributes& cross = out.node("decoder.layers.0.encoder_attn").attributes;
  EXPECT_FALSE(*cross.get_bool("causal", true));
  std::filesystem::remove(path("generation_config.json"));
  use("bart");
  const std::string text = (write(), textbook_graph());
  EXPECT_EQ(text.find("decoder.layer_norm "), std::string::npos);
}

TEST_F(BartTest, FindsItsPrefix) {
  use("bart");
  add_prefix("0.auto.");  // final_logits_bias is outside `model.`
  write();
  EXPECT_EQ(converted().node("lm_head").weights.count("bias"), 1U);
  EXPECT_FALSE(reported("unused"));

  use("bart");  // BartModel: no class with a head
  TensorMap plain;
  for (auto& [name, tensor] : tensors_) {
    if (name.starts_with("model.")) plain[name.substr(6)] = std::move(tensor);
  }
  tensors_ = std::move(plain);
  write();
  EXPECT_EQ(converted().node("lm_head").weights.count("bias"), 0U);
  EXPECT_FALSE(reported("unused"));
}

TEST_F(BartTest, TakesCopiesOfTheEmbeddingForLeftovers) {
  use("bart");
  for (const char* name :
       {"lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"})
    tensors_[name] = Tensor(tensors_.at("model.shared.weight"));
  tensors_["model.encoder.version"] = hf_weight("version", {1}, 0);
  write();
  const ConvertedFile out = converted();
  EXPECT_TRUE(reported("4 tensors are ignored (not weights): 'lm_head.weight'"));
  EXPECT_EQ(out.node("encoder.embed").weights.at("table"),
            out.node("decoder.embed").weights.at("table"));

  // A file may have any one of tied tensors.
  rename_tensor("model.shared.weight", "dropped");
  tensors_.erase("dropped");
  tensors_.erase("lm_head.weight");
  tensors_.erase("model.decoder.embed_tokens.weight");
  write();
  const ConvertedFile again = converted();
  EXPECT_EQ(again.node("lm_head").op, "linear");
}

TEST_F(BartTest, TakesAHeadThatIsNotTied) {
  for (const char* tied : {"false", "true"}) {  // A config may be wrong; Transformers checks, too.
    use("bart");
    config_["tie_word_embeddings"] = tied;
    tensors_["lm_head.weight"] = hf_weight("lm_head.weight", {61, 54}, 0);
    write();
    const ConvertedFile out = converted();
    // Panels of 16 rows: [0, 1, 0] is the second feature of row 0.
    const TensorView head = out.weight("lm_head", "weight");
    EXPECT_EQ(head.as<float>()[16], tensors_.at("lm_head.weight").as<float>()[1]) << tied;
    EXPECT_FALSE(reported("ignored")) << tied;
  }
  tensors_.erase("lm_head.weight");
  config_["tie_word_embeddings"] = "false";
  write();
  std::filesystem::remove(destination());
  EXPECT_TRUE(has(failure(kNotFound), "1 tensor is missing: 'lm_head.weight'"));
}

TEST_F(BartTest, NamesWhatIsMissingOrUnused) {
  use("marian_split");
  tensors_.erase("model.decoder.layers.2.encoder_attn.v_proj.bias");
  write();
  EXPECT_TRUE(has(failure(kNotFound),
                  "1 tensor is missing: 'model.decoder.layers.2.encoder_attn.v_proj.bias'"));
  use("marian_split");
  tensors_["decoder.memory.weight"] = hf_weight("x", {3, 3}, 0);
  config_["window_of_attention"] = "7";
  write();
  converted();
  EXPECT_TRUE(reported("1 tensor is unused: 'decoder.memory.weight'"));
  EXPECT_TRUE(reported("unknown field 'window_of_attention' is ignored"));
}

TEST_F(BartTest, MarianTakesAStoredTableOrMakesIt) {
  use("marian");
  write();
  EXPECT_EQ(*converted().node("encoder.embed").attributes.get_string("position", ""), "sinusoidal");
  const std::string table = "model.encoder.embed_positions.weight";
  tensors_[table] = hf_weight(table, {40, 54}, 0);
  write();
  const ConvertedFile out = converted();
  EXPECT_EQ(*out.node("encoder.embed").attributes.get_string("position", ""), "learned");
  EXPECT_EQ(*out.node("decoder.embed").attributes.get_string("position", ""), "sinusoidal");
}

TEST_F(BartTest, ReadsGenerationFromEitherFile) {
  use("mbart");
  GenerationOptions options = loaded().info().generation;
  EXPECT_EQ(options.forced_bos_token_id, 5);
  EXPECT_EQ(options.decoder_start_token_id, 2);
  std::filesystem::remove(path("generation_config.json"));
  use("bart");
  options = loaded().info().generation;
  EXPECT_EQ(options.forced_bos_token_id, 0);  // force_bos_token_to_be_generated
  EXPECT_EQ(options.no_repeat_ngram_size, 3);
  EXPECT_EQ(options.early_stopping, EarlyStopping::kYes);
  // Without any setting in the files, Transformers' defaults.
  for (const char* field : {"eos_token_id", "forced_eos_token_id", "decoder_start_token_id"}) {
    config_.erase(field);
  }
  options = loaded().info().generation;
  EXPECT_EQ(options.eos_token_ids, std::vector<int32_t>{2});
  EXPECT_EQ(options.forced_eos_token_id, std::vector<int32_t>{2});
  EXPECT_EQ(options.decoder_start_token_id, 2);
}

TEST_F(BartTest, SaysWhatItIs) {
  use("marian_split");
  const Model model = loaded();
  EXPECT_EQ(model.info().family, "marian");
  EXPECT_EQ(model.info().vocabulary_size, 59);
  EXPECT_EQ(model.info().target_vocabulary_size, 63);
  EXPECT_EQ(model.info().max_tokens, 40);
  EXPECT_EQ(model.info().max_target_tokens, 40);
}

TEST_F(BartTest, PegasusSummarisesWithOneVocabulary) {
  use("pegasus");
  config_["decoder_vocab_size"] = "1";  // Marian's alone
  put("spiece.model", test::read_file(test_data_folder() + "/hf_tokenizers/pegasus.model"));
  put("tokenizer_config.json", R"({"tokenizer_class": "PegasusTokenizer", "offset": 50})");
  write();
  const Model model = loaded();
  EXPECT_EQ(model.info().task, "text2text");
  EXPECT_EQ(model.info().target_vocabulary_size, 61);
  EXPECT_TRUE(has(converted().tokenizer(), R"("<unk_49>")", R"("<mask_1>")"));
  put("tokenizer_config.json", R"({"offset": "many"})");
  std::filesystem::remove(destination());
  EXPECT_TRUE(has(failure(StatusCode::kInvalidArgument), "tokenizer_config.json", "'offset'"));
}

TEST_F(BartTest, MakesTheTokenizersOfItsKindOfSentencePieces) {
  const std::string spm = text::read_subword_data("unigram.model");
  const auto tokenizer = [&](const char* variant, const char* language) {
    use(variant);
    put("sentencepiece.bpe.model", spm);
    put("tokenizer_config.json", "{\"src_lang\": \"" + std::string(language) + "\"}");
    write();
    return converted().tokenizer();
  };
  EXPECT_TRUE(has(tokenizer("mbart", "de_DE"), "de_DE", "en_XX"));
  EXPECT_TRUE(has(tokenizer("m2m_100", "deu_Latn"), "deu_Latn", "eng_Latn"));
  EXPECT_EQ(tokenizer("bart", "de"), "");
  std::filesystem::remove(destination());
  put("tokenizer_config.json", R"({"src_lang": "xx"})");
  use("m2m_100");
  write();
  failure(kInvalid);
}

}  // namespace
}  // namespace lanewise::converters

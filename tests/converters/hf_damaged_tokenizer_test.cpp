// Folders of Transformers whose tokenizers are missing, damaged or belong to another model.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "converters/tokenizers/sentencepiece_file.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/translator.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/converters/hf_checkpoint.hpp"
#include "tests/converters/status_codes.hpp"
#include "tests/runtime/text_subword_golden.hpp"

namespace lanewise::converters {
namespace {

constexpr const char* kHfDamagedTokenizerTokens =
    R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "h": 4, "e": 5, "he": 6})";

/// A folder with one of the models of make_hf_seq2seq_golden.py, which have 61 rows.
class HfDamagedTokenizerTest : public CheckpointFolderTest {
 protected:
  void use(const std::string& variant) {
    std::filesystem::remove_all(source_);
    std::filesystem::remove(destination());
    HfCheckpoint checkpoint = hf_checkpoint(variant);
    config_ = std::move(checkpoint.config);
    write_config();
    write_tensors("model.safetensors", checkpoint.tensors);
    reports_.clear();
  }

  /// The tokenizer files of `variant`.
  void use_with_tokenizer(const std::string& variant) {
    use(variant);
    for (const std::string& name : files_of(variant)) put(name, good(name));
  }

  static std::vector<std::string> files_of(const std::string& variant) {
    if (variant == "bart") return {"vocab.json", "merges.txt"};
    if (variant == "t5") return {"spiece.model"};
    if (variant == "mbart") return {"sentencepiece.bpe.model"};
    if (variant == "m2m_100") return {"sentencepiece.bpe.model", "vocab.json"};
    return {"source.spm", "target.spm", "vocab.json"};
  }

  static std::string good(const std::string& name) {
    if (name == "vocab.json") return kHfDamagedTokenizerTokens;
    if (name == "merges.txt") return "#version: 0.2\nh e\n";
    return text::read_subword_data("unigram.model");
  }

  /// The error for a folder with one file replaced by these contents.
  std::string refusal(const std::string& variant, const std::string& name,
                      const std::string& contents, StatusCode code) {
    use_with_tokenizer(variant);
    put(name, contents);
    const std::string message = failure(code);
    EXPECT_TRUE(has(message, source_.string())) << variant << ", " << name;
    return message;
  }
};

TEST_F(HfDamagedTokenizerTest, FilesThatAreLostAreNamed) {
  struct Lost {
    const char* variant;
    const char* name;
    const char* message;
  };
  const Lost lost[] = {
      {"marian", "source.spm", "has 'target.spm' but no 'source.spm': its tokenizer needs both"},
      {"marian", "target.spm", "has 'source.spm' but no 'target.spm'"},
      {"marian", "vocab.json", "has 'source.spm' but no 'vocab.json'"},
      {"m2m_100", "sentencepiece.bpe.model", "has 'vocab.json' but no 'sentencepiece.bpe.model'"},
      {"m2m_100", "vocab.json", "has 'sentencepiece.bpe.model' but no 'vocab.json'"},
  };
  for (const Lost& file : lost) {
    use_with_tokenizer(file.variant);
    // Without it the folder could be NLLB's, which has only the pieces.
    put("tokenizer_config.json", R"({"tokenizer_class": "M2M100Tokenizer"})");
    std::filesystem::remove(path(file.name));
    EXPECT_TRUE(has(failure(StatusCode::kNotFound), source_.string(), file.message));
  }
}

TEST_F(HfDamagedTokenizerTest, WithoutAnyTheModelTakesIds) {
  for (const char* variant : {"marian", "bart", "mbart", "m2m_100", "t5"}) {
    use(variant);
    EXPECT_EQ(converted().tokenizer(), "") << variant;
    EXPECT_TRUE(reported("takes token ids, not texts")) << variant;
  }
  for (const char* name : {"vocab.json", "merges.txt"}) {
    use_with_tokenizer("bart");
    std::filesystem::remove(path(name));
    EXPECT_EQ(converted().tokenizer(), "") << name;
    EXPECT_TRUE(reported("vocab.json with merges.txt")) << name;
  }
}

TEST_F(HfDamagedTokenizerTest, DamagedFilesAreNamed) {
  struct Damaged {
    const char* variant;
    const char* name;
    std::string contents;
    const char* message;
  };
  const std::string spm = good("source.spm");
  const std::string cut = spm.substr(0, spm.size() / 2 + 1);
  const Damaged files[] = {
      {"t5", "spiece.model", cut,
       "tokenizer of 'spiece.model': the SentencePiece model is truncated"},
      {"t5", "spiece.model", "no protobuf", "tokenizer of 'spiece.model': the SentencePiece model"},
      {"marian", "source.spm", cut,
       "tokenizer of 'source.spm': the SentencePiece model is truncated"},
      {"marian", "target.spm", cut,
       "tokenizer of 'target.spm': the SentencePiece model is truncated"},
      {"mbart", "sentencepiece.bpe.model", cut, "tokenizer of 'sentencepiece.bpe.model': the Sent"},
      {"m2m_100", "sentencepiece.bpe.model", cut, "tokenizer of 'sentencepiece.bpe.model': the S"},
      {"marian", "vocab.json", "[", "vocab.json: not JSON: error at byte 2"},
      {"marian", "vocab.json", "{}", "vocab.json has no token '</s>'"},
      {"marian", "vocab.json", R"({"a": -1})",
       "'a': expected an integer from 0 to 2147483647, found -1"},
      {"m2m_100", "vocab.json", R"({"a\nb": "1"})", "'a?b': expected an integer"},
      {"m2m_100", "vocab.json", R"({"</s>": 0})", "vocab.json has no token '<s>'"},
      {"bart", "vocab.json", "[", "vocab.json: not JSON: error at byte 2"},
      {"bart", "vocab.json", R"({"h": 0, "e": 1, "he": 2})", "vocab.json has no cls_token '<s>'"},
      {"bart", "merges.txt", "#version: 0.2\nh\n", "merges.txt: 'h' is not two tokens"},
      {"bart", "merges.txt", "h e x\n", "merges.txt: 'h e x' is not two tokens"},
      {"bart", "merges.txt", "h \n", "merges.txt: 'h ' is not two tokens"},
      {"bart", "merges.txt", " e\n", "merges.txt: ' e' is not two tokens"},
      {"bart", "merges.txt", "h\te\n", "merges.txt: 'h?e' is not two tokens"},
      {"bart", "merges.txt", "h zz\n", "merge 0 needs 'zz', which is not in the vocabulary"},
      {"bart", "merges.txt", "h \xff\n", "merges.txt is not UTF-8"},
      {"bart", "tokenizer.json", "{", "tokenizer.json: not JSON"},
      {"bart", "tokenizer.json", R"({"model": {"type": "BPE"}})", "model.vocab"},
      {"mbart", "tokenizer.json", "[]", "expected an object"},
  };
  for (const Damaged& file : files) {
    EXPECT_TRUE(has(refusal(file.variant, file.name, file.contents, kDataLoss), file.message))
        << file.variant << ", " << file.name;
  }
  EXPECT_TRUE(
      has(refusal("marian", "vocab.json", R"({"</s>": 0, "<unk>": 1, "<pad>": 2, "a": 2147483647})",
                  StatusCode::kResourceExhausted),
          "tokenizer: token 'a': id 2147483647 is not between"));
  EXPECT_TRUE(has(refusal("t5", "tokenizer.json", R"({"model": {"type": "Magic"}})", kUnsupported),
                  "model 'Magic' is not supported"));
  EXPECT_TRUE(has(refusal("mbart", "tokenizer_config.json", R"({"src_lang": "xx"})", kInvalid),
                  "the model has no language 'xx'"));
  EXPECT_TRUE(has(refusal("t5", "tokenizer_config.json", R"({"extra_ids": -1})", kInvalid),
                  "'extra_ids': expected an integer from 0"));
}

TEST_F(HfDamagedTokenizerTest, ANormalizerThatCannotBeReadIsFoundBeforeItIsWritten) {
  std::string spm = good("target.spm");
  const std::string charsmap = read_sentencepiece_file(spm)->charsmap;
  ASSERT_FALSE(charsmap.empty());
  spm[spm.find(charsmap) + charsmap.size() - 2] = '\xff';
  EXPECT_TRUE(has(refusal("t5", "spiece.model", spm, kDataLoss), ": tokenizer: precompiled_chars"));
  EXPECT_TRUE(has(refusal("marian", "target.spm", spm, kDataLoss),
                  ": target tokenizer: precompiled_charsmap: the replacements are not UTF-8"));
}

TEST_F(HfDamagedTokenizerTest, APartOfAFileIsAModelThatTranslatesOrAnError) {
  use_with_tokenizer("t5");
  const std::string whole = good("spiece.model");
  const auto convert_with = [&](const std::string& bytes) {
    put("spiece.model", bytes);
    std::filesystem::remove(destination());
    const Status status = convert_folder();
    EXPECT_EQ(files_out(), status.ok() ? 1 : 0) << status.message();
    if (!status.ok()) {
      EXPECT_EQ(status.message().find('\n'), std::string::npos);
      return;
    }
    const Result<Model> model = Model::open(destination());
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_TRUE(Translator::create(*model, {.threads = 1}).ok());
  };
  for (size_t size = 1; size < whole.size(); size += whole.size() / 40) {
    convert_with(whole.substr(0, size));
  }
  for (size_t i = 0; i < 40; ++i) {
    std::string bytes = whole;
    bytes[i * (whole.size() / 40) + i] ^= static_cast<char>(1 << i % 8);
    convert_with(bytes);
  }
}

TEST_F(HfDamagedTokenizerTest, TokensThatTheModelHasNoRowForAreReportedAndRefusedWhereTheyOccur) {
  use_with_tokenizer("t5");
  converted();
  EXPECT_TRUE(reported("the tokenizer knows 1000 tokens, the model only 61"));
  const Result<Model> model = load(source_.string(), options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  Result<Translator> translator = Translator::create(*model, {.threads = 1});
  ASSERT_TRUE(translator.ok());
  const std::vector<std::string_view> texts = {"The river"};
  const auto translations = translator->translate(texts, model->info().generation);
  EXPECT_EQ(translations.status().code(), kInvalid);
  EXPECT_TRUE(has(translations.status().message(), "'input_ids': id ", "is outside 0 to 60"));

  use_with_tokenizer("marian");
  put("target_vocab.json", R"({"</s>": 0, "<unk>": 1, "<pad>": 99})");
  converted();
  EXPECT_TRUE(reported("the target tokenizer knows 100 tokens, the model only 61"));
  EXPECT_FALSE(reported("the tokenizer knows"));
}

}  // namespace
}  // namespace lanewise::converters

#include "converters/generation_config.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;

constexpr int64_t kVocabulary = 1000;

class GenerationConfigTest : public ::testing::Test {
 protected:
  GenerationOptions read(const std::string& json) {
    reported_.clear();
    const Result<Config> config = Config::parse(json, "folder/generation_config.json");
    EXPECT_TRUE(config.ok()) << json << ": " << config.status().message();
    if (!config.ok()) return {};
    return read_generation_config(*config, kVocabulary,
                                  [this](std::string_view line) { reported_.emplace_back(line); });
  }

  GenerationOptions accepted(const std::string& json) {
    GenerationOptions options = read(json);
    EXPECT_TRUE(options.unsupported.empty()) << options.unsupported[0].reason;
    const Status valid = validate(options, kVocabulary);
    EXPECT_TRUE(valid.ok()) << valid.message();
    return options;
  }

  /// Expects an error only on generation; it is about `field`, as the report says.
  void expect_refused(const std::string& json, const std::string& field,
                      const std::string& message) {
    const GenerationOptions options = read(json);
    ASSERT_EQ(options.unsupported.size(), 1u) << json;
    EXPECT_EQ(options.unsupported[0].field, field);
    const std::string reason = "'generation_config.json': " + message;
    EXPECT_EQ(options.unsupported[0].reason, reason);
    const Status status = validate(options, kVocabulary);
    EXPECT_EQ(status.code(), StatusCode::kUnsupported) << json;
    EXPECT_EQ(status.message(), reason);
    ASSERT_EQ(reported_.size(), 1u) << json;
    EXPECT_TRUE(reported_[0].starts_with(reason)) << reported_[0];
  }

  void expect_refused(const std::string& json, const std::string& field) {
    const GenerationOptions options = read(json);
    ASSERT_EQ(options.unsupported.size(), 1u) << json;
    expect_refused(json, field, options.unsupported[0].reason.substr(26));
    EXPECT_NE(options.unsupported[0].reason.find("'" + field + "'"), std::string::npos);
  }

  std::vector<std::string> reported_;
};

TEST_F(GenerationConfigTest, AnEmptyFileIsGreedySearch) {
  const GenerationOptions options = accepted("{}");
  EXPECT_EQ(options.beams, 1);
  EXPECT_EQ(options.temperature, 0.0);
  EXPECT_EQ(options.max_length, 0);
  EXPECT_TRUE(options.eos_token_ids.empty());
  EXPECT_EQ(options.decoder_start_token_id, kNoToken);
  EXPECT_TRUE(reported_.empty());
}

TEST_F(GenerationConfigTest, ReadsATranslationModels) {
  const GenerationOptions options = accepted(R"({
    "bad_words_ids": [[999]], "bos_token_id": 0, "decoder_start_token_id": 999, "eos_token_id": 0,
    "forced_eos_token_id": 0, "max_length": 512, "num_beams": 6, "pad_token_id": 999,
    "renormalize_logits": true, "transformers_version": "4.32.0.dev0", "early_stopping": true})");
  EXPECT_EQ(options.beams, 6);
  EXPECT_EQ(options.bad_words_ids, (std::vector<Ids>{{999}}));
  EXPECT_EQ(options.eos_token_ids, Ids{0});
  EXPECT_EQ(options.forced_eos_token_id, Ids{0});
  EXPECT_EQ(options.decoder_start_token_id, 999);
  EXPECT_EQ(options.bos_token_id, 0);
  EXPECT_EQ(options.pad_token_id, 999);
  EXPECT_EQ(options.max_length, 512);
  EXPECT_EQ(options.early_stopping, EarlyStopping::kYes);
  EXPECT_TRUE(options.renormalize_logits);
  EXPECT_TRUE(reported_.empty());
}

TEST_F(GenerationConfigTest, ReadsASummarisers) {
  const GenerationOptions options = accepted(R"({
    "_from_model_config": true, "early_stopping": "never", "forced_bos_token_id": 0,
    "length_penalty": 2.0, "max_length": 142, "min_length": 56, "no_repeat_ngram_size": 3,
    "num_beams": 4, "num_return_sequences": 2, "repetition_penalty": 1.2, "max_new_tokens": 60,
    "min_new_tokens": 10, "suppress_tokens": [5, 6], "begin_suppress_tokens": [7],
    "eos_token_id": [2, 3], "forced_eos_token_id": [2, 3]})");
  EXPECT_EQ(options.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(options.forced_bos_token_id, 0);
  EXPECT_EQ(options.length_penalty, 2.0);
  EXPECT_EQ(options.max_length, 142);
  EXPECT_EQ(options.min_length, 56);
  EXPECT_EQ(options.max_new_tokens, 60);
  EXPECT_EQ(options.min_new_tokens, 10);
  EXPECT_EQ(options.no_repeat_ngram_size, 3);
  EXPECT_EQ(options.num_return_sequences, 2);
  EXPECT_EQ(options.repetition_penalty, 1.2);
  EXPECT_EQ(options.suppress_tokens, (Ids{5, 6}));
  EXPECT_EQ(options.begin_suppress_tokens, Ids{7});
  EXPECT_EQ(options.eos_token_ids, (Ids{2, 3}));
  EXPECT_EQ(options.forced_eos_token_id, (Ids{2, 3}));
}

TEST_F(GenerationConfigTest, SamplingHoldsWhereItIsOn) {
  const std::string fields = R"("temperature": 0.6, "top_k": 20, "top_p": 0.9)";
  const GenerationOptions off = accepted("{" + fields + "}");
  EXPECT_EQ(off.temperature, 0.0);
  EXPECT_EQ(off.top_k, 0);
  EXPECT_EQ(off.top_p, 1.0);
  const GenerationOptions on = accepted(R"({"do_sample": true, )" + fields + "}");
  EXPECT_EQ(on.temperature, 0.6);
  EXPECT_EQ(on.top_k, 20);
  EXPECT_EQ(on.top_p, 0.9);
  const GenerationOptions defaults = accepted(R"({"do_sample": true, "top_p": null})");
  EXPECT_EQ(defaults.temperature, 1.0);
  EXPECT_EQ(defaults.top_k, 50);
  EXPECT_EQ(defaults.top_p, 1.0);
}

TEST_F(GenerationConfigTest, MinPHoldsWhereSamplingIsOn) {
  EXPECT_EQ(accepted(R"({"do_sample": true, "min_p": 0.05})").min_p, 0.05);
  EXPECT_EQ(accepted(R"({"min_p": 0.05})").min_p, 0.0);
  EXPECT_EQ(accepted(R"({"do_sample": true})").min_p, 0.0);
  expect_refused(R"({"do_sample": true, "min_p": 1.5})", "min_p");
}

TEST_F(GenerationConfigTest, StopStringsAreATextOrSeveral) {
  EXPECT_EQ(accepted(R"({"stop_strings": "END"})").stop_strings, std::vector<std::string>{"END"});
  EXPECT_EQ(accepted(R"({"stop_strings": ["\n\n", "END"]})").stop_strings,
            (std::vector<std::string>{"\n\n", "END"}));
  EXPECT_TRUE(accepted(R"({"stop_strings": null})").stop_strings.empty());
  for (const char* const bad : {R"({"stop_strings": ""})", R"({"stop_strings": ["a", ""]})",
                                R"({"stop_strings": 3})", R"({"stop_strings": [3]})"}) {
    expect_refused(bad, "stop_strings");
  }
}

TEST_F(GenerationConfigTest, ABiasOfSingleTokensIsRead) {
  const GenerationOptions options =
      accepted(R"({"sequence_bias": [[[1], 2.5], [[7], -3], [[1], -1.5]]})");
  EXPECT_EQ(options.logit_bias, (std::vector<LogitBias>{{7, -3.0}, {1, -1.5}}));
  for (const char* const bad :
       {R"({"sequence_bias": [[[1, 2], 2.0]]})", R"({"sequence_bias": [[[1000], 2.0]]})",
        R"({"sequence_bias": [[[1], 1e300]]})", R"({"sequence_bias": {"1": 2}})",
        R"({"sequence_bias": [[1, 2]]})", R"({"sequence_bias": [[[1], "2"]]})"}) {
    expect_refused(bad, "sequence_bias");
  }
}

TEST_F(GenerationConfigTest, NullIsAbsent) {
  const GenerationOptions options = accepted(R"({"num_beams": null, "eos_token_id": null,
    "bad_words_ids": null, "constraints": null, "typical_p": null, "early_stopping": null})");
  EXPECT_EQ(options.beams, 1);
  EXPECT_TRUE(options.eos_token_ids.empty());
}

TEST_F(GenerationConfigTest, WhatChangesNothingIsIgnored) {
  accepted(R"({"use_cache": true, "transformers_version": "5.0", "num_beam_groups": 1,
    "diversity_penalty": 0.5, "renormalize_logits": false, "typical_p": 1.0, "penalty_alpha": 0, "guidance_scale": 1,
    "encoder_no_repeat_ngram_size": 0, "encoder_repetition_penalty": 1.0, "token_healing": false,
    "output_scores": true, "num_assistant_tokens": 5, "min_p": 0.1, "typical_p": 0.5,
    "cache_implementation": "static"})");
  EXPECT_TRUE(reported_.empty()) << reported_[0];
}

TEST_F(GenerationConfigTest, AnIdOfPaddingWithoutARowIsDropped) {
  EXPECT_EQ(accepted(R"({"pad_token_id": -1})").pad_token_id, kNoToken);
  EXPECT_EQ(accepted(R"({"pad_token_id": 1000})").pad_token_id, kNoToken);
  EXPECT_EQ(accepted(R"({"pad_token_id": 999})").pad_token_id, 999);
}

TEST_F(GenerationConfigTest, UnknownFieldsAreReported) {
  accepted(R"({"chat_format": "chatml", "num_beams": 2})");
  EXPECT_EQ(reported_,
            std::vector<std::string>{
                "'folder/generation_config.json': unknown field 'chat_format' is ignored"});
}

TEST_F(GenerationConfigTest, WhatWouldChangeResultsIsRefusedWhenItIsObeyed) {
  for (const char* const field :
       {R"("penalty_alpha": 0.6)", R"("constraints": [])", R"("force_words_ids": [[1]])",
        R"("encoder_no_repeat_ngram_size": 3)", R"("encoder_repetition_penalty": 1.5)",
        R"("guidance_scale": 1.5)", R"("token_healing": true)",
        R"("exponential_decay_length_penalty": [5, 1.1])", R"("max_time": 2.0)",
        R"("watermarking_config": {})", R"("dola_layers": "high")",
        R"("forced_decoder_ids": [[1, 2]])"}) {
    const std::string text(field);
    const std::string name = text.substr(1, text.find('"', 1) - 1);
    expect_refused("{" + text + "}", name, "'" + name + "' is not supported");
  }
  for (const char* const name : {"typical_p", "epsilon_cutoff", "eta_cutoff", "top_h"}) {
    expect_refused(R"({"do_sample": true, ")" + std::string(name) + R"(": 0.3})", name,
                   "'" + std::string(name) + "' is not supported");
  }
  expect_refused(R"({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5})",
                 "num_beam_groups", "'num_beam_groups' is not supported");
  expect_refused(R"({"do_sample": true, "num_beams": 2})", "do_sample",
                 "'do_sample' with 'num_beams' above 1 is not supported");
}

TEST_F(GenerationConfigTest, WhatIsNotObeyedIsNotMentioned) {
  for (const char* const json :
       {R"({"num_beam_groups": 2})", R"({"num_beams": 4, "penalty_alpha": 0.6})",
        R"({"do_sample": true, "penalty_alpha": 0.6})", R"({"num_beams": 4, "dola_layers": [1]})",
        R"({"min_p": "some", "top_k": -1, "temperature": 0, "top_p": [1]})",
        R"({"length_penalty": 99, "early_stopping": "maybe"})",
        R"({"max_length": 0, "max_new_tokens": 5, "min_length": -1, "min_new_tokens": 2})",
        R"({"pad_token_id": -2})"}) {
    const GenerationOptions options = read(json);
    EXPECT_TRUE(validate(options, kVocabulary).ok()) << json;
    EXPECT_TRUE(reported_.empty()) << reported_[0];
  }
}

TEST_F(GenerationConfigTest, ContradictionsAreLeftToWhoeverGenerates) {
  for (const auto& [json, message] :
       {std::pair(R"({"max_length": 5, "min_length": 9})",
                  "option 'min_length': expected at most max_length, found 9"),
        std::pair(R"({"num_return_sequences": 3})",
                  "option 'num_return_sequences': expected 1 to 1, found 3")}) {
    const GenerationOptions options = read(json);
    EXPECT_EQ(validate(options, kVocabulary).message(), message);
  }
}

TEST_F(GenerationConfigTest, WhatIsNoJsonObjectIsRefused) {
  const auto message = [](const char* text) {
    const Result<Config> config = Config::parse(text, "generation_config.json");
    EXPECT_EQ(config.status().code(), StatusCode::kDataLoss) << text;
    return config.status().message();
  };
  EXPECT_EQ(message("[]"), "'generation_config.json': expected an object, found an array");
  EXPECT_EQ(message("null"), "'generation_config.json': expected an object, found null");
  EXPECT_EQ(message(R"({"num_beams": 1)"), "'generation_config.json': not JSON: error at byte 16");
  // Python writes these for numbers that JSON lacks.
  expect_refused(R"({"num_beams": 2, "length_penalty": NaN})", "length_penalty",
                 "'length_penalty': expected a number from -10 to 10, found 'NaN'");
  EXPECT_EQ(message(R"({"length_penalty": 1e400})"),
            "'generation_config.json': not JSON: a number is out of range");
}

TEST_F(GenerationConfigTest, TypesAndRangesAreChecked) {
  const auto refused = [this](const std::string& json, const std::string& message) {
    expect_refused(json, message.substr(1, message.find('\'', 1) - 1), message);
  };
  refused(R"({"num_beams": "4"})", "'num_beams': expected an integer from 1 to 64, found '4'");
  refused(R"({"num_beams": 0})", "'num_beams': expected an integer from 1 to 64, found 0");
  refused(R"({"num_beams": 4.0})", "'num_beams': expected an integer from 1 to 64, found 4.0");
  refused(R"({"do_sample": 1})", "'do_sample': expected true or false, found 1");
  refused(R"({"num_beams": 2, "early_stopping": "always"})",
          "'early_stopping': expected true, false or \"never\", found 'always'");
  refused(R"({"num_beams": 2, "length_penalty": "1"})",
          "'length_penalty': expected a number from -10 to 10, found '1'");
  refused(R"({"do_sample": true, "temperature": 0})",
          "'temperature': expected a number from 1e-06 to 1e+06, found 0");
  refused(R"({"do_sample": true, "top_p": 1.5})",
          "'top_p': expected a number from 1e-06 to 1, found 1.5");
  refused(R"({"eos_token_id": 1000})",
          "'eos_token_id': expected an integer or an array of integers from 0 to 999, found 1000");
  refused(R"({"eos_token_id": [2, "3"]})",
          "'eos_token_id': expected an array of integers from 0 to 999, found an array "
          "with '3'");
  refused(R"({"eos_token_id": [2, 18446744073709551615]})",
          "'eos_token_id': expected an array of integers from 0 to 999, found an array "
          "with 18446744073709551615");
  refused(R"({"suppress_tokens": {"1": 2}})",
          "'suppress_tokens': expected an integer or an array of integers from 0 to 999, found an "
          "object");
  refused(R"({"bad_words_ids": [1]})",
          "'bad_words_ids': expected an array of arrays of integers from 0 to 999, found an array "
          "with 1");
  refused(
      R"({"bad_words_ids": [[1], [2, -3]]})",
      "'bad_words_ids': expected an array of arrays of integers from 0 to 999, found an array with "
      "-3");
  refused(R"({"bad_words_ids": 1})",
          "'bad_words_ids': expected an array of arrays of integers from 0 to 999, found 1");
  refused(R"({"bad_words_ids": [[1], []]})",
          "'bad_words_ids': expected a list of lists that are not empty, found an array");
  refused(R"({"suppress_tokens": [5, [6]]})",
          "'suppress_tokens': expected an array of integers from 0 to 999, found an array "
          "with an array");
  refused(R"({"forced_eos_token_id": [2, 1000]})",
          "'forced_eos_token_id': expected an array of integers from 0 to 999, found an array with "
          "1000");
  refused(R"({"max_length": 0})",
          "'max_length': expected an integer from 1 to 2147483647, found 0");
  refused(R"({"num_beams": 65})", "'num_beams': expected an integer from 1 to 64, found 65");
  refused(R"({"num_beams": 2, "length_penalty": 1e308})",
          "'length_penalty': expected a number from -10 to 10, found 1e+308");
  refused(R"({"forced_bos_token_id": 1000})",
          "'forced_bos_token_id': expected an integer from 0 to 999, found 1000");
  refused(R"({"num_beams": 2, "num_beam_groups": "two"})",
          "'num_beam_groups': expected a number, found 'two'");
}

}  // namespace
}  // namespace lanewise::converters

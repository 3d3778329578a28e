// What validate() refuses, and the JSON of options in model files.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "lanewise/generation.hpp"
#include "runtime/generate/options_json.hpp"

namespace lanewise::generate {
namespace {

using Json = nlohmann::json;

constexpr int64_t kGenerateOptionsVocabulary = 100;

/// Options with one change.
GenerationOptions with(const std::function<void(GenerationOptions&)>& change) {
  GenerationOptions options;
  change(options);
  return options;
}

void expect_refused(const GenerationOptions& options, const std::string& message) {
  const Status status = validate(options, kGenerateOptionsVocabulary);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << message;
  EXPECT_EQ(status.message(), message);
}

TEST(GenerationOptionsTest, DefaultsAreValid) {
  EXPECT_TRUE(validate({}, kGenerateOptionsVocabulary).ok());
  EXPECT_TRUE(validate({}, 1).ok());
}

TEST(GenerationOptionsTest, WhatModelsUseIsValid) {
  GenerationOptions options;
  options.beams = 5;
  options.num_return_sequences = 5;
  options.length_penalty = -1.0;
  options.early_stopping = EarlyStopping::kNever;
  options.max_length = 20;
  options.min_length = 20;
  options.no_repeat_ngram_size = 3;
  options.bad_words_ids = {{99}, {0, 1}};
  options.forced_bos_token_id = 0;
  options.forced_eos_token_id = {2, 3};
  options.eos_token_ids = {2, 3};
  options.pad_token_id = 99;
  EXPECT_TRUE(validate(options, kGenerateOptionsVocabulary).ok());
  // new tokens override the others, which may then be invalid
  options.max_new_tokens = 5;
  options.min_length = 90;
  EXPECT_TRUE(validate(options, kGenerateOptionsVocabulary).ok());
}

TEST(GenerationOptionsTest, TheKindOfSearchIsChecked) {
  expect_refused(with([](auto& o) { o.beams = 0; }), "option 'beams': expected 1 to 64, found 0");
  expect_refused(with([](auto& o) { o.beams = 65; }), "option 'beams': expected 1 to 64, found 65");
  expect_refused(with([](auto& o) { o.num_return_sequences = 2; }),
                 "option 'num_return_sequences': expected 1 to 1, found 2");
  expect_refused(with([](auto& o) {
                   o.beams = 4;
                   o.num_return_sequences = 5;
                 }),
                 "option 'num_return_sequences': expected 1 to 4, found 5");
  expect_refused(with([](auto& o) {
                   o.temperature = 1.0;
                   o.num_return_sequences = 257;
                 }),
                 "option 'num_return_sequences': expected 1 to 256, found 257");
  expect_refused(with([](auto& o) {
                   o.beams = 2;
                   o.temperature = 0.5;
                 }),
                 "option 'temperature': expected 0 with more than one beam, found 0.5");
}

TEST(GenerationOptionsTest, NumbersAreChecked) {
  const double nan = std::nan("");
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.1, nan, inf}) {
    const Status status =
        validate(with([bad](auto& o) { o.temperature = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'temperature'"), std::string::npos) << bad;
  }
  for (const double bad : {0.0, -1.0, 1.5, nan}) {
    const Status status =
        validate(with([bad](auto& o) { o.top_p = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'top_p'"), std::string::npos) << bad;
  }
  for (const double bad : {11.0, -11.0, nan, inf}) {
    const Status status =
        validate(with([bad](auto& o) { o.length_penalty = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'length_penalty'"), std::string::npos) << bad;
  }
  for (const double bad : {0.0, -1.0, 1e9, nan, inf}) {
    const Status status =
        validate(with([bad](auto& o) { o.repetition_penalty = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'repetition_penalty'"), std::string::npos) << bad;
  }
  for (const double bad : {-0.1, 1.1, nan, inf}) {
    const Status status =
        validate(with([bad](auto& o) { o.min_p = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'min_p'"), std::string::npos) << bad;
  }
  for (const double bad : {2e6, -2e6, nan, inf}) {
    Status status =
        validate(with([bad](auto& o) { o.frequency_penalty = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'frequency_penalty'"), std::string::npos) << bad;
    status =
        validate(with([bad](auto& o) { o.presence_penalty = bad; }), kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'presence_penalty'"), std::string::npos) << bad;
  }
  for (const double bad : {1e31, -1e31, nan, inf}) {
    const Status status = validate(with([bad](auto& o) {
                                     o.logit_bias = {{3, bad}};
                                   }),
                                   kGenerateOptionsVocabulary);
    EXPECT_NE(status.message().find("'logit_bias'"), std::string::npos) << bad;
  }
  expect_refused(with([](auto& o) { o.top_logprobs = 101; }),
                 "option 'top_logprobs': expected -1 to 100, found 101");
  expect_refused(with([](auto& o) { o.top_k = -1; }),
                 "option 'top_k': expected 0 or more, found -1");
  expect_refused(with([](auto& o) { o.no_repeat_ngram_size = -1; }),
                 "option 'no_repeat_ngram_size': expected 0 or more, found -1");
}

TEST(GenerationOptionsTest, LengthsAreChecked) {
  expect_refused(with([](auto& o) { o.max_new_tokens = -1; }),
                 "option 'max_new_tokens': expected 0 or more, found -1");
  expect_refused(with([](auto& o) { o.max_length = -1; }),
                 "option 'max_length': expected 0 or more, found -1");
  expect_refused(with([](auto& o) { o.min_new_tokens = -1; }),
                 "option 'min_new_tokens': expected 0 or more, found -1");
  expect_refused(with([](auto& o) { o.min_length = -1; }),
                 "option 'min_length': expected 0 or more, found -1");
  expect_refused(with([](auto& o) {
                   o.max_new_tokens = 4;
                   o.min_new_tokens = 5;
                 }),
                 "option 'min_new_tokens': expected at most max_new_tokens, found 5");
  expect_refused(with([](auto& o) {
                   o.max_length = 4;
                   o.min_length = 5;
                 }),
                 "option 'min_length': expected at most max_length, found 5");
}

TEST(GenerationOptionsTest, IdsAreChecked) {
  for (const int32_t bad : {-1, 100}) {
    const std::string found = ": expected 0 to 99, found " + std::to_string(bad);
    expect_refused(with([bad](auto& o) {
                     o.eos_token_ids = {2, bad};
                   }),
                   "option 'eos_token_ids'" + found);
    expect_refused(with([bad](auto& o) { o.suppress_tokens = {bad}; }),
                   "option 'suppress_tokens'" + found);
    expect_refused(with([bad](auto& o) { o.begin_suppress_tokens = {bad}; }),
                   "option 'begin_suppress_tokens'" + found);
    expect_refused(with([bad](auto& o) { o.forced_eos_token_id = {bad}; }),
                   "option 'forced_eos_token_id'" + found);
    expect_refused(with([bad](auto& o) {
                     o.bad_words_ids = {{1}, {2, bad}};
                   }),
                   "option 'bad_words_ids'" + found);
  }
  for (const int32_t bad : {-2, 100}) {
    const std::string found = ": expected 0 to 99, found " + std::to_string(bad);
    expect_refused(with([bad](auto& o) { o.forced_bos_token_id = bad; }),
                   "option 'forced_bos_token_id'" + found);
    expect_refused(with([bad](auto& o) { o.decoder_start_token_id = bad; }),
                   "option 'decoder_start_token_id'" + found);
    expect_refused(with([bad](auto& o) { o.bos_token_id = bad; }), "option 'bos_token_id'" + found);
    expect_refused(with([bad](auto& o) { o.pad_token_id = bad; }), "option 'pad_token_id'" + found);
  }
  expect_refused(with([](auto& o) {
                   o.bad_words_ids = {{1}, {}};
                 }),
                 "option 'bad_words_ids': expected lists of ids, found an empty list");
}

TEST(GenerationOptionsTest, BiasesAndStopStringsAreChecked) {
  for (const int32_t bad : {-1, 100}) {
    expect_refused(with([bad](auto& o) {
                     o.logit_bias = {{1, 1.0}, {bad, 1.0}};
                   }),
                   "option 'logit_bias': expected 0 to 99, found " + std::to_string(bad));
  }
  expect_refused(with([](auto& o) {
                   o.logit_bias = {{7, 1.0}, {2, 1.0}, {7, 3.0}};
                 }),
                 "option 'logit_bias': expected one number for each token, found two for token 7");
  expect_refused(with([](auto& o) {
                   o.stop_strings = {"a", ""};
                 }),
                 "option 'stop_strings': expected texts, found an empty one");
  const Status bytes =
      validate(with([](auto& o) { o.stop_strings = {"\xff"}; }), kGenerateOptionsVocabulary);
  EXPECT_EQ(bytes.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(bytes.message().find("'stop_strings'"), std::string::npos);
}

/// The searches in which validate() refuses options whose checkpoint sets `field`.
std::string refused_in(const std::string& field) {
  const auto is_refused = [&](GenerationOptions options) {
    options.unsupported = {{"never_heard_of", "overridden"}, {field, field + " is the reason"}};
    const std::string_view overridden[] = {"never_heard_of"};
    override_unsupported(options, overridden);
    const Status status = validate(options, kGenerateOptionsVocabulary);
    if (status.ok()) return false;
    EXPECT_EQ(status.code(), StatusCode::kUnsupported);
    EXPECT_EQ(status.message(), field + " is the reason");
    return true;
  };
  std::string searches;
  if (is_refused({})) searches += "greedy ";
  if (is_refused(with([](auto& o) { o.temperature = 0.5; }))) searches += "samples ";
  if (is_refused(with([](auto& o) { o.beams = 4; }))) searches += "beams ";
  if (is_refused(with([](auto& o) { o.max_new_tokens = o.min_new_tokens = 2; }))) searches += "new";
  return searches;
}

TEST(UnsupportedOptionsTest, AreRefusedWhereTheyWouldBeObeyed) {
  for (const char* const field :
       {"temperature", "top_k", "top_p", "top_h", "min_p", "typical_p", "eta_cutoff"}) {
    EXPECT_EQ(refused_in(field), "samples ") << field;
  }
  for (const char* const field : {"num_beam_groups", "length_penalty", "early_stopping"}) {
    EXPECT_EQ(refused_in(field), "beams ") << field;
  }
  EXPECT_EQ(refused_in("penalty_alpha"), "greedy new");
  EXPECT_EQ(refused_in("dola_layers"), "greedy samples new");
  EXPECT_EQ(refused_in("max_length"), "greedy samples beams ");
  EXPECT_EQ(refused_in("min_length"), "greedy samples beams ");
  for (const char* const field : {"stop_strings", "constraints", "num_beams", "eos_token_id"}) {
    EXPECT_EQ(refused_in(field), "greedy samples beams new") << field;
  }
}

GenerationOptions all_set() {
  GenerationOptions o;
  o.num_return_sequences = 3;
  o.length_penalty = 0.6;
  o.early_stopping = EarlyStopping::kNever;
  o.max_new_tokens = 50;
  o.max_length = 60;
  o.min_new_tokens = 5;
  o.min_length = 7;
  o.temperature = 0.7;
  o.top_k = 40;
  o.top_p = 0.9;
  o.min_p = 0.05;
  o.logit_bias = {{5, -100.0}, {6, 1.5}};
  o.frequency_penalty = -0.5;
  o.presence_penalty = 0.25;
  o.stop_strings = {"\n", "END"};
  o.top_logprobs = 0;
  o.seed = 0xffffffffffffffff;
  o.repetition_penalty = 1.1;
  o.no_repeat_ngram_size = 3;
  o.suppress_tokens = {1, 2};
  o.begin_suppress_tokens = {3};
  o.bad_words_ids = {{4}, {5, 6}};
  o.forced_bos_token_id = 0;
  o.forced_eos_token_id = {2};
  o.eos_token_ids = {2, 7};
  o.decoder_start_token_id = 8;
  o.bos_token_id = 9;
  o.pad_token_id = 10;
  o.renormalize_logits = true;
  o.unsupported = {{"stop_strings", "'stop_strings' is not supported"}, {"min_p", "no min_p"}};
  return o;
}

Json written(const GenerationOptions& options) { return Json::parse(to_json(options).text()); }

Result<GenerationOptions> read_options(const Json& options) {
  const auto json = base::parse_json(Json{{"generation", options}}.dump(), 1 << 20);
  EXPECT_TRUE(json.ok()) << json.status().message();
  const auto fields = base::JsonFields::of(json->root(), "")->object("generation");
  if (!fields.ok()) return fields.status();
  return options_from_json(*fields, kGenerateOptionsVocabulary);
}

TEST(GenerationOptionsJsonTest, EveryFieldComesBack) {
  const Json json = written(all_set());
  EXPECT_EQ(json.size(), 30u) << "all but beams";
  EXPECT_EQ(json["early_stopping"], "never");
  EXPECT_EQ(json["seed"], 0xffffffffffffffff);
  const auto back = read_options(json);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(written(*back), json);
  GenerationOptions beams;
  beams.beams = 4;
  EXPECT_EQ(written(beams), (Json{{"beams", 4}}));
}

TEST(GenerationOptionsJsonTest, DefaultsAreLeftOut) {
  EXPECT_EQ(written({}), Json::object());
  const auto back = read_options(Json::object());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(written(*back), Json::object());
}

TEST(GenerationOptionsJsonTest, DamagedValuesAreDataLoss) {
  for (const char* const text : {
           R"([])",
           R"("beams")",
           R"({"beams": "4"})",
           R"({"beams": 4.0})",
           R"({"beams": -1})",
           R"({"beams": 0})",
           R"({"beams": 3000000000})",
           R"({"beams": null})",
           R"({"num_beams": 4})",
           R"({"temperature": "hot"})",
           R"({"temperature": -1})",
           R"({"top_p": 2})",
           R"({"seed": -1})",
           R"({"seed": 1.5})",
           R"({"max_new_tokens": 18446744073709551615})",
           R"({"early_stopping": true})",
           R"({"early_stopping": "maybe"})",
           R"({"eos_token_ids": 2})",
           R"({"eos_token_ids": [2, "3"]})",
           R"({"eos_token_ids": [-1]})",
           R"({"eos_token_ids": [100]})",
           R"({"bad_words_ids": [1]})",
           R"({"bad_words_ids": [[]]})",
           R"({"bad_words_ids": [[[1]]]})",
           R"({"forced_bos_token_id": -1})",
           R"({"forced_bos_token_id": [1]})",
           R"({"renormalize_logits": 1})",
           R"({"min_p": 2})",
           R"({"logit_bias": [[5, 1]]})",
           R"({"logit_bias": [{"id": 100, "bias": 1}]})",
           R"({"logit_bias": [{"id": 5}]})",
           R"({"stop_strings": "a"})",
           R"({"stop_strings": [""]})",
           R"({"top_logprobs": -1})",
           R"({"frequency_penalty": "1"})",
           R"({"unsupported": ["stop_strings"]})",
           R"({"unsupported": [{"field": "stop_strings"}]})",
           R"({"unsupported": {"field": "stop_strings", "reason": "none"}})",
       }) {
    const auto read = read_options(Json::parse(text));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().code(), StatusCode::kDataLoss) << text;
    EXPECT_TRUE(read.status().message().starts_with("generation")) << read.status().message();
  }
}

TEST(GenerationOptionsJsonTest, WhatOnlyContradictsItselfIsRead) {
  for (const char* const text :
       {R"({"min_length": 5, "max_length": 4})", R"({"beams": 4, "temperature": 0.5})",
        R"({"num_return_sequences": 3})"}) {
    const auto read = read_options(Json::parse(text));
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(validate(*read, kGenerateOptionsVocabulary).code(), StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(GenerationOptionsJsonTest, MessagesNameTheField) {
  EXPECT_EQ(read_options({{"top_k", "many"}}).status().message(),
            "generation.top_k: expected an integer from 0 to 2147483647, found 'many'");
}

}  // namespace
}  // namespace lanewise::generate

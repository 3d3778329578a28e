// Stop strings of a model with a tokenizer, and logits that the caller changes.

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include "lanewise/generator.hpp"
#include "lanewise/tokenizer.hpp"
#include "lanewise/translator.hpp"
#include "tests/converters/hf_folder.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

using Ids = std::vector<int32_t>;
using Stops = std::vector<std::string>;

constexpr float kNever = -std::numeric_limits<float>::infinity();
const std::string kText = "hi user, hi\xC3\xA9!";
const Stops kStopStringsTokens = {"hi", "Ġ", "user", ",", "Ġhi", "Ã", "©", "!", "</s>"};

/// A LLaMA with the tokenizer of make_chat_folders.py, which writes what a test dictates.
class StopStringsTest : public HfDecoderFolderTest {
 protected:
  void SetUp() override {
    HfDecoderFolderTest::SetUp();
    use("llama");
    std::ifstream in(test_data_folder() + "/chat/folders.json");
    const auto folders = nlohmann::ordered_json::parse(in, nullptr, false);
    put("tokenizer.json", folders[0]["files"]["tokenizer.json"].dump());
    model_.emplace(loaded());
    auto tokenizer = Tokenizer::of(*model_);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    tokenizer_.emplace(*std::move(tokenizer));
  }

  Ids ids_of(const Stops& tokens) const {
    Ids ids;
    for (const std::string& token : tokens) {
      const auto id = tokenizer_->id(token);
      EXPECT_TRUE(id.ok() && id->has_value()) << token;
      if (id.ok()) ids.push_back(id->value_or(0));
    }
    return ids;
  }

  /// Forbids all tokens but the next one of `script`.
  static GenerationCallbacks dictating(const Ids& script) {
    GenerationCallbacks callbacks;
    callbacks.on_logits = [script](int64_t, std::span<const int32_t> ids, std::span<float> logits) {
      for (size_t i = 0; i < logits.size(); ++i) {
        if (static_cast<int32_t>(i) != script.at(ids.size())) logits[i] = kNever;
      }
    };
    return callbacks;
  }

  GenerationOptions options(const Stops& stops) const {
    GenerationOptions options = model_->info().generation;
    options.max_new_tokens = 30;
    options.stop_strings = stops;
    return options;
  }

  Generator generator() const {
    auto made = Generator::create(*model_);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return std::move(made).value();
  }

  /// What is generated behind `hi`, and as a stream.
  Hypothesis generate(const Ids& script, const GenerationOptions& options, std::string* streamed) {
    const std::vector<Ids> sources = {ids_of({"hi"})};
    auto stream = TextStream::create(*tokenizer_, sources[0], options.stop_strings);
    EXPECT_TRUE(stream.ok());
    GenerationCallbacks callbacks = dictating(script);
    callbacks.on_token = [&](int64_t, int32_t token) {
      const auto piece = stream->add(token);
      EXPECT_TRUE(piece.ok());
      streamed->append(*piece);
      return true;
    };
    auto generations = generator().generate(sources, options, callbacks);
    EXPECT_TRUE(generations.ok()) << generations.status().message();
    streamed->append(*stream->finish());
    return generations.ok() ? generations->front().hypotheses.front() : Hypothesis();
  }

  void expect(const Stops& tokens, const Stops& stops, const std::string& text, size_t ids,
              FinishReason reason) {
    SCOPED_TRACE(testing::PrintToString(stops));
    std::string streamed;
    const Hypothesis found = generate(ids_of(tokens), options(stops), &streamed);
    EXPECT_EQ(found.ids.size(), ids);
    EXPECT_EQ(found.finish_reason, reason);
    const auto whole = tokenizer_->decode_after(ids_of({"hi"}), found.ids);
    ASSERT_TRUE(whole.ok());
    EXPECT_EQ(text_before_stop(*whole, stops), text);
    EXPECT_EQ(streamed, text);
  }

  std::optional<Model> model_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(StopStringsTest, EndTheTextWhereverTheyBeginAndEnd) {
  const auto stop = FinishReason::kStop;
  expect(kStopStringsTokens, {}, kText, 8, FinishReason::kEos);
  expect(kStopStringsTokens, {"ser"}, "hi u", 3, stop);              // the end of a token
  expect(kStopStringsTokens, {"se"}, "hi u", 3, stop);               // the middle of one
  expect(kStopStringsTokens, {"user"}, "hi ", 3, stop);              // all of one
  expect(kStopStringsTokens, {"r, h"}, "hi use", 5, stop);           // parts of three
  expect(kStopStringsTokens, {"\xC3\xA9"}, "hi user, hi", 7, stop);  // a character of two tokens
  expect(kStopStringsTokens, {"i\xC3\xA9!"}, "hi user, h", 8, stop);
  expect(kStopStringsTokens, {"i"}, "h", 1, stop);
  expect(kStopStringsTokens, {kText}, "", 8, stop);  // everything, just before the end token
  expect(kStopStringsTokens, {"!"}, "hi user, hi\xC3\xA9", 8, stop);
  expect(kStopStringsTokens, {"?", "hi!", "  "}, kText, 8, FinishReason::kEos);
  expect(kStopStringsTokens, {"user", ", ", "e"}, "hi us", 3, stop);
  expect(kStopStringsTokens, {"</s>"}, kText, 8, FinishReason::kEos);
}

TEST_F(StopStringsTest, BeginningsOverlap) {
  const auto stop = FinishReason::kStop;
  expect({"a", "a", "a", "b", "</s>"}, {"aab"}, "a", 4, stop);
  expect({"a", "a", "a", "c", "</s>"}, {"aab"}, "aaac", 4, FinishReason::kEos);
  expect({"a", "b", "a", "b", "a", "c", "</s>"}, {"abac", "babb"}, "ab", 6, stop);
  expect({"a", "a", "</s>"}, {"aab"}, "aa", 2, FinishReason::kEos);
}

TEST_F(StopStringsTest, ASpecialTokenStopsByItsName) {
  expect({"hi", "<tool>", "a", "</s>"}, {"<tool>"}, "hi", 2, FinishReason::kStop);
  expect({"hi", "<tool>", "a", "</s>"}, {"tool"}, "hia", 3, FinishReason::kEos);
}

TEST_F(StopStringsTest, ThePromptIsNotSearched) {
  // The prompt is `hi`: neither it nor what spans both counts.
  expect({"a", "b", "</s>"}, {"hi", "hia", "ia"}, "ab", 2, FinishReason::kEos);
}

TEST_F(StopStringsTest, ALengthThatIsReachedWithAStopIsAStop) {
  GenerationOptions limited = options({"user"});
  limited.max_new_tokens = 3;
  std::string streamed;
  const Hypothesis found = generate(ids_of(kStopStringsTokens), limited, &streamed);
  EXPECT_EQ(found.finish_reason, FinishReason::kStop);
  EXPECT_EQ(streamed, "hi ");
  limited.stop_strings = {"user,"};
  streamed.clear();
  EXPECT_EQ(generate(ids_of(kStopStringsTokens), limited, &streamed).finish_reason,
            FinishReason::kLength);
  EXPECT_EQ(streamed, "hi user") << "what was held back is text after all";
}

/// Whatever the model writes: beams and samples end where greedy search would.
TEST_F(StopStringsTest, HypothesesEndEachByItself) {
  for (const bool beams : {true, false}) {
    GenerationOptions several = options({"a", "e", "i", "o", "u", "er", "!", "\n"});
    several.logit_bias = {{2, -100.0}};  // no end token
    several.num_return_sequences = 4;
    if (beams) {
      several.beams = 4;
    } else {
      several.temperature = 2.0;
    }
    const std::vector<Ids> sources = {ids_of({"hi"}), ids_of({"user", "Ġhi"})};
    const auto generations = generator().generate(sources, several);
    ASSERT_TRUE(generations.ok()) << generations.status().message();
    int stopped = 0;
    for (size_t i = 0; i < sources.size(); ++i) {
      for (const Hypothesis& found : (*generations)[i].hypotheses) {
        const std::string text = *tokenizer_->decode_after(sources[i], found.ids);
        const bool has_stop = text_before_stop(text, several.stop_strings).size() < text.size();
        EXPECT_EQ(has_stop, found.finish_reason == FinishReason::kStop) << text;
        if (!has_stop) continue;
        ++stopped;
        const Ids shorter(found.ids.begin(), found.ids.end() - 1);
        const std::string before = *tokenizer_->decode_after(sources[i], shorter);
        EXPECT_EQ(text_before_stop(before, several.stop_strings), before) << "not at the first one";
      }
    }
    EXPECT_GT(stopped, 2);
  }
}

TEST_F(StopStringsTest, ATranslatorCutsItsTexts) {
  auto translator = Translator::create(*model_);
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  const std::vector<std::string_view> texts = {"hi user", "user", "hi"};
  GenerationOptions plain = options({});
  plain.max_new_tokens = 20;
  const auto whole = translator->translate(texts, plain);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  GenerationOptions stopping = plain;
  for (const Translation& one : *whole) stopping.stop_strings.push_back(one.texts[0].substr(3, 3));
  std::vector<std::string> streamed(texts.size());
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t source, std::string_view piece) {
    streamed[static_cast<size_t>(source)] += piece;
    return true;
  };
  const auto cut = translator->translate(texts, stopping, callbacks);
  ASSERT_TRUE(cut.ok()) << cut.status().message();
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string& text = (*cut)[i].texts[0];
    EXPECT_EQ(text, text_before_stop((*whole)[i].texts[0], stopping.stop_strings));
    EXPECT_LT(text.size(), (*whole)[i].texts[0].size());
    EXPECT_EQ(streamed[i], text);
    EXPECT_EQ((*cut)[i].hypotheses[0].finish_reason, FinishReason::kStop);
  }
}

TEST_F(StopStringsTest, ATranslatorGivesWhatWasHeldBackInTheEnd) {
  auto translator = Translator::create(*model_);
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  const std::vector<std::string_view> texts = {"hi user"};
  GenerationOptions limited = options({});
  limited.max_new_tokens = 8;
  const std::string whole = translator->translate(texts, limited)->front().texts[0];
  limited.stop_strings = {whole + "and more"};
  std::string streamed;
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t, std::string_view piece) {
    EXPECT_TRUE(streamed.empty());
    streamed += piece;
    return true;
  };
  const auto again = translator->translate(texts, limited, callbacks);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->front().texts[0], whole);
  EXPECT_EQ(streamed, whole);
  // Not to a caller who has stopped it.
  limited.stop_strings = {whole.substr(1) + "and more"};
  int calls = 0;
  callbacks.on_text = [&](int64_t, std::string_view) {
    ++calls;
    return false;
  };
  ASSERT_TRUE(translator->translate(texts, limited, callbacks).ok());
  EXPECT_EQ(calls, 1);
}

TEST_F(StopStringsTest, NeedATokenizer) {
  std::filesystem::remove(path("tokenizer.json"));
  model_.emplace(loaded());
  const std::vector<Ids> sources = {{5}};
  const auto generations = generator().generate(sources, options({"a"}));
  EXPECT_EQ(generations.status().code(), StatusCode::kUnsupported);
  EXPECT_TRUE(has(generations.status().message(), "stop_strings"));
}

TEST_F(StopStringsTest, ChangedLogitsAreTheModelsForScores) {
  GenerationOptions scored = options({});
  scored.top_logprobs = 1;
  std::string streamed;
  const Hypothesis found = generate(ids_of(kStopStringsTokens), scored, &streamed);
  EXPECT_EQ(found.ids, ids_of({kStopStringsTokens.begin(), kStopStringsTokens.end() - 1}));
  EXPECT_NEAR(found.score, 0.0f, 1e-6f) << "nothing else was possible";
  for (const TokenLogprob& token : found.logprobs) {
    EXPECT_NEAR(token.logprob, 0.0f, 1e-6f);
    ASSERT_EQ(token.top.size(), 1u);
    EXPECT_EQ(token.top[0].id, token.id);
  }
  // Nothing is possible.
  GenerationCallbacks callbacks;
  callbacks.on_logits = [](int64_t, std::span<const int32_t>, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), kNever);
  };
  const std::vector<Ids> sources = {{5}};
  const auto none = generator().generate(sources, options({}), callbacks);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->front().hypotheses.front().finish_reason, FinishReason::kStop);
}

}  // namespace
}  // namespace lanewise::converters

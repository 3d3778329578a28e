// What callers can do to a running Generator or Translator, with the bundled model.

#include "lanewise/translator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/converters/bundled_model.hpp"

namespace lanewise {
namespace {

class TranslatorTest : public ::testing::Test {
 protected:
  static const Model& model() { return bundled_model(); }
  static GenerationOptions options() { return model().info().generation; }

  static Translator translator(SessionOptions session = {.threads = 2}) {
    Result<Translator> made = Translator::create(model(), session);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return std::move(*made);
  }

 private:
};

using Texts = std::vector<std::string_view>;

const Texts kWords = {"transformer", "attention", "is", "all", "you", "need", "antidote"};

TEST_F(TranslatorTest, GivesATextTheSameResultAloneAndInABatchOnEveryIsa) {
  for (const std::string_view isa : available_isas()) {
    std::vector<Translation> together;
    for (const int threads : {1, 2}) {
      for (const int beams : {1, 4}) {
        Translator translate = translator({.threads = threads, .isa = std::string(isa)});
        GenerationOptions search = options();
        search.beams = beams;
        const auto all = translate.translate(kWords, search);
        ASSERT_TRUE(all.ok()) << all.status().message();
        for (size_t i = 0; i < kWords.size(); ++i) {
          const auto alone = translate.translate({&kWords[i], 1}, search);
          ASSERT_TRUE(alone.ok());
          EXPECT_EQ(alone->at(0).hypotheses[0].ids, all->at(i).hypotheses[0].ids) << isa;
          EXPECT_EQ(alone->at(0).hypotheses[0].score, all->at(i).hypotheses[0].score) << isa;
        }
      }
    }
  }
}

TEST_F(TranslatorTest, PiecesOfTextAddUpToTheText) {
  Translator translate = translator();
  std::vector<std::string> pieces(kWords.size());
  int calls = 0;
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t source, std::string_view piece) {
    pieces[static_cast<size_t>(source)] += piece;
    ++calls;
    return true;
  };
  const auto translations = translate.translate(kWords, options(), callbacks);
  ASSERT_TRUE(translations.ok());
  for (size_t i = 0; i < kWords.size(); ++i) EXPECT_EQ(pieces[i], translations->at(i).texts[0]);
  EXPECT_GT(calls, static_cast<int>(kWords.size()));
}

TEST_F(TranslatorTest, ACallbackEndsItsSourceAlone) {
  Translator translate = translator();
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t source, std::string_view) { return source != 1; };
  const auto translations = translate.translate(kWords, options(), callbacks);
  ASSERT_TRUE(translations.ok());
  EXPECT_EQ(translations->at(1).hypotheses[0].finish_reason, FinishReason::kStop);
  EXPECT_EQ(translations->at(1).hypotheses[0].ids.size(), 1u);
  EXPECT_EQ(translations->at(0).hypotheses[0].finish_reason, FinishReason::kEos);
}

/// The last token is not fed to the decoder, so with the start token it has as many positions as
/// there are new tokens.
TEST_F(TranslatorTest, WritesAsManyTokensAsTheModelHasPlacesFor) {
  Translator translate = translator();
  GenerationOptions search = options();
  search.suppress_tokens = search.eos_token_ids;
  search.max_new_tokens = search.max_length = 0;
  for (const int beams : {1, 2}) {
    search.beams = beams;
    const auto translations = translate.translate({kWords.data(), 1}, search);
    ASSERT_TRUE(translations.ok()) << translations.status().message();
    const Hypothesis& written = translations->at(0).hypotheses[0];
    EXPECT_EQ(static_cast<int64_t>(written.ids.size()), model().info().max_target_tokens);
    EXPECT_EQ(written.finish_reason, FinishReason::kLength);
  }
}

TEST_F(TranslatorTest, CancellingReturnsWhatThereIs) {
  Translator translate = translator();
  std::atomic<bool> cancel = false;
  int pieces = 0;
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t, std::string_view) {
    if (++pieces == 10) cancel = true;
    return true;
  };
  const auto translations = translate.translate(kWords, options(), callbacks, {.cancel = &cancel});
  ASSERT_TRUE(translations.ok()) << translations.status().message();
  ASSERT_EQ(translations->size(), kWords.size());
  EXPECT_EQ(translations->at(0).hypotheses[0].finish_reason, FinishReason::kCancelled);
  EXPECT_FALSE(translations->at(0).hypotheses[0].ids.empty());
  // The next run is unaffected.
  cancel = false;
  const auto again = translate.translate({kWords.data(), 1}, options(), {}, {.cancel = &cancel});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->at(0).hypotheses[0].finish_reason, FinishReason::kEos);
}

TEST_F(TranslatorTest, ADeadlineThatHasPassedLeavesNothing) {
  Translator translate = translator();
  RunOptions late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto translations = translate.translate(kWords, options(), {}, late);
  ASSERT_TRUE(translations.ok());
  for (const Translation& translation : *translations) {
    EXPECT_EQ(translation.hypotheses.at(0).finish_reason, FinishReason::kCancelled);
    EXPECT_EQ(translation.texts.at(0), "");
  }
}

TEST_F(TranslatorTest, ReportsHypothesesOfBeams) {
  auto generator = Generator::create(model(), {.threads = 2});
  ASSERT_TRUE(generator.ok());
  GenerationOptions search = options();
  search.beams = 3;
  search.num_return_sequences = 3;
  std::vector<std::vector<int32_t>> reported;
  GenerationCallbacks callbacks;
  callbacks.on_hypothesis = [&](int64_t, const Hypothesis& hypothesis) {
    reported.push_back(hypothesis.ids);
    return true;
  };
  const std::vector<std::vector<int32_t>> sources = {{5, 9, 12}};
  const auto generations = generator->generate(sources, search, callbacks);
  ASSERT_TRUE(generations.ok()) << generations.status().message();
  for (const Hypothesis& hypothesis : generations->at(0).hypotheses) {
    EXPECT_NE(std::find(reported.begin(), reported.end(), hypothesis.ids), reported.end());
  }
}

TEST_F(TranslatorTest, NamesTheTextThatItCannotTake) {
  Translator translate = translator();
  const auto message = [&](std::string_view text) {
    const Texts texts = {"fine", text};
    const auto translations = translate.translate(texts, options());
    EXPECT_EQ(translations.status().code(), StatusCode::kInvalidArgument) << text;
    return translations.status().message();
  };
  EXPECT_NE(message("").find("text 2"), std::string::npos);
  EXPECT_NE(message(std::string(65, 'a')).find("65 tokens"), std::string::npos);
  EXPECT_NE(message("\xff").find("UTF-8"), std::string::npos);
  EXPECT_NE(message("caf\xc3\xa9").find("text 2"), std::string::npos);
}

}  // namespace
}  // namespace lanewise

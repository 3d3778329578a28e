// The C interface, called by c_program.c, against the C++ interface.

#include <filesystem>

#include "lanewise/classifier.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/lanewise.h"
#include "lanewise/reranker.hpp"
#include "lanewise/translator.hpp"
#include "lanewise/version.hpp"
#include "tests/converters/checkpoint_folder.hpp"
#include "tests/hosts/c_program.h"
#include "tests/test_data.hpp"

namespace lanewise::hosts {
namespace {

/// Succeeds if a function of c_program.c found nothing wrong.
testing::AssertionResult fine(const char* wrong) {
  if (wrong == nullptr) return testing::AssertionSuccess();
  return testing::AssertionFailure() << wrong << "; " << lw_last_error();
}

class CInterfaceTest : public converters::CheckpointFolderTest {
 protected:
  void write_classifier(int64_t labels) {
    add_head("BertForSequenceClassification", "classifier", labels);
    write_all();
  }

  Model model() {
    Result<Model> loaded = load(source_.string());
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    return *loaded;
  }
  lw_model* c_model() {
    lw_model* loaded = nullptr;
    EXPECT_EQ(lw_model_load(source_.c_str(), &loaded), LW_OK) << lw_last_error();
    return loaded;
  }

  const std::vector<const char*> texts_{"a b c d", "e"};
  const std::vector<std::string_view> views_{"a b c d", "e"};
};

TEST_F(CInterfaceTest, EmbedsAsTheCppInterfaceDoes) {
  write_all();
  std::vector<float> vector(kHidden);
  ASSERT_TRUE(fine(embed_in_c(source_.c_str(), "a b c", vector.data(), vector.size())));
  Result<Embedder> embedder = Embedder::create(model());
  ASSERT_TRUE(embedder.ok());
  const std::string_view text = "a b c";
  const auto expected = embedder->embed({&text, 1});
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(vector, expected->values);
}

TEST_F(CInterfaceTest, Tokenizes) {
  write_all();
  EXPECT_TRUE(fine(tokenize_in_c(source_.c_str(), "a b c")));
}

TEST_F(CInterfaceTest, RefusesMisuse) {
  write_all();
  EXPECT_TRUE(fine(misuse_in_c(source_.c_str())));
}

TEST_F(CInterfaceTest, ClassifiesAsTheCppInterfaceDoes) {
  write_classifier(3);
  lw_model* const loaded = c_model();
  lw_classifier* classifier = nullptr;
  ASSERT_EQ(lw_classifier_create(loaded, nullptr, &classifier), LW_OK) << lw_last_error();
  lw_model_free(loaded);
  ASSERT_EQ(lw_classifier_labels(classifier), 3U);
  std::vector<float> scores(2 * 3);
  ASSERT_EQ(lw_classify(classifier, texts_.data(), 2, nullptr, scores.data()), LW_OK);
  Result<Classifier> expected = Classifier::create(model());
  ASSERT_TRUE(expected.ok());
  const auto results = expected->classify(views_);
  ASSERT_TRUE(results.ok());
  for (size_t text = 0; text < 2; ++text) {
    for (const LabelScore& label : (*results)[text].labels) {
      const auto index = static_cast<size_t>(label.label);
      EXPECT_EQ(scores[text * 3 + index], label.score);
      EXPECT_EQ(lw_classifier_label(classifier, index), expected->labels()[index]);
    }
  }
  EXPECT_EQ(lw_classifier_label(classifier, 3), nullptr);
  lw_classifier_free(classifier);
}

TEST_F(CInterfaceTest, RanksAsTheCppInterfaceDoes) {
  write_classifier(1);
  lw_model* const loaded = c_model();
  lw_reranker* reranker = nullptr;
  ASSERT_EQ(lw_reranker_create(loaded, nullptr, &reranker), LW_OK) << lw_last_error();
  lw_model_free(loaded);
  std::vector<float> scores(2);
  ASSERT_EQ(lw_rerank(reranker, "a", texts_.data(), 2, nullptr, scores.data()), LW_OK);
  lw_reranker_free(reranker);
  Result<Reranker> expected = Reranker::create(model());
  ASSERT_TRUE(expected.ok());
  const auto ranked = expected->rank("a", views_);
  ASSERT_TRUE(ranked.ok());
  for (const RankedText& text : *ranked) {
    EXPECT_EQ(scores[static_cast<size_t>(text.index)], text.score);
  }
}

TEST_F(CInterfaceTest, WritesAModelFile) {
  write_all();
  const lw_convert_options options{
      .size = sizeof(lw_convert_options), .weights = "bf16", .threads = 1};
  ASSERT_EQ(lw_convert(source_.c_str(), destination().c_str(), &options), LW_OK) << lw_last_error();
  lw_model* opened = nullptr;
  EXPECT_EQ(lw_model_open(destination().c_str(), &opened), LW_OK) << lw_last_error();
  lw_model_free(opened);
}

TEST(CInterfaceOfG2p, Generates) {
  const std::string g2p = bundled_model_folder();
  char joined[256];
  ASSERT_TRUE(fine(generate_in_c(g2p.c_str(), "transformer", joined, sizeof(joined))));
  EXPECT_STREQ(joined, "T R AE0 N S F AO1 R M ER0");
}

/// A message that is too long for the buffer is cut, not at half a character.
TEST(CInterfaceVersion, IsThatOfTheCppInterface) { EXPECT_EQ(version(), lw_version()); }

TEST(CInterfaceErrors, AreCutBetweenCharacters) {
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "\xC3\xA9";
  lw_model* model = nullptr;
  ASSERT_NE(lw_model_open(path.c_str(), &model), LW_OK);
  EXPECT_LT(std::string(lw_last_error()).size(), 1024U);
  EXPECT_TRUE(check_utf8(lw_last_error()).ok()) << lw_last_error();
}

}  // namespace
}  // namespace lanewise::hosts

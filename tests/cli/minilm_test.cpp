// The program on the real all-MiniLM-L6-v2; numbers against PyTorch are in tests/model.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class ModelProgramTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string folder = testing::TempDir() + "lanewise_minilm_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const char* checkpoint = std::getenv("LANEWISE_MINILM_DIR");
    ASSERT_NE(checkpoint, nullptr);
    const Outcome outcome = run({"convert", checkpoint, "-o", model()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err << "run tools/get-model minilm";
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

  static std::string model() { return folder_ + "/minilm.lw"; }

  static double cosine(const nlohmann::json& a, const nlohmann::json& b) {
    const auto x = a["embedding"].get<std::vector<float>>();
    const auto y = b["embedding"].get<std::vector<float>>();
    EXPECT_EQ(x.size(), 384u);
    double product = 0.0;
    for (size_t i = 0; i < x.size(); ++i) product += static_cast<double>(x[i]) * y[i];
    return product;  // the vectors have unit length
  }

  static std::string folder_;
};

std::string ModelProgramTest::folder_;

TEST_F(ModelProgramTest, LikeSentencesHaveLikeVectors) {
  const auto vectors = run({"embed", model(), "--json", "A man is eating food.",
                            "Someone is having a meal.", "The weather is lovely today."})
                           .objects();
  ASSERT_EQ(vectors.size(), 3u);
  EXPECT_NEAR(cosine(vectors[0], vectors[0]), 1.0, 1e-5);
  EXPECT_GT(cosine(vectors[0], vectors[1]), 0.6);
  EXPECT_LT(cosine(vectors[0], vectors[2]), 0.3);
}

TEST_F(ModelProgramTest, TheSameBitsAloneInABatchAndWithOtherThreads) {
  std::string input = "한국어 문장을 벡터로 바꿉니다.\n\n";
  for (int i = 0; i < 30; ++i) input += "word " + std::string(static_cast<size_t>(i), 'x') + "\n";
  const std::string all = run({"embed", model(), "--json", "--threads", "1"}, input).out;
  EXPECT_EQ(run({"embed", model(), "--json", "--threads", "2"}, input).out, all);
  const std::string alone = run({"embed", model(), "--json", "한국어 문장을 벡터로 바꿉니다."}).out;
  EXPECT_EQ(all.substr(0, alone.size()), alone);
}

TEST_F(ModelProgramTest, InstructionSetsWithFmaGiveTheSameBits) {
  const nlohmann::json isas = run({"cpu", "--json"}).objects().at(0)["available_isas"];
  std::string first;
  for (const auto& isa : isas) {
    if (isa == "baseline") continue;
    const std::string out = run({"embed", model(), "--json", "a text", "--isa", isa}).out;
    if (first.empty()) first = out;
    EXPECT_EQ(out, first) << isa;
  }
  if (isas.size() < 3) GTEST_SKIP() << "this CPU has no two instruction sets with FMA";
}

TEST_F(ModelProgramTest, TokensOfTheRealVocabulary) {
  const auto objects = run({"tokenize", model(), "--json", "unbelievable tokenization"}).objects();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0]["tokens"],
            nlohmann::json({"[CLS]", "unbelievable", "token", "##ization", "[SEP]"}));
}

TEST_F(ModelProgramTest, RunsAllocateNothing) {
  const auto bench =
      run({"bench", model(), "--seconds", "0.2", "--length", "16", "--json"}).objects();
  ASSERT_EQ(bench.size(), 1u);
  EXPECT_EQ(bench[0]["allocations_per_run"], 0.0);
}

}  // namespace
}  // namespace lanewise::cli

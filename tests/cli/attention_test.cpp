#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/attention_page_reader.hpp"
#include "tests/cli/program.hpp"

namespace lanewise::cli {
namespace {

class AttentionCommandTest : public ProgramTest {
 protected:
  Outcome show(const std::string& text, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"attention", model(), text, "--output", out_path("a.html")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(std::move(arguments));
  }
  AttentionPage page() { return AttentionPage(contents(out_path("a.html"))); }
};

TEST_F(AttentionCommandTest, WritesAPageWithEveryLayer) {
  const Outcome outcome = show("a b");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const AttentionPage page = this->page();
  EXPECT_EQ(page.data["model"], "tiny.lw");
  EXPECT_EQ(page.data["text"], "a b");
  const auto keys = page.data["source"].size();
  EXPECT_EQ(page.data["source"][0], "[CLS]");
  ASSERT_EQ(page.data["maps"].size(), static_cast<size_t>(kLayers));
  for (size_t i = 0; i < page.data["maps"].size(); ++i) {
    const nlohmann::json& map = page.data["maps"][i];
    EXPECT_EQ(map["kind"], "encoder");
    EXPECT_EQ(map["layer"], i);
    EXPECT_EQ(map["node"], "encoder.layer." + std::to_string(i) + ".attention.self");
    EXPECT_EQ(map["keys"], keys);
    const std::vector<double> weights = page.weights(i);
    ASSERT_EQ(weights.size(), map["heads"].get<size_t>() * keys * keys);
    for (size_t row = 0; row < weights.size(); row += keys) {
      double sum = 0;
      for (size_t j = 0; j < keys; ++j) sum += weights[row + j];
      EXPECT_NEAR(sum, 1.0, 1e-5 * static_cast<double>(keys));
    }
  }
}

TEST_F(AttentionCommandTest, ThePageNeedsNoNetworkAndNoTextEndsItsScripts) {
  const std::string text = "a</script><!-- b \xED\x95\x9C";
  ASSERT_EQ(show(text).exit_code, 0);
  const AttentionPage page = this->page();
  EXPECT_EQ(page.data["text"], text);
  EXPECT_EQ(page.html().find("a</script><!--"), std::string::npos);
  EXPECT_EQ(page.html().find("http:"), std::string::npos);
  EXPECT_EQ(page.html().find("https:"), std::string::npos);
  EXPECT_NE(page.html().find("default-src 'none'"), std::string::npos);
}

TEST_F(AttentionCommandTest, TextsLikeListsStayWhole) {
  ASSERT_EQ(show("[a, b]").exit_code, 0);
  EXPECT_EQ(page().data["text"], "[a, b]");
}

TEST_F(AttentionCommandTest, StdinAndStdout) {
  const Outcome outcome = run({"attention", model(), "-", "--output", "-"}, "a b\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(AttentionPage(outcome.out).data["text"], "a b");
  EXPECT_TRUE(
      is_error(run({"attention", model(), "-", "--output", "-"}, "a\nb\n"), "expected one line"));
  EXPECT_TRUE(is_error(run({"attention", model(), "-", "--output", "-"}, ""), "no tokens"));
}

TEST_F(AttentionCommandTest, ACheckpointWillDo) {
  const Outcome outcome = run({"attention", checkpoint() + "/", "a", "--output", "-", "--quiet"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(AttentionPage(outcome.out).data["model"], source_.filename().string());
}

TEST_F(AttentionCommandTest, WhatCannotBeShownLeavesNothing) {
  EXPECT_TRUE(is_error(show(""), "the text has no tokens"));
  EXPECT_TRUE(is_error(show("\xFF"), "UTF-8"));
  EXPECT_TRUE(is_error(show("a a a a a a a a a a a a a a a a a a a a a a a a"), "26", "24"));
  EXPECT_TRUE(is_error(show("a", {"--target", "b"}), "encoder and a decoder"));
  EXPECT_EQ(files_out(), 0);
}

TEST_F(AttentionCommandTest, AnUnwritablePathIsFoundFirst) {
  EXPECT_TRUE(is_error(
      run({"attention", "no-such-model", "a", "--output", out_path("none/a.html")}), "none"));
  EXPECT_TRUE(is_error(run({"attention", "no-such-model", "a", "--output", out_path("a.html")}),
                       "no-such-model"));
  EXPECT_EQ(files_out(), 0);
}

}  // namespace
}  // namespace lanewise::cli

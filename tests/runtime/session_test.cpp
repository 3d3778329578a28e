// The state of a session after failed runs.

#include "lanewise/session.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/runtime/attention_model.hpp"

namespace lanewise {
namespace {

namespace tiny = attention::test;

TEST(SessionTest, ShowsNoResultsOfAnEarlierRunAfterOneThatFails) {
  Result<Session> session = Session::create(tiny::small_model(tiny::Parts::kEncoder), {});
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_FALSE(session->output("last_hidden_state").ok()) << "there was no run yet";
  const std::vector<int32_t> ids = {1, 2, 3};
  const std::vector<int32_t> lengths = {3};
  ASSERT_TRUE(session->run_ragged({.ids = ids, .lengths = lengths}).ok());
  EXPECT_TRUE(session->output("last_hidden_state").ok());
  const std::vector<int32_t> wrong = {1, -2, 3};
  EXPECT_FALSE(session->run_ragged({.ids = wrong, .lengths = lengths}).ok());
  EXPECT_FALSE(session->output("last_hidden_state").ok());
  ASSERT_TRUE(session->run_ragged({.ids = ids, .lengths = lengths}).ok());
  EXPECT_TRUE(session->output("last_hidden_state").ok());
}

}  // namespace
}  // namespace lanewise

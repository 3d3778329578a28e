// The state of a session after failed runs; tokens that nothing attends to.

#include "lanewise/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
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

/// All numbers of the last run.
std::vector<float> states(const Session& session) {
  const Result<Session::Rows> rows = session.output("last_hidden_state");
  EXPECT_TRUE(rows.ok()) << rows.status().message();
  std::vector<float> all;
  for (int64_t row = 0; row < rows->rows; ++row) {
    all.insert(all.end(), rows->data + row * rows->stride,
               rows->data + row * rows->stride + rows->features);
  }
  return all;
}

TEST(SessionTest, OthersDoNotAttendToTokensThatAreNotAttended) {
  Result<Session> session = Session::create(tiny::small_model(tiny::Parts::kEncoder), {});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const std::vector<int32_t> ids = {4, 1, 2, 3, 5, 6};
  const std::vector<int32_t> lengths = {1, 5};
  const std::vector<int32_t> attended = {1, 3};
  const auto run = [&](const RaggedBatch& batch) {
    const Status status = session->run_ragged(batch);
    EXPECT_TRUE(status.ok()) << status.message();
    return states(*session);
  };
  const std::vector<float> all = run({.ids = ids, .type_ids = {}, .lengths = lengths});
  const std::vector<float> some =
      run({.ids = ids, .type_ids = {}, .lengths = lengths, .attended = attended});
  const std::vector<int32_t> first_lengths = {1, 3};
  const std::vector<float> alone =
      run({.ids = std::span(ids).first(4), .type_ids = {}, .lengths = first_lengths});
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), some.begin()));
  EXPECT_FALSE(
      std::equal(all.begin(), all.begin() + static_cast<ptrdiff_t>(alone.size()), some.begin()));
  EXPECT_EQ(run({.ids = ids, .type_ids = {}, .lengths = lengths}), all);
  for (const std::vector<int32_t>& wrong :
       {std::vector<int32_t>{1}, std::vector<int32_t>{1, 6}, std::vector<int32_t>{0, 3}}) {
    const Status status =
        session->run_ragged({.ids = ids, .type_ids = {}, .lengths = lengths, .attended = wrong});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("'attended'"), std::string::npos) << status.message();
  }
}

}  // namespace
}  // namespace lanewise

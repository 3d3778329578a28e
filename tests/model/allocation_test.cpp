// A run allocates nothing after the largest batch: this program counts its own `new`.

#include <gtest/gtest.h>

#include "tests/model/counting_new.hpp"
#include "tests/model/golden.hpp"

namespace lanewise {
namespace {

class ModelAllocationTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ModelAllocationTest, ::testing::Values(1, 2));

int64_t count_allocations(Session& session, const RaggedBatch& batch) {
  test::start_counting();
  const Status status = session.run_ragged(batch);
  const int64_t count = test::stop_counting();
  EXPECT_TRUE(status.ok()) << status.message();
  return count;
}

TEST_P(ModelAllocationTest, RunsAllocateNothingAfterWarmUp) {
  Session session =
      test::make_session(test::minilm(), {.threads = GetParam(), .isa = "", .outputs = {}});
  const std::vector<int32_t> ids(400, 1000);
  const std::vector<int32_t> large{300, 20, 80};
  const std::vector<int32_t> small{7, 5};
  const RaggedBatch large_batch{ids, {}, large};
  const RaggedBatch small_batch{std::span(ids).first(12), {}, small};
  EXPECT_GT(count_allocations(session, large_batch), 0) << "the counter does not count";
  EXPECT_EQ(count_allocations(session, large_batch), 0);
  EXPECT_EQ(count_allocations(session, small_batch), 0);
  EXPECT_EQ(count_allocations(session, large_batch), 0);
}

}  // namespace
}  // namespace lanewise

// Batches of requests, and texts that a decoder continues for clients that may go.

#include <thread>

#include "serve/work/generation_work.hpp"
#include "serve/work/item_batcher.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

using Numbers = ItemBatcher<int, int, int>;

/// A batcher that doubles numbers, and holds its first batch until it is let go.
class HeldBatcher {
 public:
  explicit HeldBatcher(const BatchLimits& limits = {})
      : numbers([this](const Numbers::Items& items, int factor, const RunOptions& run)
                    -> Result<std::vector<int>> { return compute(items, factor, run); },
                limits) {}

  Result<std::vector<int>> run(std::vector<int> items, int factor, TestExchange& exchange) {
    const auto tokens = static_cast<int64_t>(items.size());
    return numbers.run(std::move(items), factor, std::to_string(factor), tokens, exchange);
  }
  void wait_for_running() const {
    while (!running.load()) std::this_thread::yield();
  }
  void wait_for_waiting(int64_t count) const {
    while (numbers.stats().waiting < count) std::this_thread::yield();
  }

  std::atomic<bool> released{false};
  std::atomic<bool> running{false};
  std::atomic<bool> cancelled_run{false};
  std::vector<size_t> sizes;
  Numbers numbers;  // last: its thread uses the others

 private:
  Result<std::vector<int>> compute(const Numbers::Items& items, int factor, const RunOptions& run) {
    running.store(true);
    sizes.push_back(items.size());
    while (!released.load()) {
      if (run.cancel->load()) {
        cancelled_run.store(true);
        return cancelled("cancelled");
      }
      std::this_thread::yield();
    }
    std::vector<int> found;
    for (const int* item : items) {
      if (*item < 0) return invalid_argument("negative: " + std::to_string(*item));
      found.push_back(*item * factor);
    }
    return found;
  }
};

TEST(BatcherTest, RequestsThatWaitRunTogether) {
  HeldBatcher batcher({.tokens = 4});
  TestExchange exchange;
  std::vector<std::thread> clients;
  std::vector<std::vector<int>> found(7);
  const auto ask = [&](size_t i, std::vector<int> items, int factor) {
    clients.emplace_back([&, i, items, factor] {
      TestExchange own;
      found[i] = expect_ok(batcher.run(items, factor, own));
    });
  };
  ask(0, {1}, 2);
  batcher.wait_for_running();
  ask(1, {2, 3}, 2);
  batcher.wait_for_waiting(1);
  ask(2, {4}, 3);
  batcher.wait_for_waiting(2);
  ask(3, {5}, 2);
  batcher.wait_for_waiting(3);
  ask(4, {6, 7}, 2);  // does not fit into the batch of the first two
  batcher.wait_for_waiting(4);
  batcher.released.store(true);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(found[0], (std::vector<int>{2}));
  EXPECT_EQ(found[1], (std::vector<int>{4, 6}));
  EXPECT_EQ(found[2], (std::vector<int>{12}));
  EXPECT_EQ(found[3], (std::vector<int>{10}));
  EXPECT_EQ(found[4], (std::vector<int>{12, 14}));
  EXPECT_EQ(batcher.sizes, (std::vector<size_t>{1, 3, 1, 2}));
  const BatchStats stats = batcher.numbers.stats();
  EXPECT_EQ(stats.batches, 4);
  EXPECT_EQ(stats.jobs, 5);
  EXPECT_EQ(stats.tokens, 7);
}

TEST(BatcherTest, OneThatFailsDoesNotFailTheOthers) {
  HeldBatcher batcher;
  TestExchange exchange;
  std::thread first([&] { EXPECT_TRUE(batcher.run({1}, 2, exchange).ok()); });
  batcher.wait_for_running();
  TestExchange good;
  TestExchange bad;
  std::thread second([&] { EXPECT_EQ(expect_ok(batcher.run({3}, 2, good)).front(), 6); });
  std::thread third(
      [&] { EXPECT_EQ(batcher.run({-4}, 2, bad).status().message(), "negative: -4"); });
  batcher.wait_for_waiting(2);
  batcher.released.store(true);
  first.join();
  second.join();
  third.join();
}

TEST(BatcherTest, WorkEndsWhenNobodyWantsIt) {
  HeldBatcher batcher;
  TestExchange first;
  TestExchange second;
  std::thread client(
      [&] { EXPECT_EQ(batcher.run({1}, 2, first).status().code(), StatusCode::kCancelled); });
  batcher.wait_for_running();
  second.gone.store(true);  // while it waits
  EXPECT_EQ(batcher.run({2}, 2, second).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(batcher.numbers.stats().waiting, 0);
  EXPECT_FALSE(batcher.cancelled_run.load());
  first.gone.store(true);  // while it runs
  client.join();
  while (!batcher.cancelled_run.load()) std::this_thread::yield();
  batcher.released.store(true);
  TestExchange third;
  EXPECT_EQ(expect_ok(batcher.run({3}, 2, third)).front(), 6);
}

TEST(BatcherTest, ARequestHasADeadline) {
  HeldBatcher batcher;
  TestExchange exchange;
  exchange.deadline = Exchange::Clock::now();
  const auto late = batcher.run({1}, 2, exchange);
  EXPECT_EQ(late.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(late.status().message(), "the request took longer than the server allows");
}

class GenerationWorkTest : public ServingTest {};

TEST_F(GenerationWorkTest, ATextWhoseClientHasGoneEnds) {
  const Model model = letters();
  const auto work = expect_ok(GenerationWork::create(model, kOneThread));
  const std::vector<int32_t> prompt{1, 10, 11};
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 390;
  options.min_new_tokens = 390;
  const auto wait_for_none = [&] {
    while (work->stats().active + work->stats().waiting > 0) std::this_thread::yield();
  };
  TestExchange gone;
  gone.gone.store(true);
  auto continuation = expect_ok(work->start(prompt, options, {}, /*streams=*/false));
  const auto found = continuation->finish(gone);
  // It may have been faster than the look at the client.
  EXPECT_TRUE(found.ok() || found.status().code() == StatusCode::kCancelled);
  continuation.reset();
  wait_for_none();
  expect_ok(work->start(prompt, options, {}, /*streams=*/true)).reset();
  wait_for_none();
  TestExchange patient;
  continuation = expect_ok(work->start(prompt, options, {}, /*streams=*/true));
  std::vector<int32_t> tokens;
  while (expect_ok(continuation->next(patient, tokens))) {
  }
  EXPECT_EQ(expect_ok(continuation->finish(patient)).hypotheses.front().ids, tokens);
  EXPECT_EQ(tokens.size(), 390U);
}

TEST_F(GenerationWorkTest, ConstraintsAreKept) {
  const auto work = expect_ok(GenerationWork::create(letters(), kOneThread));
  EXPECT_TRUE(work->json_constraint("").ok());
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(work->json_constraint(R"({"const": )" + std::to_string(i) + "}").ok());
  }
  EXPECT_FALSE(work->json_constraint("{").ok());
}

}  // namespace
}  // namespace lanewise::serve

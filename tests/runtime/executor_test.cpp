#include "runtime/exec/executor.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/exec/barrier.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::exec {
namespace {

using graph::RowSymbol;
using graph::ValueId;

/// A flag that cancels a run, and the number of pieces that started nevertheless.
struct Cancel {
  std::atomic<bool> flag{false};
  std::atomic<int> late{0};
};

/// y[r] = x[r] + 1, one piece per row; the first operator reads i32, one of them cancels.
class AddOne final : public ops::Operator {
 public:
  explicit AddOne(bool first, Cancel* cancel = nullptr, bool cancels = false)
      : first_(first), cancels_(cancels), cancel_(cancel) {}
  void cut(const ops::Operands& operands, int, std::vector<ops::Piece>& pieces) const override {
    ops::cut_rows(operands.output.rows, 1, pieces);
  }
  ops::PieceLimit most_pieces(int) const noexcept override { return ops::most_row_pieces(1); }
  void run(const ops::Operands& operands, const ops::Piece& piece,
           std::byte* scratch) const noexcept override {
    if (cancel_ != nullptr && cancel_->flag) ++cancel_->late;
    const auto row = static_cast<int64_t>(piece.begin);
    const ops::Operand& x = operands.inputs[0];
    const float value = first_ ? static_cast<float>(*x.i32(row)) : *x.f32(row);
    *reinterpret_cast<float*>(scratch) = value + 1.0f;  // would mix if two threads shared scratch
    *operands.output.f32(row) = *reinterpret_cast<float*>(scratch);
    if (cancels_) cancel_->flag = true;
  }
  size_t scratch_bytes() const noexcept override { return sizeof(float); }

 private:
  bool first_;
  bool cancels_;
  Cancel* cancel_;
};

/// Its outputs are y, and optionally "middle", the value after half of the operators.
plan::Program chain(int length, Cancel* cancel = nullptr, bool with_middle = false) {
  graph::Builder builder;
  ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 1,
                            {.table = "t"});
  for (int i = 1; i < length; ++i) {
    if (with_middle && i == length / 2) builder.output("middle", x);
    x = builder.activation("a" + std::to_string(i), x, "relu");
  }
  builder.output("y", x);
  plan::Program program;
  program.graph = std::move(builder).take();
  for (int i = 0; i < length; ++i) {
    program.operators.push_back(
        std::make_unique<AddOne>(i == 0, cancel, cancel != nullptr && i == length / 2));
  }
  program.memory = plan::plan_memory(program.graph, program.operators);
  program.scratch_bytes = sizeof(float);
  return program;
}

struct Ids {
  explicit Ids(int count) : ids(static_cast<size_t>(count)), offsets{0, count} {
    for (int i = 0; i < count; ++i) ids[static_cast<size_t>(i)] = i;
    input.data = ids.data();
  }
  BatchBinding binding() const {
    BatchBinding batch{.inputs = {&input, 1}};
    batch.rows[0] = static_cast<int64_t>(ids.size());
    batch.rows[1] = 1;
    batch.ragged[0] = {offsets.data(), 1};
    return batch;
  }
  std::vector<int32_t> ids;
  std::vector<int32_t> offsets;
  InputBinding input;
};

/// Sequences of `length` ids, 0, 1, 2, ...
struct Sequences {
  Sequences(int count, int length) : ids(count * length), offsets{0}, tokens(count * length) {
    for (int s = 1; s <= count; ++s) offsets.push_back(s * length);
  }
  BatchBinding binding() const {
    BatchBinding batch = ids.binding();
    batch.rows[1] = static_cast<int64_t>(offsets.size()) - 1;
    batch.ragged[0] = {offsets.data(), batch.rows[1]};
    return batch;
  }
  Ids ids;
  std::vector<int32_t> offsets;
  int tokens;
};

class ExecutorThreads : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ExecutorThreads, ::testing::Values(1, 2, 3, 8));

TEST_P(ExecutorThreads, WalksDependentStepsInOrder) {
  constexpr int kSteps = 50;
  const plan::Program program = chain(kSteps);
  Team team(GetParam());
  Executor executor(program, team);
  for (const int rows : {100, 1, 37, 400, 2}) {
    const Ids ids(rows);
    ASSERT_TRUE(executor.prepare(ids.binding(), true).ok());
    for (int again = 0; again < 3; ++again) {
      ASSERT_TRUE(executor.run({}).ok());
      const ops::Operand& y = executor.result(program.graph.outputs.at("y"));
      ASSERT_EQ(y.rows, rows);
      for (int r = 0; r < rows; ++r) ASSERT_EQ(*y.f32(r), static_cast<float>(r + kSteps));
    }
  }
}

TEST_P(ExecutorThreads, WorksOnManySequencesBySlices) {
  constexpr int kSteps = 20;
  const plan::Program program = chain(kSteps);
  Team team(GetParam());
  Executor executor(program, team);
  for (const int count : {64, 640, 320}) {
    const Sequences batch(count, 50);
    ASSERT_TRUE(executor.prepare(batch.binding(), true).ok());
    EXPECT_GE(executor.slices(), static_cast<size_t>(GetParam()));
    for (int again = 0; again < 2; ++again) {
      ASSERT_TRUE(executor.run({}).ok());
      const ops::Operand& y = executor.result(program.graph.outputs.at("y"));
      ASSERT_EQ(y.rows, batch.tokens);
      for (int r = 0; r < batch.tokens; ++r) {
        ASSERT_EQ(*y.f32(r), static_cast<float>(r + kSteps)) << "row " << r;
      }
    }
  }
}

TEST_P(ExecutorThreads, SlicesKeepSeveralOutputsApart) {
  constexpr int kSteps = 10;
  const plan::Program program = chain(kSteps, nullptr, true);
  Team team(GetParam());
  Executor executor(program, team);
  const Sequences batch(64, 50);
  ASSERT_TRUE(executor.prepare(batch.binding(), true).ok());
  ASSERT_GT(executor.slices(), 0u);
  ASSERT_TRUE(executor.run({}).ok());
  for (const auto& [name, steps] : {std::pair{"y", kSteps}, {"middle", kSteps / 2}}) {
    const ops::Operand& output = executor.result(program.graph.outputs.at(name));
    ASSERT_EQ(output.rows, batch.tokens);
    for (int r = 0; r < batch.tokens; ++r) {
      ASSERT_EQ(*output.f32(r), static_cast<float>(r + steps)) << name << ", row " << r;
    }
  }
}

TEST_P(ExecutorThreads, StopsWhenCancelledInsideASlice) {
  Cancel cancel;
  const plan::Program program = chain(40, &cancel);
  Team team(GetParam());
  Executor executor(program, team);
  const Sequences batch(64, 50);
  ASSERT_TRUE(executor.prepare(batch.binding(), true).ok());
  ASSERT_GT(executor.slices(), 0u);
  EXPECT_EQ(executor.run({.cancel = &cancel.flag}).code(), StatusCode::kCancelled);
  EXPECT_LE(cancel.late, GetParam()) << "a thread may have looked at the flag just before";
  cancel.flag = false;
  EXPECT_TRUE(executor.run({}).ok());
}

TEST_P(ExecutorThreads, ProfilesEveryNodeOfSlices) {
  const plan::Program program = chain(10);
  Team team(GetParam());
  Executor executor(program, team);
  executor.set_profiling(true);
  const Sequences batch(64, 50);
  ASSERT_TRUE(executor.prepare(batch.binding(), true).ok());
  ASSERT_TRUE(executor.run({}).ok());
  ASSERT_GT(executor.slices(), 0u);
  for (int thread = 0; thread < GetParam(); ++thread) {
    const auto spans = executor.spans().subspan(static_cast<size_t>(thread) * 10, 10);
    for (size_t i = 0; i < spans.size(); ++i) {
      EXPECT_GE(spans[i].end_us, spans[i].begin_us);
      if (i > 0) {
        EXPECT_EQ(spans[i].begin_us, spans[i - 1].end_us);
      }
    }
  }
}

TEST_P(ExecutorThreads, StopsWhenCancelledInsideARun) {
  Cancel cancel;
  const plan::Program program = chain(40, &cancel);
  Team team(GetParam());
  Executor executor(program, team);
  const Ids ids(200);
  ASSERT_TRUE(executor.prepare(ids.binding(), true).ok());
  const Status status = executor.run({.cancel = &cancel.flag});
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_LE(cancel.late, GetParam()) << "a thread may have looked at the flag just before";
  cancel.flag = false;
  const Status without = executor.run({});
  EXPECT_TRUE(without.ok()) << "a cancelled run must leave the executor usable";
}

TEST_P(ExecutorThreads, StopsAtADeadline) {
  const plan::Program program = chain(4);
  Team team(GetParam());
  Executor executor(program, team);
  const Ids ids(10);
  ASSERT_TRUE(executor.prepare(ids.binding(), true).ok());
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(executor.run(options).code(), StatusCode::kCancelled);
}

TEST_P(ExecutorThreads, ProfilesEveryStep) {
  constexpr int kSteps = 10;
  const plan::Program program = chain(kSteps);
  Team team(GetParam());
  Executor executor(program, team);
  executor.set_profiling(true);
  const Ids ids(10);
  ASSERT_TRUE(executor.prepare(ids.binding(), true).ok());
  ASSERT_TRUE(executor.run({}).ok());
  ASSERT_EQ(executor.spans().size(), static_cast<size_t>(kSteps * GetParam()));
  for (const Span& span : executor.spans()) EXPECT_GE(span.end_us, span.begin_us);
}

TEST(Executor, RefusesABatchThatFitsInNoMemory) {
  const plan::Program program = chain(2);
  Team team(1);
  Executor executor(program, team);
  EXPECT_EQ(executor.reserve({int64_t{1} << 50, 0, 0}).code(), StatusCode::kResourceExhausted);
}

TEST(StepBarrier, KeepsThreadsInStep) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 4000;
  StepBarrier barrier;
  std::array<int, kThreads> written{};  // not atomic: the barrier must order it
  std::atomic<int> faults{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::this_thread::sleep_for(std::chrono::microseconds(100 * t));  // most join in the middle
      for (auto step = static_cast<int>(barrier.join()); step < kSteps;) {
        // Threads write in even steps and read in odd ones. 0: a thread that has not joined.
        if (step % 2 == 0) {
          written[t] = step;
        } else {
          for (const int other : written) faults += other != 0 && other != step - 1;
        }
        step = static_cast<int>(barrier.wait(static_cast<uint32_t>(step)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
}

TEST(StepBarrier, WaitsOnlyForThreadsThatHaveJoined) {
  StepBarrier barrier;
  ASSERT_EQ(barrier.join(), 0U);
  ASSERT_EQ(barrier.wait(0), 1U);  // would hang if it waited for the other
  std::atomic<bool> ended{false};
  ASSERT_EQ(barrier.join(), 1U);  // for the other thread
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ended = true;
    EXPECT_EQ(barrier.wait(1), 2U);
  });
  EXPECT_EQ(barrier.wait(1), 2U);
  EXPECT_TRUE(ended);
  other.join();
}

TEST(Team, RunsEveryThreadOnce) {
  struct Body final : TeamBody {
    void run(int thread, int threads) noexcept override {
      EXPECT_EQ(threads, 5);
      calls[static_cast<size_t>(thread)].fetch_add(1);
    }
    std::array<std::atomic<int>, 5> calls{};
  } body;
  Team(5).run(body);
  for (const auto& calls : body.calls) EXPECT_EQ(calls, 1);
}

TEST(Team, SeesAtLeastOneCpu) { EXPECT_GE(available_cpus(), 1); }

}  // namespace
}  // namespace lanewise::exec

#include "runtime/plan/memory_plan.hpp"

#include <gtest/gtest.h>

#include <random>

#include "runtime/graph/builder.hpp"

namespace lanewise::plan {
namespace {

using graph::RowSymbol;
using graph::ValueId;

class FakeOperator final : public ops::Operator {
 public:
  explicit FakeOperator(int in_place) : in_place_(in_place) {}
  void cut(const ops::Operands&, int, std::vector<ops::Piece>&) const override {}
  ops::PieceLimit most_pieces(int) const noexcept override { return {}; }
  void run(const ops::Operands&, const ops::Piece&, std::byte*) const noexcept override {}
  int in_place_input() const noexcept override { return in_place_; }

 private:
  int in_place_;
};

std::vector<ops::OperatorPtr> operators(const graph::Graph& graph, int in_place = -1) {
  std::vector<ops::OperatorPtr> made;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    made.push_back(std::make_unique<FakeOperator>(in_place));
  }
  return made;
}

struct Interval {
  int64_t begin;
  int64_t end;
};

Interval bytes_of(const graph::Graph& graph, const MemoryPlan& plan, ValueId value) {
  const Placement& place = plan.values[static_cast<size_t>(value)];
  const int64_t size =
      place.stride * static_cast<int64_t>(size_of(graph.values[static_cast<size_t>(value)].type));
  // Results are separate: here, after the working memory.
  const int64_t begin = place.offset_per_row + (place.result ? plan.work.bytes_per_row[0] : 0);
  return {begin, begin + size};
}

bool disjoint(const Interval& a, const Interval& b) { return a.end <= b.begin || b.end <= a.begin; }

/// Node i reads up to two random earlier values.
graph::Graph random_graph(uint32_t seed, int nodes) {
  std::mt19937 random(seed);
  graph::Builder builder;
  const ValueId ids = builder.input("input_ids", RowSymbol::kSourceTokens);
  std::vector<ValueId> values{builder.embed("embed", ids, -1, 32, {.table = "t"})};
  for (int i = 0; i < nodes; ++i) {
    const ValueId from = values[random() % values.size()];
    const auto name = "node" + std::to_string(i);
    const auto features = static_cast<int64_t>(1 + random() % 700);
    values.push_back(builder.linear(name, from, features, {.weight = "w"}));
  }
  builder.output("last", values.back());
  builder.output("middle", values[values.size() / 2]);
  return std::move(builder).take();
}

TEST(MemoryPlan, ValuesThatLiveTogetherDoNotOverlap) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const graph::Graph graph = random_graph(seed, 40);
    const MemoryPlan plan = plan_memory(graph, operators(graph));
    const auto count = static_cast<int>(graph.nodes.size());
    std::vector<int> last(graph.values.size(), -1);
    for (int i = 0; i < count; ++i) {
      last[static_cast<size_t>(graph.nodes[static_cast<size_t>(i)].output)] = i;
      for (const ValueId v : graph.nodes[static_cast<size_t>(i)].inputs) {
        last[static_cast<size_t>(v)] = i;
      }
    }
    for (const auto& [name, v] : graph.outputs) last[static_cast<size_t>(v)] = count;
    for (int i = 0; i < count; ++i) {
      const ValueId a = graph.nodes[static_cast<size_t>(i)].output;
      for (int j = 0; j < i; ++j) {
        const ValueId b = graph.nodes[static_cast<size_t>(j)].output;
        if (last[static_cast<size_t>(b)] < i) continue;
        EXPECT_TRUE(disjoint(bytes_of(graph, plan, a), bytes_of(graph, plan, b)))
            << "seed " << seed << ": values of nodes " << j << " and " << i;
      }
      EXPECT_LE(bytes_of(graph, plan, a).end,
                plan.work.bytes_per_row[0] + plan.results.bytes_per_row[0]);
    }
  }
}

TEST(MemoryPlan, AChainReusesTwoRegions) {
  graph::Builder builder;
  ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 64,
                            {.table = "t"});
  for (int i = 0; i < 20; ++i) x = builder.linear("l" + std::to_string(i), x, 64, {.weight = "w"});
  builder.output("y", x);
  const graph::Graph graph = std::move(builder).take();
  EXPECT_EQ(plan_memory(graph, operators(graph)).work.bytes_per_row[0], 2 * 64 * 4);
}

TEST(MemoryPlan, AnOperatorInPlaceNeedsNoNewRegion) {
  graph::Builder builder;
  ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 64,
                            {.table = "t"});
  for (int i = 0; i < 5; ++i) x = builder.activation("a" + std::to_string(i), x, "relu");
  builder.output("y", x);
  const graph::Graph graph = std::move(builder).take();
  EXPECT_EQ(plan_memory(graph, operators(graph, 0)).work.bytes_per_row[0], 64 * 4);
}

TEST(MemoryPlan, AnOperatorInPlaceSparesAValueThatIsReadLater) {
  graph::Builder builder;
  const ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 64,
                                  {.table = "t"});
  const ValueId y = builder.activation("a", x, "relu");
  builder.output("y", builder.add("sum", y, x));
  const graph::Graph graph = std::move(builder).take();
  const MemoryPlan plan = plan_memory(graph, operators(graph, 0));
  EXPECT_TRUE(disjoint(bytes_of(graph, plan, x), bytes_of(graph, plan, y)));
}

/// For example a linear layer whose residual is its own input: it would read what it has
/// overwritten.
TEST(MemoryPlan, AnOperatorInPlaceSparesAValueThatItReadsTwice) {
  graph::Builder builder;
  const ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 64,
                                  {.table = "t"});
  const ValueId y = builder.add("sum", x, x);
  builder.output("z", builder.activation("a", y, "relu"));
  const graph::Graph graph = std::move(builder).take();
  for (const int in_place : {0, 1}) {
    const MemoryPlan plan = plan_memory(graph, operators(graph, in_place));
    EXPECT_TRUE(disjoint(bytes_of(graph, plan, x), bytes_of(graph, plan, y))) << in_place;
  }
}

TEST(MemoryPlan, AnOperatorInPlaceSparesAValueOfAnotherShape) {
  for (const int64_t features : {32, 128}) {
    graph::Builder builder;
    const ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1,
                                    64, {.table = "t"});
    const ValueId y = builder.linear("l", x, features, {.weight = "w"});
    builder.output("z", builder.activation("a", y, "relu"));
    const graph::Graph graph = std::move(builder).take();
    const MemoryPlan plan = plan_memory(graph, operators(graph, 0));
    EXPECT_TRUE(disjoint(bytes_of(graph, plan, x), bytes_of(graph, plan, y))) << features;
  }
}

TEST(MemoryPlan, RegionsOfRowSymbolsFollowEachOther) {
  graph::Builder builder;
  const ValueId x = builder.embed("e", builder.input("input_ids", RowSymbol::kSourceTokens), -1, 64,
                                  {.table = "t"});
  builder.output("y", builder.pool("p", x, "mean"));
  const graph::Graph graph = std::move(builder).take();
  const MemoryPlan plan = plan_memory(graph, operators(graph));
  const RowCounts rows{10, 3, 0};
  EXPECT_EQ(plan.work.total_bytes(rows) + plan.results.total_bytes(rows), (10 + 3) * 64 * 4);
  EXPECT_EQ(plan.work.offsets(rows)[1], 10 * 64 * 4);
  EXPECT_EQ(plan.results.offsets(rows)[1], 0);
}

TEST(MemoryPlan, RowsNeverLieAPowerOfTwoApart) {
  for (int64_t features = 1; features <= 5000; ++features) {
    const int64_t stride = row_stride(features);
    EXPECT_GE(stride, features);
    EXPECT_EQ(stride % 16, 0);
    EXPECT_NE(stride % 512, 0);
  }
}

}  // namespace
}  // namespace lanewise::plan

// LANEWISE_ISA and SessionOptions::isa select the kernels that run, not only a name.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lanewise/session.hpp"
#include "ops/linear/linear_list.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "runtime/file/sink.hpp"
#include "runtime/graph/builder.hpp"
#include "runtime/model_data.hpp"
#include "tests/ops/breakpoint.hpp"

namespace lanewise {
namespace {

using ops::Isa;
using ops::test::Breakpoint;

constexpr int64_t kSessionIsaVocabulary = 7;
constexpr int64_t kHidden = 211;  // sums long enough that roundings show
constexpr int64_t kOutputs = 16;

/// A tensor of numbers that f32 sums round: i -> a fraction that no power of two divides.
Tensor fractions(const Shape& shape) {
  Tensor tensor(DataType::kF32, shape);
  const int64_t count = *element_count(shape);
  for (int64_t i = 0; i < count; ++i) {
    tensor.as<float>()[i] = static_cast<float>(i * 37 % 101 - 50) / 97.0f;
  }
  return tensor;
}

/// One embedding table and one linear layer.
graph::Graph session_isa_small_graph() {
  graph::Builder builder;
  const auto ids = builder.input("input_ids", graph::RowSymbol::kSourceTokens);
  const auto x = builder.embed("words", ids, -1, kHidden, {.table = "table"});
  builder.output("last_hidden_state",
                 builder.linear("dense", x, kOutputs, {.weight = "weight", .bias = ""}));
  return std::move(builder).take();
}

Model small_model() {
  ModelInfo info;
  info.family = "bert";
  info.task = "encoder";
  info.vocabulary_size = kSessionIsaVocabulary;
  info.max_tokens = info.max_text_tokens = 8;
  const file::Metadata metadata{
      {std::string(internal::kFormatKey), std::to_string(internal::kFormatVersion)},
      {std::string(internal::kFormatsKey), "{}"},
      {std::string(internal::kGraphKey), graph::to_json(session_isa_small_graph())},
      {std::string(internal::kTaskKey), internal::task_to_json(info)}};
  const Tensor table = fractions({kSessionIsaVocabulary, kHidden});
  const Tensor weight = fractions({kOutputs / 16, kHidden, 16});
  file::AlignedBuffer bytes;
  file::MemorySink sink(bytes);
  const std::vector<file::SafetensorsInput> tensors{{"table", table.view()},
                                                    {"weight", weight.view()}};
  const Status written = file::write_safetensors(sink, metadata, tensors, 64);
  EXPECT_TRUE(written.ok()) << written.message();
  auto data = internal::ModelData::create(std::move(bytes), "small");
  EXPECT_TRUE(data.ok()) << data.status().message();
  return Model(std::move(data).value());
}

/// LANEWISE_ISA for as long as this lives; null: unset.
class Environment {
 public:
  explicit Environment(const char* isa) {
    if (const char* before = std::getenv(kName)) before_ = before;
    set(isa);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static constexpr const char* kName = "LANEWISE_ISA";
  static void set(const char* isa) { isa == nullptr ? ::unsetenv(kName) : ::setenv(kName, isa, 1); }
  std::optional<std::string> before_;
};

Result<Session> create(const Model& model, const std::string& isa) {
  return Session::create(model, {.threads = 1, .isa = isa, .outputs = {}});
}

std::vector<float> run(Session& session) {
  const std::vector<int32_t> ids{3, 0, 6, 1, 5};
  const std::vector<int32_t> lengths{5};
  const Status status = session.run_ragged({.ids = ids, .type_ids = {}, .lengths = lengths});
  EXPECT_TRUE(status.ok()) << status.message();
  const Result<Session::Rows> rows = session.output("last_hidden_state");
  EXPECT_TRUE(rows.ok());
  std::vector<float> values;
  for (int64_t r = 0; r < rows->rows; ++r) {
    const float* row = rows->data + r * rows->stride;
    values.insert(values.end(), row, row + rows->features);
  }
  return values;
}

/// One test per instruction set of the build, skipped where this CPU lacks it.
class SessionIsaTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!ops::is_available(isa())) GTEST_SKIP() << "this CPU has no " << name();
  }
  Isa isa() const { return GetParam(); }
  std::string name() const { return std::string(ops::name_of(isa())); }

  /// Runs the session and checks which linear kernels ran: those of isa(), or of the one it
  /// inherits from, and no others.
  void expect_its_kernels(Session& session) const {
    std::vector<Isa> compiled;
    std::vector<std::unique_ptr<Breakpoint>> breakpoints;
    for (const Isa of : ops::all_isas()) {
      if (!ops::has_kernels<ops::LinearKernels>(of)) continue;
      compiled.push_back(of);
      breakpoints.push_back(std::make_unique<Breakpoint>(
          reinterpret_cast<const void*>(ops::linear_kernels_for(of).multiply)));
    }
    run(session);
    for (size_t i = 0; i < compiled.size(); ++i) {
      EXPECT_EQ(breakpoints[i]->hit(), compiled[i] == ops::kernels_isa<ops::LinearKernels>(isa()))
          << "the kernel of " << ops::name_of(compiled[i]) << " where " << name() << " was forced";
    }
  }

  const Model model_ = small_model();
};

TEST_P(SessionIsaTest, TheOptionForcesIt) {
  if (!Breakpoint::possible()) GTEST_SKIP() << "this system protects programs from themselves";
  const Environment environment("baseline");  // the option takes precedence
  Result<Session> session = create(model_, name());
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ(session->isa(), name());
  expect_its_kernels(*session);
}

TEST_P(SessionIsaTest, TheEnvironmentForcesIt) {
  if (!Breakpoint::possible()) GTEST_SKIP() << "this system protects programs from themselves";
  const Environment environment(name().c_str());
  Result<Session> session = create(model_, "");
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ(session->isa(), name());
  expect_its_kernels(*session);
}

TEST_P(SessionIsaTest, ItsBitsAreThoseOfAllWithFma) {
  Result<Session> session = create(model_, name());
  Result<Session> baseline = create(model_, "baseline");
  ASSERT_TRUE(session.ok() && baseline.ok());
  const std::vector<float> values = run(*session);
  EXPECT_EQ(values == run(*baseline), isa() == Isa::baseline);
  if (isa() == Isa::baseline) return;
  Result<Session> avx2 = create(model_, "avx2");
  ASSERT_TRUE(avx2.ok());
  EXPECT_TRUE(values == run(*avx2));
}

INSTANTIATE_TEST_SUITE_P(Isas, SessionIsaTest,
                         ::testing::ValuesIn(ops::all_isas().begin(), ops::all_isas().end()),
                         [](const auto& test) { return std::string(ops::name_of(test.param)); });

std::string available_names() {
  std::string names;
  for (const std::string_view name : available_isas()) {
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return names;
}

TEST(SessionIsaChecks, WithoutAWishTheBestIsTaken) {
  const Environment environment(nullptr);
  Result<Session> session = create(small_model(), "");
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->isa(), available_isas().back());
}

TEST(SessionIsaChecks, WhatCannotRunIsRefusedWithWhatCan) {
  const Model model = small_model();
  std::vector<std::string> wrong{"mmx", "AVX2"};
  for (const Isa isa : ops::all_isas()) {
    if (!ops::is_available(isa)) wrong.emplace_back(ops::name_of(isa));
  }
  for (const std::string& name : wrong) {
    const Result<Session> by_option = create(model, name);
    EXPECT_EQ(by_option.status().code(), StatusCode::kInvalidArgument) << name;
    EXPECT_NE(by_option.status().message().find("'" + name + "'; available: " + available_names()),
              std::string::npos)
        << by_option.status().message();
    const Environment environment(name.c_str());
    const Result<Session> by_environment = create(model, "");
    EXPECT_EQ(by_environment.status().message(), "LANEWISE_ISA: " + by_option.status().message());
  }
}

}  // namespace
}  // namespace lanewise

// The main test: the real all-MiniLM-L6-v2 compared with PyTorch, on every instruction set of this
// CPU.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "lanewise/embedder.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/f32/f32_kernels.hpp"
#include "tests/model/golden.hpp"

namespace lanewise {
namespace {

using test::golden;
using test::make_session;
using test::minilm;

/// Relative to the largest magnitude in PyTorch's f32 output.
constexpr double kMinilmTolerance = 2e-5;

struct Setting {
  std::string isa;
  int threads;
};

/// Instruction sets with their own f32 kernels. The others run the same code, as
/// tests/runtime/session_isa_test.cpp shows.
std::vector<ops::Isa> isas() {
  std::vector<ops::Isa> found;
  for (const ops::Isa isa : ops::all_isas()) {
    if (ops::has_kernels<ops::LinearKernels>(isa)) found.push_back(isa);
  }
  return found;
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const ops::Isa isa : isas()) {
    for (const int threads : {1, 2}) {
      all.push_back({std::string(ops::name_of(isa)), threads});
    }
  }
  return all;
}

void PrintTo(const Setting& setting, std::ostream* out) {
  *out << setting.isa << ", " << setting.threads << " threads";
}

std::string setting_name(const ::testing::TestParamInfo<Setting>& info) {
  return info.param.isa + "_threads" + std::to_string(info.param.threads);
}

class ModelMinilmTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    if (!ops::find_isa(GetParam().isa).ok()) GTEST_SKIP() << "this CPU has no " << GetParam().isa;
  }
  SessionOptions options() const {
    return {.threads = GetParam().threads, .isa = GetParam().isa, .outputs = {}};
  }
};
INSTANTIATE_TEST_SUITE_P(Settings, ModelMinilmTest, ::testing::ValuesIn(settings()), setting_name);

TensorMap inputs_of(const TensorMap& golden) {
  TensorMap inputs;
  for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
    const auto it = golden.find(name);
    if (it != golden.end()) inputs[name] = it->second;
  }
  return inputs;
}

/// The largest difference over [rows, columns].
double largest_difference(const float* a, const float* b, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  }
  return largest;
}

double largest_magnitude(const Tensor& tensor, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::abs(double{tensor.as<float>()[i]}));
  return largest;
}

void expect_tokens_agree(const Tensor& hidden, const TensorMap& expected) {
  const int64_t length = hidden.shape()[1];
  const int64_t features = hidden.shape()[2];
  const Tensor& rows = expected.at("rows");
  const double unit = double{expected.at("last_hidden_state_max").as<float>()[0]};
  double worst = 0;
  for (int64_t i = 0; i < rows.shape()[0]; ++i) {
    const int64_t token =
        rows.as<int32_t>()[i] * length + expected.at("positions").as<int32_t>()[i];
    worst = std::max(
        worst, largest_difference(hidden.as<float>() + token * features,
                                  expected.at("last_hidden_state_rows").as<float>() + i * features,
                                  features));
  }
  EXPECT_LE(worst, kMinilmTolerance * unit);
  ::testing::Test::RecordProperty("error", std::to_string(worst / unit));
  std::printf("    last_hidden_state: %.1e of the largest magnitude\n", worst / unit);
}

void expect_sequences_agree(const Tensor& found, const Tensor& expected, const char* name) {
  ASSERT_EQ(found.shape(), expected.shape()) << name;
  const int64_t count = expected.shape()[0] * expected.shape()[1];
  EXPECT_LE(largest_difference(found.as<float>(), expected.as<float>(), count),
            kMinilmTolerance * largest_magnitude(expected, count))
      << name;
}

/// Padded positions hold zeros.
void expect_zeros_at_padding(const Tensor& hidden, const Tensor& mask) {
  const int64_t features = hidden.shape()[2];
  const int64_t tokens = hidden.shape()[0] * hidden.shape()[1];
  for (int64_t t = 0; t < tokens; ++t) {
    if (mask.as<int32_t>()[t] == 1) continue;
    for (int64_t i = 0; i < features; ++i) ASSERT_EQ(hidden.as<float>()[t * features + i], 0.0f);
  }
}

TEST_P(ModelMinilmTest, EqualsPyTorch) {
  Session session = make_session(minilm(), options());
  EXPECT_EQ(session.isa(), GetParam().isa);
  for (const char* name : {"batch1", "batch3", "batch32"}) {
    SCOPED_TRACE(name);
    const TensorMap expected = golden(name);
    Result<TensorMap> outputs = session.run(inputs_of(expected));
    ASSERT_TRUE(outputs.ok()) << outputs.status().message();
    expect_tokens_agree(outputs->at("last_hidden_state"), expected);
    expect_zeros_at_padding(outputs->at("last_hidden_state"), expected.at("attention_mask"));
    for (const char* output : {"pooler_output", "sentence_embedding"}) {
      expect_sequences_agree(outputs->at(output), expected.at(output), output);
    }
  }
}

/// 32 rows of different length, as one ragged batch.
struct Batch {
  std::vector<int32_t> ids;
  std::vector<int32_t> lengths;
  RaggedBatch view() const { return {ids, {}, lengths}; }
};

Batch batch32() {
  const TensorMap tensors = golden("batch32");
  const Tensor& ids = tensors.at("input_ids");
  const Tensor& mask = tensors.at("attention_mask");
  Batch batch;
  for (int64_t row = 0; row < ids.shape()[0]; ++row) {
    int32_t length = 0;
    for (int64_t t = 0; t < ids.shape()[1]; ++t) {
      const int64_t i = row * ids.shape()[1] + t;
      if (mask.as<int32_t>()[i] == 0) continue;
      batch.ids.push_back(ids.as<int32_t>()[i]);
      ++length;
    }
    batch.lengths.push_back(length);
  }
  return batch;
}

std::vector<float> run_output(Session& session, const RaggedBatch& batch, const char* name) {
  const Status status = session.run_ragged(batch);
  EXPECT_TRUE(status.ok()) << status.message();
  const Result<Session::Rows> rows = session.output(name);
  EXPECT_TRUE(rows.ok());
  std::vector<float> values;
  for (int64_t r = 0; r < rows->rows; ++r) {
    const float* row = rows->data + r * rows->stride;
    values.insert(values.end(), row, row + rows->features);
  }
  return values;
}

bool same_bits(const float* a, const float* b, size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

TEST_P(ModelMinilmTest, GivesATokenTheSameBitsAloneAndInABatch) {
  Session session = make_session(minilm(), options());
  const Batch batch = batch32();
  const std::vector<float> all = run_output(session, batch.view(), "last_hidden_state");
  size_t token = 0;
  for (size_t s = 0; s < batch.lengths.size(); ++s) {
    const auto length = static_cast<size_t>(batch.lengths[s]);
    const RaggedBatch alone{
        std::span(batch.ids).subspan(token, length), {}, std::span(batch.lengths).subspan(s, 1)};
    const std::vector<float> one = run_output(session, alone, "last_hidden_state");
    const size_t features = one.size() / length;
    EXPECT_TRUE(same_bits(one.data(), all.data() + token * features, one.size()))
        << "sequence " << s << " of " << length << " tokens";
    token += length;
  }
}

/// Few tokens, for emulated CPUs.
Batch small_batch() {
  Batch batch{{}, {2, 17, 5}};
  for (int32_t i = 0; i < 24; ++i) batch.ids.push_back(1000 + i * 7919 % 29000);
  return batch;
}

/// FNV-1a of the bits of every hidden state, on instruction sets with FMA.
constexpr uint64_t kChecksum = 16113765022898110694ull;

TEST_P(ModelMinilmTest, HasTheSameBitsOnEveryInstructionSetWithFma) {
  if (GetParam().isa == "baseline") GTEST_SKIP() << "baseline has no FMA and rounds otherwise";
  Session session = make_session(minilm(), options());
  const std::vector<float> all = run_output(session, small_batch().view(), "last_hidden_state");
  uint64_t hash = 14695981039346656037ull;
  for (const float value : all) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 4; ++i) hash = (hash ^ (bits >> (8 * i) & 255)) * 1099511628211ull;
  }
  EXPECT_EQ(hash, kChecksum);
}

TEST(ModelMinilmEmbedderTest, GivesATextTheSameBitsAloneAndInAnyBatch) {
  const std::vector<std::string_view> texts{
      "A man is eating food.",
      "",
      "한국어 문장을 벡터로 바꿉니다.",
      "Der Himmel ist heute blau, und der Wind weht.",
      "a",
      "The quick brown fox jumps over the lazy dog, again and again and again and again."};
  std::vector<float> first;
  for (const ops::Isa isa : isas()) {
    if (isa == ops::Isa::baseline || !ops::is_available(isa)) continue;
    const std::string name(ops::name_of(isa));
    for (const int threads : {1, 2}) {
      Result<Embedder> embedder =
          Embedder::create(minilm(), {.threads = threads, .isa = name, .outputs = {}});
      ASSERT_TRUE(embedder.ok()) << embedder.status().message();
      Result<Embeddings> all = embedder->embed(texts);
      ASSERT_TRUE(all.ok()) << all.status().message();
      if (first.empty()) first = all->values;
      EXPECT_TRUE(same_bits(first.data(), all->values.data(), first.size()))
          << name << " " << threads;
      for (size_t i = 0; i < texts.size(); ++i) {
        Result<Embeddings> one = embedder->embed({&texts[i], 1});
        ASSERT_TRUE(one.ok());
        EXPECT_TRUE(same_bits(one->values.data(), (*all)[static_cast<int64_t>(i)].data(),
                              one->values.size()))
            << texts[i];
      }
    }
  }
}

TEST(ModelMinilmBatchTest, RefusesBadInputByName) {
  Session session = make_session(minilm(), {});
  const auto run = [&](const TensorMap& inputs) { return session.run(inputs).status().message(); };
  const auto ids = [](std::vector<int32_t> values) {
    Tensor tensor(DataType::kI32, {1, static_cast<int64_t>(values.size())});
    std::copy(values.begin(), values.end(), tensor.as<int32_t>());
    return tensor;
  };
  EXPECT_NE(run({{"input_ids", ids({101, 30522})}}).find("30522"), std::string::npos);
  EXPECT_NE(run({{"input_ids", ids({101, -1})}}).find("-1"), std::string::npos);
  EXPECT_NE(run({{"attention_mask", ids({1})}}).find("'input_ids' is missing"), std::string::npos);
  EXPECT_NE(run({{"input_ids", ids({101})}, {"labels", ids({1})}}).find("'labels'"),
            std::string::npos);
  EXPECT_NE(
      run({{"input_ids", ids({1, 2, 3})}, {"attention_mask", ids({1, 0, 1})}}).find("zero between"),
      std::string::npos);
  EXPECT_NE(run({{"input_ids", ids({1, 2})}, {"attention_mask", ids({0, 0})}}).find("no token"),
            std::string::npos);
  EXPECT_NE(
      run({{"input_ids", ids({1, 2})}, {"attention_mask", ids({1, 2})}}).find("expected 0 or 1"),
      std::string::npos);
  EXPECT_NE(
      run({{"input_ids", ids({1, 2})}, {"token_type_ids", ids({0, 2})}}).find("token_type_ids"),
      std::string::npos);
  EXPECT_NE(run({{"input_ids", ids(std::vector<int32_t>(513, 1))}}).find("513"), std::string::npos);
  EXPECT_NE(run({{"input_ids", ids({})}}).find("empty"), std::string::npos);
  EXPECT_EQ(run({{"input_ids", ids({101, 102})}}), "");
}

}  // namespace
}  // namespace lanewise

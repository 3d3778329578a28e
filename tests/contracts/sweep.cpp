#include "tests/contracts/sweep.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

namespace lanewise::test {
namespace {

using Make = std::function<std::unique_ptr<Subject>()>;

// With sanitizers a call takes some thirty times as long, so fewer of its allocations fail.
constexpr bool kSanitized = !std::string_view(LANEWISE_TEST_SANITIZERS).empty();
constexpr int64_t kEach = kSanitized ? 20 : 200;
constexpr int64_t kShare = kSanitized ? 1 : 6;

int64_t each = kEach;

SweepTotals& totals() {
  static SweepTotals all;
  return all;
}

int64_t next_number(int64_t number) {
  return number < each ? number + 1 : number + number / kShare;
}

bool may_recover = false;

bool has_amx() {
  std::ifstream cpus("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(cpus)), {});
  return text.find(" amx_int8") != std::string::npos;
}

Outcome call(Subject& subject) {
  return subject.call([] {}, [] {});
}

void expect_same(const Outcome& found, const Outcome& expected) {
  EXPECT_EQ(static_cast<int>(found.code), static_cast<int>(expected.code)) << found.bits;
  const bool is_text = expected.code != StatusCode::kOk;
  EXPECT_TRUE(found.bits == expected.bits) << "another result " << (is_text ? found.bits : "");
}

/// Lets one allocation fail; whether there was one.
bool fail_one(const Make& make, int64_t number, Failing failing, const Outcome& expected) {
  SCOPED_TRACE("allocation " + std::to_string(number) +
               (failing == Failing::kFrom ? " and all later ones" : ""));
  const std::unique_ptr<Subject> subject = make();
  Failed failed = Failed::kNone;
  const Outcome outcome =
      subject->call([&] { start_failing(number, failing); }, [&] { failed = stop_failing(); });
  if (failed == Failed::kNone) {
    expect_same(outcome, expected);
    return false;
  }
  if (failed == Failed::kNull && outcome.code == expected.code) {
    expect_same(outcome, expected);  // std::stable_sort() then sorts in place
    return true;
  }
  if (may_recover && outcome.code == StatusCode::kOk && expected.code == StatusCode::kOk) {
    expect_same(outcome, expected);
    return true;
  }
  const bool is_text = outcome.code != StatusCode::kOk;
  EXPECT_EQ(static_cast<int>(outcome.code), static_cast<int>(StatusCode::kResourceExhausted))
      << (is_text ? outcome.bits : "");
  SCOPED_TRACE("with memory again");
  expect_same(call(*subject), expected);
  return true;
}

/// How many allocations were let fail.
int64_t fail_each(const Make& make, Failing failing, const Outcome& expected) {
  int64_t count = 0;
  for (int64_t number = 1; fail_one(make, number, failing, expected); ++count) {
    if (testing::Test::HasFailure()) return count;
    number = next_number(number);
  }
  return count;
}

/// Bytes that a call leaves behind, its object being gone.
int64_t left_behind(const std::function<void()>& work) {
  const int64_t before = live_bytes();
  work();
  return live_bytes() - before;
}

/// Traces are kept in a list that grows.
void warm_up_traces() {
  SCOPED_TRACE("");
  SCOPED_TRACE("");
  SCOPED_TRACE("");
  SCOPED_TRACE("");
}

}  // namespace

SparseSweeps::SparseSweeps() { each = kEach / 5; }
SparseSweeps::~SparseSweeps() { each = kEach; }

OneDnnMayFail::OneDnnMayFail() { may_recover = has_amx(); }
OneDnnMayFail::~OneDnnMayFail() { may_recover = false; }

void sweep(const std::string& name, const Make& make) {
  warm_up_traces();
  const Outcome expected = call(*make());
  // What is made once for the whole program is made by now.
  ASSERT_FALSE(fail_one(make, std::numeric_limits<int64_t>::max() / 2, Failing::kOnce, expected));
  int64_t failures = 0;
  const int64_t left = left_behind([&] {
    failures += fail_each(make, Failing::kOnce, expected);
    failures += fail_each(make, Failing::kFrom, expected);
  });
  EXPECT_TRUE(left == 0 || testing::Test::HasFailure()) << left << " bytes leaked";
  ++totals().calls;
  totals().failures += failures;
  std::printf("  %-56s %7lld\n", name.c_str(), static_cast<long long>(failures));
}

const SweepTotals& sweep_totals() { return totals(); }

}  // namespace lanewise::test

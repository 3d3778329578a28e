#include "lanewise/messages.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "lanewise/status_macros.hpp"

namespace lanewise {
namespace {

TEST(Messages, QuoteNamesThatNobodyVouchesFor) {
  EXPECT_EQ(in_quotes("model.lw"), "'model.lw'");
  EXPECT_EQ(in_quotes("a\nb\x1b[2J"), "'a?b?[2J'");
  const std::string longest(240, 'x');
  EXPECT_EQ(in_quotes(longest), "'" + longest + "'");
  EXPECT_EQ(in_quotes(longest + "y"), "'" + longest + "...'");
}

TEST(Messages, NameWhatTheSystemRefused) {
  const Status missing = os_error("read", "a.txt", ENOENT);
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "cannot read 'a.txt': No such file or directory");
  EXPECT_EQ(os_error("write", "a", ENOMEM).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(os_error("write", "a", EACCES).code(), StatusCode::kIo);
}

Result<int> half(int number) {
  if (number % 2 != 0) return invalid_argument("odd");
  return number / 2;
}

Result<int> quarter(int number, int* calls) {
  LANEWISE_ASSIGN_OR_RETURN(const int once, half(number));
  ++*calls;
  LANEWISE_RETURN_IF_ERROR(half(once).status());
  ++*calls;
  LANEWISE_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(StatusMacros, ReturnTheFirstFailure) {
  int calls = 0;
  const auto two = quarter(8, &calls);
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(*two, 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(quarter(7, &calls).status().message(), "odd");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(quarter(6, &calls).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace lanewise

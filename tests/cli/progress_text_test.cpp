#include <gtest/gtest.h>

#include "cli/portion_size.hpp"
#include "cli/progress_text.hpp"

namespace lanewise::cli {
namespace {

TEST(ProgressText, RateAndTimeLeft) {
  EXPECT_EQ(progress_text(999, 0, 0.0, 0.0, 2.0), "999 texts, 500 a second");
  EXPECT_EQ(progress_text(1'234'567, 0, 0.5, 0.0, 100.0),
            "1,234,567 texts, 12346 a second, 50 %, 1 min 40 s left");
  EXPECT_EQ(progress_text(10, 0, 0.01, 0.0, 100.0), "10 texts, 0 a second, 1 %, 2 h 45 min left");
  EXPECT_EQ(progress_text(10, 0, 0.001, 0.0, 900.0), "10 texts, 0 a second, 0 %, 10 d 9 h left");
  EXPECT_EQ(progress_text(1000, 0, 1.0, 0.0, 10.0), "1,000 texts, 100 a second, 100 %, 0 s left");
}

TEST(ProgressText, WhatEarlierRunsDidCountsForNoRate) {
  EXPECT_EQ(progress_text(1500, 1000, 0.75, 0.5, 10.0),
            "1,500 texts, 50 a second, 75 %, 10 s left");
  EXPECT_EQ(progress_text(1000, 1000, 0.5, 0.5, 10.0), "1,000 texts, 0 a second, 50 %");
}

TEST(PortionSize, ShortPortionsGrowWhileTheyAreQuick) {
  PortionSize whole(2048);
  EXPECT_EQ(whole.next(), 2048u);
  PortionSize size(200);
  size.keep_short();
  EXPECT_EQ(size.next(), 64u);
  EXPECT_EQ(size.next(), 128u);
  EXPECT_EQ(size.next(), 200u);
  EXPECT_EQ(size.next(), 200u);
  PortionSize few(10);
  few.keep_short();
  EXPECT_EQ(few.next(), 10u);
}

}  // namespace
}  // namespace lanewise::cli

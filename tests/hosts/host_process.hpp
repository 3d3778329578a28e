#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

namespace lanewise::hosts {

/// The sanitizers of this build, as CMake has them: compilers say it in different ways.
inline constexpr std::string_view kSanitizers = LANEWISE_TEST_SANITIZERS;

/// How long a host may take, its set-up excluded. Sanitizers take ten times as long.
inline constexpr unsigned kMostSeconds = kSanitizers.empty() ? 2 : 20;

/// Runs `host` in a program of its own, this one begun anew with the test that calls, and succeeds
/// if it returns an empty text in time. What it returns else says what went wrong. The program is
/// killed after kMostSeconds. One a test. It must not be forked off, since OpenMP is not used
/// there.
testing::AssertionResult lives(const std::function<std::string()>& host);

/// Runs `test`, one that calls lives(), in a program with the environment variable `setting`,
/// NAME=VALUE.
testing::AssertionResult passes(const std::string& test, const std::string& setting);

}  // namespace lanewise::hosts

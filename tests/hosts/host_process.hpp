#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

namespace lanewise::hosts {

/// The sanitizers of this build, from CMake, because compilers report them differently.
inline constexpr std::string_view kSanitizers = LANEWISE_TEST_SANITIZERS;

/// Time limit of a host, without its set-up. Sanitizers are ten times as slow.
inline constexpr unsigned kMostSeconds = kSanitizers.empty() ? 2 : 20;

/// Runs `host` in a new process, this program started again with the calling test, and succeeds if
/// it returns an empty text in time; otherwise its text says what went wrong. The process is killed
/// after kMostSeconds. Call it once per test. A fork would not do, since OpenMP does not work in
/// one.
testing::AssertionResult lives(const std::function<std::string()>& host);

/// Runs `test`, which calls lives(), in a process with the environment variable `setting`,
/// NAME=VALUE.
testing::AssertionResult passes(const std::string& test, const std::string& setting);

}  // namespace lanewise::hosts

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace lanewise::hosts {

/// How long a host may take, its set-up excluded. Sanitizers take ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr unsigned kMostSeconds = 20;
#else
inline constexpr unsigned kMostSeconds = 2;
#endif

/// Runs `host` in a process forked off, and succeeds if it returns an empty text in time. What it
/// returns else says what went wrong. The process is killed after kMostSeconds.
testing::AssertionResult lives(const std::function<std::string()>& host);

}  // namespace lanewise::hosts

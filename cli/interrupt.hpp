#pragma once

#include <atomic>

namespace lanewise::cli {

/// From now on the first SIGINT (Ctrl-C) or SIGTERM only sets interrupted(), so that a command can
/// take its temporary files with it; a second one ends the program.
void catch_interrupts() noexcept;

const std::atomic<bool>& interrupted() noexcept;

}  // namespace lanewise::cli

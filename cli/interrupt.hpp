#pragma once

#include <atomic>

namespace lanewise::cli {

/// From now on the first SIGINT (Ctrl-C) or SIGTERM only sets interrupted(), so that a command can
/// end in order. One that takes longer than 0.7 seconds to look is ended; so is the program by a
/// second signal, at once.
void catch_interrupts() noexcept;

const std::atomic<bool>& interrupted() noexcept;

/// The exit status after the signal that set interrupted(): 128 and its number, as shells have it.
int interrupted_exit_code() noexcept;

}  // namespace lanewise::cli

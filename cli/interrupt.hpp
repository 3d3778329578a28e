#pragma once

#include <atomic>

namespace lanewise::cli {

/// From now on the first SIGINT (Ctrl-C) or SIGTERM only sets interrupted(), so that a command can
/// end cleanly. A command that does not within 0.7 seconds is terminated; a second signal
/// terminates the program at once.
void catch_interrupts() noexcept;

/// The same for a command that serves others: it has all the time that it needs to end.
void catch_interrupts_patiently() noexcept;

/// For a program in a terminal that takes one request after another: after catch_interrupts(), a
/// SIGINT ends the current request, and has all the time that it needs. SIGTERM stays as it is.
void let_interrupts_end_requests() noexcept;

/// From now on SIGHUP is for take_reload_signal(), instead of ending the program. Where a terminal closes
/// that the program was started from, it is as SIGTERM.
void catch_reload_signals() noexcept;

/// Whether a SIGHUP has come since the last call.
bool take_reload_signal() noexcept;

/// If SIGINT set interrupted(), clears it for the next request and returns true. Returns false
/// after SIGTERM, and if there was no signal.
bool clear_interrupt() noexcept;

const std::atomic<bool>& interrupted() noexcept;

/// The exit status after the signal that set interrupted(): 128 plus its number, as in shells.
int interrupted_exit_code() noexcept;

}  // namespace lanewise::cli

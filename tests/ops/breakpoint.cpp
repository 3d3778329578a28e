#include "tests/ops/breakpoint.hpp"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace lanewise::ops::test {
namespace {

// PUSH ES, invalid in 64-bit mode. Not INT3: the thread sanitizer treats SIGTRAP as an external
// signal and delivers it late, but delivers SIGILL at once.
constexpr uint8_t kBreakpointInvalid = 0x06;
constexpr int kSlots = 8;

/// The first byte of an instruction, replaced by kBreakpointInvalid; null: free.
struct Slot {
  volatile uint8_t* instruction = nullptr;
  uint8_t original = 0;
  volatile bool hit = false;
};

Slot slots[kSlots];  // read by the signal handler

// The thread sanitizer has no shadow memory for code.
__attribute__((no_sanitize("thread"), noinline)) uint8_t read_code(volatile uint8_t* at) {
  return *at;
}
__attribute__((no_sanitize("thread"), noinline)) void write_code(volatile uint8_t* at,
                                                                 uint8_t byte) {
  *at = byte;
}

bool make_writable(const void* instruction) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(instruction) / page * page;
  return ::mprotect(reinterpret_cast<void*>(begin), page, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

/// Restores the instruction, which then runs: the fault precedes its execution.
void on_invalid(int, siginfo_t*, void* context) {
  const greg_t next = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
  for (Slot& slot : slots) {
    if (slot.instruction == nullptr) continue;
    if (reinterpret_cast<uintptr_t>(slot.instruction) != static_cast<uintptr_t>(next)) continue;
    write_code(slot.instruction, slot.original);
    slot.hit = true;
    return;
  }
  std::signal(SIGILL, SIG_DFL);  // not one of ours: the next one ends the program
}

void listen() {
  struct sigaction action = {};
  action.sa_sigaction = on_invalid;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGILL, &action, nullptr);
}

int free_slot() {
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].instruction == nullptr) return i;
  }
  std::abort();
}

}  // namespace

bool Breakpoint::possible() { return make_writable(reinterpret_cast<const void*>(&free_slot)); }

Breakpoint::Breakpoint(const void* function) : slot_(free_slot()) {
  listen();
  if (!make_writable(function)) std::abort();
  Slot& slot = slots[slot_];
  // Code is only const to the compiler.
  slot.instruction = static_cast<uint8_t*>(const_cast<void*>(function));
  slot.original = read_code(slot.instruction);
  slot.hit = false;
  write_code(slot.instruction, kBreakpointInvalid);
}

Breakpoint::~Breakpoint() {
  write_code(slots[slot_].instruction, slots[slot_].original);
  slots[slot_].instruction = nullptr;
}

bool Breakpoint::hit() const { return slots[slot_].hit; }

}  // namespace lanewise::ops::test

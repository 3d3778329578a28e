#pragma once

namespace lanewise::ops::test {

/// A breakpoint at the first instruction of a function, as in a debugger: tells whether the
/// function has run, whoever called it. Functions compiled for different instruction sets may
/// compute the same bits; this tells them apart.
///
///   const Breakpoint avx2(reinterpret_cast<const void*>(table.multiply));
///   ... run on one thread ...
///   EXPECT_TRUE(avx2.hit());
///
/// At most 8 at a time, on different functions. Not thread-safe, nor is the watched function until
/// it was hit.
class Breakpoint {
 public:
  /// Whether the system lets a program modify its own code; hardened ones do not.
  static bool possible();

  /// possible() must hold.
  explicit Breakpoint(const void* function);
  ~Breakpoint();
  Breakpoint(const Breakpoint&) = delete;
  Breakpoint& operator=(const Breakpoint&) = delete;

  bool hit() const;

 private:
  int slot_;
};

}  // namespace lanewise::ops::test

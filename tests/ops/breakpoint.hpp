#pragma once

namespace lanewise::ops::test {

/// A breakpoint at the first instruction of a function, as a debugger sets it: says whether the
/// function has run, whoever called it. Functions that were compiled for different instruction sets
/// may compute the same bits; this tells them apart.
///
///   const Breakpoint avx2(reinterpret_cast<const void*>(table.multiply));
///   ... run on one thread ...
///   EXPECT_TRUE(avx2.hit());
///
/// At most 8 at a time, on different functions. Not thread-safe, and neither is what it watches
/// until it was hit.
class Breakpoint {
 public:
  /// Whether the system lets a program change its own code; hardened ones do not.
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

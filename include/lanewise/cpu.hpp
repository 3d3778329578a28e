#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// Describes this machine: instruction sets, caches, and the speed that no kernel can exceed. All
/// functions here are thread-safe.

namespace lanewise {

/// An instruction set that this build has kernels for.
struct InstructionSet {
  std::string_view name;         ///< for SessionOptions::isa
  std::string_view f32_kernels;  ///< the instruction set whose f32 kernels it uses: itself, or one
                                 ///< that it extends with instructions for other types only
  bool available = false;        ///< this CPU and its operating system can run it
};

/// All instruction sets of this build, slowest first. The span and the names are valid until the
/// program ends.
LANEWISE_EXPORT std::span<const InstructionSet> instruction_sets() noexcept;

/// Returns the instruction set that a Session with SessionOptions::isa = `name` uses: `name`
/// itself, or if it is empty the value of LANEWISE_ISA, or else the best available one.
///
/// Fails with kInvalidArgument, listing the available ones, if it is unknown or this CPU lacks it.
LANEWISE_EXPORT Result<std::string_view> choose_isa(std::string_view name = {});

/// Data caches, in bytes.
struct CacheSizes {
  int64_t l1 = 0;  ///< of one core
  int64_t l2 = 0;  ///< of one core
  int64_t l3 = 0;  ///< shared by cores
};

/// The sizes that the operating system reports; if it does not, those of a small desktop CPU.
LANEWISE_EXPORT CacheSizes cache_sizes() noexcept;

/// The type of the factors. Products are summed in f32, those of bytes in 32-bit integers.
enum class Arithmetic { kF32, kI8, kBf16 };

/// The arithmetic that dominates a model whose weights are stored as `weights`, a name as in
/// ModelContents::weights_type: bytes for int8 and int4. kF32 for an unknown name.
LANEWISE_EXPORT Arithmetic arithmetic_of(std::string_view weights) noexcept;

/// Measures the peak rate of multiply-adds in registers on the calling thread, in 1e9 operations
/// per second. A multiply-add counts as 2.
///
/// The clock depends on temperature, instruction set and load, so measure the peak next to the
/// kernel that you compare with it. For several threads, call this on all of them at the same time
/// and add the results.
///
/// isa         the name of an available instruction set
/// arithmetic  kI8: dot products of unsigned by signed bytes. kBf16: the f32 rate if `isa` has no
///             instructions for bf16.
/// seconds     how long to measure, > 0; 0.1 suffices on a quiet machine
/// Fails as choose_isa() does for `isa`, and with kInvalidArgument for `seconds` out of range.
LANEWISE_EXPORT Result<double> measure_peak_gops(std::string_view isa, Arithmetic arithmetic,
                                                 double seconds);

/// The smallest memory that measure_read_gbps() can measure, in bytes.
inline constexpr int64_t kLeastReadBytes = int64_t{8} << 20;

/// Measures how fast the calling thread can read `memory`, in 1e9 bytes per second. This limits a
/// decoding step, which reads every weight once.
///
/// The memory is read three times, so parts that fit into a cache are read from there. For several
/// threads, give each its own part, call this on all of them at the same time, and add the results.
///
/// memory  must have been written, at least kLeastReadBytes
/// Fails with kInvalidArgument for less memory.
LANEWISE_EXPORT Result<double> measure_read_gbps(std::span<const float> memory);

}  // namespace lanewise

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lanewise/export.hpp"
#include "lanewise/status.hpp"

/// What this machine can do: instruction sets, caches, and the speed that no kernel can exceed.
/// Every function here is thread-safe.

namespace lanewise {

/// An instruction set that this build has kernels for.
struct InstructionSet {
  std::string_view name;         ///< as SessionOptions::isa takes it
  std::string_view f32_kernels;  ///< the instruction set whose f32 kernels it uses: itself, or one
                                 ///< that it extends with instructions for other types only
  bool available = false;        ///< this CPU and its operating system can run it
};

/// All instruction sets of this build, worst first. The span and the names are valid until the
/// program ends.
LANEWISE_EXPORT std::span<const InstructionSet> instruction_sets() noexcept;

/// The name of the instruction set that a Session uses whose SessionOptions::isa is `name`: `name`
/// itself, or for an empty one the value of LANEWISE_ISA, or else the best that is available.
///
/// Fails with kInvalidArgument, listing those available, for one that is unknown or that this CPU
/// cannot run.
LANEWISE_EXPORT Result<std::string_view> choose_isa(std::string_view name = {});

/// Data caches, in bytes.
struct CacheSizes {
  int64_t l1 = 0;  ///< of one core
  int64_t l2 = 0;  ///< of one core
  int64_t l3 = 0;  ///< shared by cores
};

/// As the operating system reports them; sizes of a small desktop CPU where it does not.
LANEWISE_EXPORT CacheSizes cache_sizes() noexcept;

/// Operands that are multiplied. Products are added up in f32, those of bytes in 32-bit integers.
enum class Arithmetic { kF32, kI8, kBf16 };

/// The most operations a second, in units of 1e9, that the calling thread reaches with nothing but
/// multiply-adds in registers. A multiply-add counts as 2.
///
/// The clock depends on temperature, instruction set and load, so measure this beside the kernel
/// that is to be compared with it. For several threads, call it on each at the same time and add
/// the results.
///
/// isa         the name of an available instruction set
/// arithmetic  kI8: dot products of unsigned by signed bytes. kBf16: that of f32 where `isa` has no
///             instructions for bf16.
/// seconds     how long to measure, > 0; 0.1 suffices on a quiet machine
/// Fails with kInvalidArgument for an `isa` as choose_isa() does, or for `seconds` out of range.
LANEWISE_EXPORT Result<double> measure_peak_gops(std::string_view isa, Arithmetic arithmetic,
                                                 double seconds);

/// The least memory that measure_read_gbps() can measure, in bytes.
inline constexpr int64_t kLeastReadBytes = int64_t{8} << 20;

/// The fastest that the calling thread reads `memory`, in units of 1e9 bytes a second: the limit of
/// a decoding step, which reads every weight once.
///
/// The memory is read three times, so what a cache can hold of it comes from there. For several
/// threads, give each its own part, call this on each at the same time, and add the results.
///
/// memory  written before, at least kLeastReadBytes
/// Fails with kInvalidArgument for less memory.
LANEWISE_EXPORT Result<double> measure_read_gbps(std::span<const float> memory);

}  // namespace lanewise

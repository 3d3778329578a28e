#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lanewise::grammar {

/// Code points from `first` to `last`, both included.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

/// A set of Unicode scalar values: code points without surrogates.
class CodePointSet {
 public:
  CodePointSet() = default;
  /// In any order; they may overlap. Surrogates are left out.
  explicit CodePointSet(const std::vector<CodePointRange>& ranges);
  static CodePointSet all() { return CodePointSet({{0, kLastCodePoint}}); }

  /// Sorted, neither overlapping nor adjacent, except around the surrogates.
  std::span<const CodePointRange> ranges() const noexcept { return ranges_; }
  bool empty() const noexcept { return ranges_.empty(); }
  bool contains(char32_t code_point) const noexcept;

  CodePointSet complement() const;
  CodePointSet without(const CodePointSet& other) const;

 private:
  std::vector<CodePointRange> ranges_;
};

}  // namespace lanewise::grammar

#pragma once

#include <cstddef>

namespace lanewise::chat {

// Templates come with checkpoints that nobody vouches for. These limits keep a template from taking
// more memory, stack or time than one that does its work: those of real models take less than a
// hundredth of each.

inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;
/// Of the JSON of messages, of tools and so on, each. Parsed, it takes up to sixteen times as much.
inline constexpr size_t kMaxInputBytes = size_t{16} << 20;

/// How deep blocks, parentheses and operators may nest in a template.
inline constexpr int kMaxNesting = 100;
/// How deep the evaluation of expressions, blocks and macros may nest. A level takes about 1 KB of
/// the stack.
inline constexpr int kMaxDepth = 400;
/// How deep lists and dicts may nest where they are printed or compared.
inline constexpr int kMaxValueDepth = 100;

/// An evaluated expression, a copied element or 32 bytes of text are about one step.
inline constexpr size_t kMaxSteps = 50'000'000;
/// Of the values that a template makes, all together: none is freed before the end. A filter may
/// take a few times as much while it runs.
inline constexpr size_t kMaxMemoryBytes = size_t{128} << 20;
/// Of the prompt, and of a text that a filter makes.
inline constexpr size_t kMaxOutputBytes = size_t{32} << 20;

/// As Jinja's sandbox has it.
inline constexpr size_t kMaxRange = 100'000;

}  // namespace lanewise::chat

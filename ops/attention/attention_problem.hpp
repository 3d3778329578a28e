#pragma once

#include <cstdint>
#include <vector>

#include "ops/operator.hpp"

namespace lanewise::ops {

/// Numbers of queries and keys of one sequence.
struct Lengths {
  int64_t queries = 0;
  int64_t keys = 0;
};

/// The keys [begin, end) that a query sees; begin <= end.
struct Seen {
  int32_t begin = 0;
  int32_t end = 0;
};

enum class BiasKind { kNone, kRelative, kDense };

/// Where the bias of one query and head is, in the form of AttentionBias.
struct BiasRow {
  const float* table = nullptr;
  int32_t shift = 0;
};

/// The additive bias in the form that the kernels read: contiguous in the key, from a clamped
/// start.
struct BiasTable {
  BiasKind kind = BiasKind::kNone;
  int32_t first = 0;
  int32_t last = 0;
  int64_t max_queries = 0;       // dense
  int64_t max_keys = 0;          // dense
  int64_t head_step = 0;         // floats from head to head
  const float* dense = nullptr;  // [heads or 1][max_queries][max_keys], the caller's
  /// [heads][2 * (R + kKeyBlock) + 1]: the relative bias with both ends repeated kKeyBlock times,
  /// so that a block that begins beyond R needs no clamping of its keys.
  std::vector<float> relative;

  BiasRow row(int64_t head, int64_t position) const noexcept;
};

/// The attributes and weights of an attention operator, checked.
struct AttentionProblem {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  float scale = 0;
  float soft_cap = 0;  // of scores; 0: none
  bool causal = false;
  int64_t window = 0;
  bool allow_bf16 = false;
  BiasTable bias;

  /// Number of heads that share one key head.
  int64_t group() const noexcept { return heads / kv_heads; }
  /// The position of a query among the keys; negative if it is before all of them.
  int64_t position(const Lengths& lengths, int64_t query) const noexcept {
    return causal ? query + lengths.keys - lengths.queries : query;
  }
  Seen seen_by(const Lengths& lengths, int64_t query) const noexcept;
};

/// Reads and checks heads, kv_heads and head_dim alone.
Result<AttentionProblem> check_heads(const Attributes& attributes);

/// Reads and checks the attributes, weights and operands of ops/attention/attention.hpp.
Result<AttentionProblem> check_attention(const OperatorConfig& config);

}  // namespace lanewise::ops

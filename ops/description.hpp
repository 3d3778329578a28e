#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/operator.hpp"
#include "ops/row_rules.hpp"

namespace lanewise::ops {

/// A member without a default: an initialiser that omits it does not compile.
template <typename T>
class Required {
 public:
  template <typename U>
  requires std::convertible_to<U, T>
  constexpr Required(U&& value) noexcept  // NOLINT: implicit by design
      : value_(std::forward<U>(value)) {}
  constexpr operator T() const noexcept { return value_; }  // NOLINT: implicit by design
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  T value_;
};

/// How an operator reads a weight, which determines how a model file stores it.
enum class WeightUse {
  kWhole,    ///< all of it in every run, unpacked: biases, norms
  kProduct,  ///< [n, k], rows of k inputs are multiplied by it: packed in panels, may be quantised
  kLookup,   ///< [rows, dim], rows selected by ids: only these are read
};

/// A weight of an operator. Weights that are not described are kWhole.
struct WeightRole {
  std::string_view role;
  WeightUse use = WeightUse::kWhole;
  /// kProduct: the value whose rows are multiplied, which calibration observes: an input, or the
  /// operator's output if the layer multiplies its own states.
  bool multiplies_output = false;
  size_t input = 0;
  /// A model file may store it at lower precision than f32.
  bool low_precision = false;
};

/// What happens to an operator in a decoding step, which computes only the new tokens.
struct DecodingStep {
  enum class Kind {
    kNone,       ///< cannot be in a graph that is split into steps
    kSame,       ///< the same operator on the new rows
    kAttention,  ///< attribute `causal`: to earlier tokens, through a cache; else to the encoder's
                 ///< output
    kMemory,     ///< the first input is the decoder's, the others are the encoder's output
    kRecurrent,  ///< attribute `reverse` must be false; the state is in a cache
  };
  Kind kind;
  /// The operator that replaces it; empty: the same.
  std::string_view op = {};
  /// kAttention: the operator that writes the new tokens to the cache first.
  std::string_view append_op = {};
  /// kAttention: the operator that replaces it where it attends to the encoder's output.
  std::string_view memory_op = {};
  /// Features of a slot of its cache, or of a page. Attributes come from files and are not trusted.
  Result<int64_t> (*cache_features)(const Attributes& attributes,
                                    int64_t output_features) = nullptr;
  /// Whether it needs the position of each new token as an additional input, with the attribute
  /// has_positions: a token's row in a step is not its position in its sequence. Null: never.
  Result<bool> (*takes_positions)(const Attributes& attributes) = nullptr;
  /// The length beyond which it computes a sequence differently from the first token on; 0: none.
  /// A step then tells it as an additional input, after the positions, which sequences may become
  /// longer. Null: never.
  Result<int64_t> (*trained_tokens)(const Attributes& attributes) = nullptr;
};

/// What callers may pass into a model.
struct IdLimits {
  std::span<const int64_t> vocabularies;  ///< by input of the node: ids are smaller; 0: no ids
  int64_t tokens = 0;                     ///< of the longest sequence
};

/// A table whose rows are selected by ids.
struct TableRows {
  std::string_view role;
  int64_t rows = 0;  ///< the number that it must have
};

/// Whether a norm can be computed by the operator that reads it (runtime/plan/absorb_norms.hpp).
enum class NormRole { kNone, kNorm, kReader };

/// Everything that the rest of the library knows about an operator without running it. Each
/// operator defines one, `<name>_operator`, next to its factory; ops.def lists them. The mandatory
/// members come first.
struct OperatorDescription {
  Required<Result<OperatorPtr> (*)(const OperatorConfig&)> make;
  Required<RowRule> rows;
  Required<DecodingStep> step;
  Required<std::span<const WeightRole>> weights;

  /// The rows that its tables need for all ids and positions that callers may pass; required for
  /// every operator that reads callers' ids. Fails if the attributes cannot support them.
  Result<std::vector<TableRows>> (*tables)(const Attributes& attributes,
                                           const IdLimits& limits) = nullptr;
  /// Parts of the output of a recurrent layer, `units` features each (an LSTM returns h | c); its
  /// weight multiplies the first.
  int64_t state_parts = 1;
  /// Accepts the attribute allow_bf16: may round to bf16 if weights have low precision.
  bool allows_bf16 = false;
  NormRole norm = NormRole::kNone;
  /// kReader: whether it would absorb a norm of its first input. `config` is valid.
  bool (*takes_norm)(const OperatorConfig& config) = nullptr;
  /// Attributes that only plans set: a model file must not have them.
  std::span<const std::string_view> plan_attributes = {};
  /// The rows for its kProduct weight that a row of the input holds, side by side, where
  /// `features` are those of the inputs; null: one.
  int64_t (*product_rows)(const Attributes& attributes,
                          std::span<const int64_t> features) = nullptr;
  /// Its kProduct weight is this many matrices of equal size, one below the other, each in panels
  /// of its own; null: one. Attributes come from files and are not trusted.
  int64_t (*matrices)(const Attributes& attributes) = nullptr;

  /// The weight of that role, or null if it is not described.
  const WeightRole* find_weight(std::string_view role) const noexcept;
  WeightUse use_of(std::string_view role) const noexcept;
};

#define LW_OPERATOR(name, folder) extern const OperatorDescription name##_operator;
#include "ops/ops.def"
#undef LW_OPERATOR

/// The operator called `name` in graphs, or null.
const OperatorDescription* find_operator(std::string_view name) noexcept;

/// The names of all operators, for a message: "embed, linear, ...".
std::string known_operators();

}  // namespace lanewise::ops

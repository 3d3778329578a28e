#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/status.hpp"
#include "lanewise/tensor.hpp"
#include "ops/attributes.hpp"
#include "ops/dispatch.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::ops {

/// How the rows of a batch belong to sequences: sequence s owns the rows
/// [offsets[s], offsets[s + 1]). No row is padding.
struct RaggedRows {
  const int32_t* offsets = nullptr;  // [sequences + 1], offsets[0] = 0
  int64_t sequences = 0;
  // [sequences]: attention sees only so many rows at the beginning of each; null: all of them
  const int32_t* attended = nullptr;
};

/// Where each sequence is in an operand whose rows are scattered or shared: row i of sequence s is
/// row rows[s][i] of the operand, or, in a paged cache, part of page i / kPageTokens
/// (ops/attention/kv_page.hpp).
struct RowTables {
  const int32_t* const* rows = nullptr;  // [sequences][lengths[s]], null for a paged cache
  const int32_t* lengths = nullptr;      // [sequences]
  int64_t sequences = 0;
  float* const* const* pages = nullptr;  // [sequences][pages of lengths[s]], all layers of a page
};

/// One input or output of an operator during a run: `rows` rows of `features` elements.
struct Operand {
  void* data = nullptr;
  int64_t rows = 0;
  int64_t features = 0;
  // Elements between the starts of two rows, >= features. A paged cache has no data: where the
  // layer begins in each page.
  int64_t stride = 0;
  const RaggedRows* ragged = nullptr;
  const RowTables* tables = nullptr;  // of a cache or memory that is read through tables

  float* f32(int64_t row = 0) const noexcept { return static_cast<float*>(data) + row * stride; }
  const int32_t* i32(int64_t row = 0) const noexcept {
    return static_cast<const int32_t*>(data) + row * stride;
  }
};

/// The operands of one run. Outputs never overlap inputs unless the operator's documentation
/// allows it.
struct Operands {
  std::span<const Operand> inputs;
  Operand output;
};

/// A part of an operator's work, independent of its other parts. What a piece computes is fixed
/// when the work is divided, so results do not depend on which thread takes it. Each operator
/// defines the meaning of the fields; rows and columns for most.
struct Piece {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t other_begin = 0;
  int32_t other_end = 0;
};

/// A bound on the number of pieces: rows / rows_each + sequences * of_sequence + more.
struct PieceLimit {
  int64_t rows_each = 0;  ///< 0: rows do not matter
  int64_t of_sequence = 0;
  int64_t more = 0;

  /// The bound for a batch that is divided as `parts` batches, with `rows` rows of the operator's
  /// output and `sequences` sequences in total.
  int64_t of(int64_t rows, int64_t sequences, int64_t parts = 1) const noexcept;
};

/// One operator with its attributes and weights bound, ready to run on any number of rows.
///
/// Immutable after creation; cut() and run() may be called by any number of threads at once.
class Operator {
 public:
  virtual ~Operator() = default;

  /// Appends the pieces of the work for these operands, the most expensive ones first. The division
  /// must not change any result. Called outside the parallel region.
  virtual void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const = 0;

  /// The most pieces that cut() makes for that many threads, so that memory can be reserved before
  /// a run, which allocates nothing.
  virtual PieceLimit most_pieces(int threads) const noexcept = 0;

  /// Computes one piece. `scratch` holds scratch_bytes() bytes, aligned to 64, for this call alone.
  /// Neither allocates nor throws.
  virtual void run(const Operands& operands, const Piece& piece,
                   std::byte* scratch) const noexcept = 0;

  virtual size_t scratch_bytes() const noexcept { return 0; }

  /// The input whose memory the output may share, or -1. A planner uses it if nothing else reads
  /// that input afterwards.
  virtual int in_place_input() const noexcept { return -1; }

  /// Floating-point operations for these operands, a multiply-add counting 2; 0 if negligible.
  virtual double flops(const Operands&) const noexcept { return 0.0; }

  /// Which of several implementations this is: "lanewise", "onednn".
  virtual std::string_view implementation() const noexcept { return "lanewise"; }
};

/// The static side of an operand: what is known before any run.
struct OperandSpec {
  DataType type = DataType::kF32;
  int64_t features = 0;
};

/// Everything that an operator is made from. Views must outlive the operator.
struct OperatorConfig {
  Isa isa = Isa::baseline;
  /// The caller does not need a row to have the same bits in every batch.
  bool fast = false;
  Attributes attributes{};
  std::vector<OperandSpec> inputs{};
  OperandSpec output{};
  std::map<std::string, TensorView, std::less<>> weights{};  // by role: "weight", "bias", ...
  /// How weights are stored (ops/weights), by role. A missing role means plain f32: panels or rows,
  /// as the operator specifies.
  std::map<std::string, WeightFormat, std::less<>> formats{};
  /// Receives one line per choice among implementations; may be empty.
  std::function<void(std::string_view)> log{};

  /// The weight of that role, checked against type and shape. kInvalidArgument names the role, what
  /// was expected and what was found.
  Result<const void*> weight(std::string_view role, DataType type, const Shape& shape) const;
  /// The same, or nullptr if the operator has no weight of that role.
  Result<const void*> optional_weight(std::string_view role, DataType type,
                                      const Shape& shape) const;
  /// Fails unless there are between `least` and `most` inputs, all of type f32.
  Status expect_f32_inputs(size_t least, size_t most) const;
  /// Fails, naming the role, if there is a weight that is not in `known`.
  Status expect_only_weights(std::initializer_list<std::string_view> known) const;
};

using OperatorPtr = std::unique_ptr<const Operator>;

/// Makes the operator called `name` in graphs (ops/ops.def). Fails with kUnsupported, listing the
/// known ones, for an unknown name; with kInvalidArgument if attributes, weights and operands do
/// not match. Thread-safe.
Result<OperatorPtr> make_operator(std::string_view name, const OperatorConfig& config);

/// Appends pieces of up to `rows_per_piece` rows, for operators whose rows are independent of each
/// other.
void cut_rows(int64_t rows, int64_t rows_per_piece, std::vector<Piece>& pieces);
/// The limit of cut_rows().
constexpr PieceLimit most_row_pieces(int64_t rows_per_piece) noexcept {
  return {.rows_each = rows_per_piece, .more = 1};
}

}  // namespace lanewise::ops

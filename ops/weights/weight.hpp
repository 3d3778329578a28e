#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ops/operator.hpp"
#include "ops/weights/linear_block.hpp"
#include "ops/weights/packed_weight.hpp"
#include "ops/weights/weight_format.hpp"

namespace lanewise::ops {

/// A weight [n, k] in one of the formats of weights.def, bound to its tensors. Immutable and
/// thread-safe.
class Weight {
 public:
  virtual ~Weight() = default;

  virtual WeightFormat format() const noexcept = 0;

  /// The product with the output features [feature, feature + block.n), `feature` a multiple of 16.
  /// `scratch`: scratch_bytes() for the norm of the block, aligned to 64.
  virtual void multiply(const LinearBlock& block, size_t feature,
                        std::byte* scratch) const noexcept = 0;

  /// Scratch for multiplying up to kLinearMaxRows rows at once.
  virtual size_t scratch_bytes(const Norm& norm) const noexcept = 0;

  /// The most rows that multiply() processes at once.
  virtual size_t tile_rows() const noexcept = 0;

  /// Whether multiply() converts rows first, all of them again for each range of features.
  virtual bool prepares_rows() const noexcept = 0;

  /// y[i] = w[row, i] for i in [0, k): exactly what products multiply with, input scales included.
  virtual void unpack_row(size_t row, float* y) const noexcept = 0;
};

using WeightPtr = std::shared_ptr<const Weight>;

/// The role of a tensor of the weight in `role`: the role with the suffix appended, except for
/// kInputScale, which is a role of its own.
std::string role_of(std::string_view role, std::string_view suffix);
inline constexpr std::string_view kInputScale = "input_scale";

/// The tensors of one weight of an operator, by their suffixes.
class WeightTensors {
 public:
  WeightTensors(const OperatorConfig& config, std::string_view role)
      : config_(config), role_(role) {}

  /// Null if there is none.
  const TensorView* find(std::string_view suffix) const;
  /// As OperatorConfig::weight().
  template <typename T>
  Result<const T*> get(std::string_view suffix, DataType type, const Shape& shape) const {
    Result<const void*> data = config_.weight(role_of(role_, suffix), type, shape);
    if (!data.ok()) return data.status();
    return static_cast<const T*>(*data);
  }
  /// As OperatorConfig::optional_weight().
  template <typename T>
  Result<const T*> optional(std::string_view suffix, DataType type, const Shape& shape) const {
    Result<const void*> data = config_.optional_weight(role_of(role_, suffix), type, shape);
    if (!data.ok()) return data.status();
    return static_cast<const T*>(*data);
  }

 private:
  const OperatorConfig& config_;
  std::string_view role_;
};

/// What a weight [n, k] is to be bound as.
struct WeightProblem {
  int64_t n = 0;
  int64_t k = 0;
  int64_t block = 0;  // of weights.def
  WeightFormat format = WeightFormat::f32;
  Isa isa = Isa::baseline;

  int64_t panels() const noexcept { return (n + 15) / 16; }
};

/// The inputs of a step of the panels, and the bytes of a step for 16 features.
struct PanelStep {
  int64_t inputs;
  int64_t bytes;
};

/// The step of a folder whose formats all have the same.
template <int64_t kInputs, int64_t kBytes>
PanelStep fixed_step(WeightFormat) noexcept {
  return {kInputs, kBytes};
}

/// What the folder of a format implements.
struct WeightCode {
  /// Suffixes of its tensors, first that of the panels, which is empty.
  std::span<const std::string_view> suffixes;
  PanelStep (*step)(WeightFormat format) noexcept;
  /// Whether products round rows to 8 bits.
  bool rounds_rows;
  /// Checks shapes and types. kInvalidArgument naming the role.
  Result<WeightPtr> (*bind)(const WeightTensors& tensors, const WeightProblem& problem);
  /// The number of rows of a table with these tensors; 0 if they do not match.
  int64_t (*rows)(const WeightTensors& tensors);
  PackedWeight (*pack)(WeightFormat format, const float* w, int64_t n, int64_t k);
  /// The tensors of a packed weight [n, k], without their bytes. Null for formats with quantised
  /// values to choose, on which they depend.
  std::vector<PackedTensor> (*tensors)(WeightFormat format, int64_t n, int64_t k);
  /// Null if no format of the folder has quantised values to choose (is_packed_from_integers()).
  PackedWeight (*pack_integers)(const QuantizedMatrix& matrix);
};

#define LW_WEIGHT_FORMAT(name, folder, ...) extern const WeightCode folder##_code;
#define LW_TABLE_FORMAT(...)
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT

/// The format that `config` gives for the weight in `role`; if it gives none, `otherwise`, which is
/// a format of f32.
WeightFormat format_of(const OperatorConfig& config, std::string_view role, WeightFormat otherwise);

/// Binds the weight [n, k] in that role, which has panels. Fails with kInvalidArgument, naming the
/// role, if tensors do not match the format.
Result<WeightPtr> bind_weight(const OperatorConfig& config, std::string_view role, int64_t n,
                              int64_t k);

/// Roles of the tensors of a weight in `role`.
std::vector<std::string> weight_roles(std::string_view role, WeightFormat format);

/// Fails unless every weight of `config` is a tensor of that weight or in `others`.
Status expect_only_weights(const OperatorConfig& config, std::string_view role, WeightFormat format,
                           std::initializer_list<std::string_view> others);

/// Makes `packed` the weight of `config` in `role`; it must outlive what is made from `config`.
void set_weight(OperatorConfig& config, std::string_view role, const PackedWeight& packed);

/// 16 * panels, the number of rows for most formats.
int64_t rows_of_panels(const WeightTensors& tensors);

/// kUnsupported if k inputs can overflow an integer sum of 32 bits.
Status expect_exact_sums(int64_t k);

constexpr int64_t ceil_div(int64_t a, int64_t b) noexcept { return (a + b - 1) / b; }

/// A weight made of `Stored`, which a format's tensors are bound to, and its kernels. Stored has
///
///   static constexpr bool kPreparesRows
///   Stored from(size_t feature) const        that of the features from a multiple of 16 on
///   size_t scratch_bytes(size_t k, const Norm& norm) const
///   void unpack_row(size_t row, size_t k, float* y) const
template <typename Stored, typename Kernels>
class BoundWeight final : public Weight {
 public:
  BoundWeight(const WeightProblem& problem, const Stored& stored, const Kernels& kernels)
      : format_(problem.format),
        k_(static_cast<size_t>(problem.k)),
        stored_(stored),
        kernels_(kernels) {}

  WeightFormat format() const noexcept override { return format_; }
  void multiply(const LinearBlock& block, size_t feature,
                std::byte* scratch) const noexcept override {
    kernels_.multiply({block, stored_.from(feature)}, scratch);
  }
  size_t scratch_bytes(const Norm& norm) const noexcept override {
    return stored_.scratch_bytes(k_, norm);
  }
  size_t tile_rows() const noexcept override { return kernels_.tile_rows; }
  bool prepares_rows() const noexcept override { return Stored::kPreparesRows; }
  void unpack_row(size_t row, float* y) const noexcept override { stored_.unpack_row(row, k_, y); }

  const Stored& stored() const noexcept { return stored_; }

 private:
  WeightFormat format_;
  size_t k_;
  Stored stored_;
  const Kernels& kernels_;
};

}  // namespace lanewise::ops

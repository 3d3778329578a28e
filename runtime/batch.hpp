#pragma once

#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise {

/// Checks a ragged batch against the model: at least one sequence, lengths of 1 to max_tokens that
/// add up, ids within the vocabulary. kInvalidArgument names the sequence and position.
Status check_batch(const RaggedBatch& batch, const ModelInfo& info);

/// A padded batch [B, T] as Transformers writes it, turned into a ragged one, and the way back.
class PaddedBatch {
 public:
  /// See Session::run for what is accepted.
  static Result<PaddedBatch> create(const TensorMap& inputs, const ModelInfo& info);

  RaggedBatch ragged() const { return {ids_, type_ids_, lengths_}; }

  /// [B, T, features], zeros at padded positions.
  Tensor pad_tokens(const Session::Rows& rows) const;
  /// [B, features]
  static Tensor pack_sequences(const Session::Rows& rows);

 private:
  Status read_mask(const TensorMap& inputs);
  Result<std::vector<int32_t>> gather(const TensorMap& inputs, std::string_view name) const;

  int64_t batch_ = 0;
  int64_t padded_length_ = 0;
  std::vector<int32_t> begins_;  // first real position of a row
  std::vector<int32_t> lengths_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> type_ids_;
};

}  // namespace lanewise

#pragma once

#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise {

/// Checks a ragged batch against the model: at least one sequence, lengths of 1 to max_tokens that
/// add up, ids within the vocabulary; with `with_decoder` the same of the decoder's ids.
/// kInvalidArgument names the sequence and position.
Status check_batch(const RaggedBatch& batch, const ModelInfo& info, bool with_decoder);

/// Where the real tokens of a padded matrix [B, T] of ids stand.
class PaddedRows {
 public:
  /// `mask`, of the same shape, may be null: all are real. Fails with kInvalidArgument, naming the
  /// tensor, unless both are as Session::run() says.
  static Result<PaddedRows> create(const TensorMap& inputs, std::string_view ids,
                                   std::string_view mask);

  int64_t batch() const noexcept { return batch_; }
  std::span<const int32_t> lengths() const noexcept { return lengths_; }

  /// The real elements of an integer tensor of the same shape, one row after another.
  Result<std::vector<int32_t>> gather(const Tensor& tensor, std::string_view name) const;
  /// [B, T, features], zeros at padded positions.
  Tensor pad(const Session::Rows& rows) const;

 private:
  Status read_mask(const Tensor& mask, std::string_view name);

  Shape shape_;
  int64_t batch_ = 0;
  int64_t padded_length_ = 0;
  std::vector<int32_t> begins_;  // first real position of a row
  std::vector<int32_t> lengths_;
};

/// A padded batch as Transformers writes it, turned into a ragged one, and the way back.
class PaddedBatch {
 public:
  /// See Session::run for what is accepted. `with_decoder`: decoder_input_ids are needed.
  static Result<PaddedBatch> create(const TensorMap& inputs, const ModelInfo& info,
                                    bool with_decoder);

  RaggedBatch ragged() const;

  /// [B, T, features], zeros at padded positions of input_ids or, with `of_decoder`,
  /// decoder_input_ids.
  Tensor pad_tokens(const Session::Rows& rows, bool of_decoder) const;
  /// [B, features]
  static Tensor pack_sequences(const Session::Rows& rows);

 private:
  PaddedRows rows_;
  PaddedRows decoder_rows_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> type_ids_;
  std::vector<int32_t> decoder_ids_;
};

}  // namespace lanewise

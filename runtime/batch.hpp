#pragma once

#include <vector>

#include "lanewise/session.hpp"
#include "lanewise/tensor.hpp"

namespace lanewise {

/// Checks a ragged batch against the model: at least one sequence, lengths of 1 to max_tokens that
/// add up, ids within the vocabulary; with `with_decoder` also the decoder's ids. Fails with
/// kInvalidArgument, naming the sequence and position.
Status check_batch(const RaggedBatch& batch, const ModelInfo& info, bool with_decoder);

/// The same for one sequence.
Status check_sequence(std::span<const int32_t> ids, const ModelInfo& info);

/// The positions of the tokens in a padded matrix [B, T] of ids.
class PaddedRows {
 public:
  /// `mask`, of the same shape, may be null, for no padding. Fails with kInvalidArgument, naming
  /// the tensor, unless both meet the requirements of Session::run().
  static Result<PaddedRows> create(const TensorMap& inputs, std::string_view ids,
                                   std::string_view mask);

  int64_t batch() const noexcept { return batch_; }
  std::span<const int32_t> lengths() const noexcept { return lengths_; }

  /// The elements of an integer tensor of the same shape without padding, row by row.
  Result<std::vector<int32_t>> gather(const Tensor& tensor, std::string_view name) const;
  /// [B, T, features], zeros at padded positions.
  Tensor pad(const Session::Rows& rows) const;
  /// [B, T], the same for rows of one feature.
  Tensor pad_numbers(const Session::Rows& rows) const;

 private:
  Status read_mask(const Tensor& mask, std::string_view name);
  Tensor pad_to(Shape shape, const Session::Rows& rows) const;

  Shape shape_;
  int64_t batch_ = 0;
  int64_t padded_length_ = 0;
  std::vector<int32_t> begins_;  // position of the first token of each row
  std::vector<int32_t> lengths_;
};

/// Converts a padded batch in Transformers' form to a ragged one, and results back.
class PaddedBatch {
 public:
  /// Accepts the inputs of Session::run(). `with_decoder`: decoder_input_ids are required.
  static Result<PaddedBatch> create(const TensorMap& inputs, const ModelInfo& info,
                                    bool with_decoder);

  RaggedBatch ragged() const;

  /// [B, T, features], zeros at padded positions of input_ids or, with `of_decoder`,
  /// decoder_input_ids.
  Tensor pad_tokens(const Session::Rows& rows, bool of_decoder) const;
  /// [B, T], the same for rows of one feature.
  Tensor pad_numbers(const Session::Rows& rows, bool of_decoder) const;
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

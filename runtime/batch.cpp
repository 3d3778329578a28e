#include "runtime/batch.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/status_macros.hpp"

namespace lanewise {
namespace {

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

Status check_ids(std::span<const int32_t> ids, int64_t limit, std::string_view name) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= limit) {
      return invalid_argument(quoted(name) + ": id " + std::to_string(ids[i]) + " at token " +
                              std::to_string(i) + " is outside 0 to " + std::to_string(limit - 1));
    }
  }
  return {};
}

/// Element i of an i32 or i64 tensor.
int64_t integer_at(const Tensor& tensor, int64_t i) {
  return tensor.type() == DataType::kI64 ? tensor.as<int64_t>()[i] : tensor.as<int32_t>()[i];
}

Status check_integer_matrix(const Tensor& tensor, std::string_view name) {
  if (tensor.type() != DataType::kI32 && tensor.type() != DataType::kI64) {
    return invalid_argument(quoted(name) + ": expected I32 or I64, found " +
                            std::string(name_of(tensor.type())));
  }
  if (tensor.shape().size() != 2) {
    return invalid_argument(quoted(name) + ": expected shape [batch, length], found " +
                            to_string(tensor.shape()));
  }
  return {};
}

Status expect_shape(const Tensor& tensor, std::string_view name, const Shape& shape) {
  if (tensor.shape() == shape) return {};
  return invalid_argument(quoted(name) + ": expected shape " + to_string(shape) +
                          " as the ids, found " + to_string(tensor.shape()));
}

Status check_names(const TensorMap& inputs, const ModelInfo& info, bool with_decoder) {
  std::vector<std::string_view> needed = {"input_ids"};
  if (with_decoder) needed.push_back("decoder_input_ids");
  std::vector<std::string_view> known = {"input_ids", "attention_mask"};
  if (info.token_types > 0) known.push_back("token_type_ids");
  if (with_decoder) known.insert(known.end(), {"decoder_input_ids", "decoder_attention_mask"});
  for (const auto& [name, tensor] : inputs) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (const std::string_view one : known) list.append(list.empty() ? "" : ", ").append(one);
    return invalid_argument("unknown input tensor " + quoted(name) + "; this model takes " + list);
  }
  for (const std::string_view name : needed) {
    if (inputs.find(name) == inputs.end()) {
      return invalid_argument("input tensor " + quoted(name) + " is missing");
    }
  }
  return {};
}

/// The first and one-past-last positions of the ones in a row of the mask.
Result<std::pair<int64_t, int64_t>> real_range(const Tensor& mask, std::string_view name,
                                               int64_t row, int64_t length) {
  const std::string where = quoted(name) + ": row " + std::to_string(row);
  int64_t begin = -1;
  int64_t end = 0;
  for (int64_t t = 0; t < length; ++t) {
    const int64_t value = integer_at(mask, row * length + t);
    if (value != 0 && value != 1) {
      return invalid_argument(where + " holds " + std::to_string(value) + ", expected 0 or 1");
    }
    if (value == 0) continue;
    if (begin < 0) begin = t;
    if (end != 0 && end != t) return invalid_argument(where + " has a zero between ones");
    end = t + 1;
  }
  if (begin < 0) return invalid_argument(where + " has no token");
  return std::pair{begin, end};
}

/// Ragged sequences of ids, in the form that run_ragged() takes.
struct RaggedIds {
  std::string_view name;
  std::span<const int32_t> ids;
  std::span<const int32_t> lengths;
  int64_t vocabulary = 0;
  int64_t most = 0;  // tokens of the longest sequence
};

Status check_ragged(const RaggedIds& part) {
  int64_t total = 0;
  for (size_t s = 0; s < part.lengths.size(); ++s) {
    const int64_t length = part.lengths[s];
    if (length < 1 || length > part.most) {
      return invalid_argument(quoted(part.name) + ": sequence " + std::to_string(s) + " has " +
                              std::to_string(length) + " tokens; this model takes 1 to " +
                              std::to_string(part.most));
    }
    total += length;
  }
  const auto tokens = static_cast<int64_t>(part.ids.size());
  if (total != tokens || total > std::numeric_limits<int32_t>::max()) {
    return invalid_argument(quoted(part.name) + ": the lengths add up to " + std::to_string(total) +
                            ", but there are " + std::to_string(tokens) + " ids");
  }
  return check_ids(part.ids, part.vocabulary, part.name);
}

Status check_attended(const RaggedBatch& batch) {
  if (batch.attended.empty()) return {};
  if (batch.attended.size() != batch.lengths.size()) {
    return invalid_argument("'attended': expected " + std::to_string(batch.lengths.size()) +
                            " numbers, found " + std::to_string(batch.attended.size()));
  }
  for (size_t s = 0; s < batch.attended.size(); ++s) {
    if (batch.attended[s] >= 1 && batch.attended[s] <= batch.lengths[s]) continue;
    return invalid_argument("'attended': sequence " + std::to_string(s) + " has " +
                            std::to_string(batch.attended[s]) + " of " +
                            std::to_string(batch.lengths[s]) + " tokens");
  }
  return {};
}

}  // namespace

Status check_batch(const RaggedBatch& batch, const ModelInfo& info, bool with_decoder) {
  if (batch.lengths.empty()) return invalid_argument("the batch is empty");
  LW_RETURN_IF_ERROR(
      check_ragged({"input_ids", batch.ids, batch.lengths, info.vocabulary_size, info.max_tokens}));
  if (with_decoder && batch.decoder_lengths.size() != batch.lengths.size()) {
    return invalid_argument("'decoder_input_ids': expected " +
                            std::to_string(batch.lengths.size()) + " sequences, found " +
                            std::to_string(batch.decoder_lengths.size()));
  }
  if (with_decoder) {
    LW_RETURN_IF_ERROR(check_ragged({"decoder_input_ids", batch.decoder_ids, batch.decoder_lengths,
                                     info.target_vocabulary_size, info.max_target_tokens}));
  }
  LW_RETURN_IF_ERROR(check_attended(batch));
  if (batch.type_ids.empty()) return {};
  if (info.token_types == 0) return invalid_argument("this model takes no token_type_ids");
  if (batch.type_ids.size() != batch.ids.size()) {
    return invalid_argument("'token_type_ids': expected " + std::to_string(batch.ids.size()) +
                            " ids, found " + std::to_string(batch.type_ids.size()));
  }
  return check_ids(batch.type_ids, info.token_types, "token_type_ids");
}

Status check_sequence(std::span<const int32_t> ids, const ModelInfo& info) {
  const auto length = static_cast<int32_t>(ids.size());
  return check_batch({.ids = ids, .type_ids = {}, .lengths = {&length, 1}}, info, false);
}

Result<PaddedRows> PaddedRows::create(const TensorMap& inputs, std::string_view ids_name,
                                      std::string_view mask_name) {
  const Tensor& ids = inputs.find(ids_name)->second;
  LW_RETURN_IF_ERROR(check_integer_matrix(ids, ids_name));
  PaddedRows rows;
  rows.shape_ = ids.shape();
  rows.batch_ = ids.shape()[0];
  rows.padded_length_ = ids.shape()[1];
  if (rows.batch_ == 0 || rows.padded_length_ == 0) {
    return invalid_argument(quoted(ids_name) + ": the batch is empty, shape " +
                            to_string(ids.shape()));
  }
  rows.begins_.assign(static_cast<size_t>(rows.batch_), 0);
  rows.lengths_.assign(static_cast<size_t>(rows.batch_), static_cast<int32_t>(rows.padded_length_));
  const auto mask = inputs.find(mask_name);
  if (mask != inputs.end()) LW_RETURN_IF_ERROR(rows.read_mask(mask->second, mask_name));
  return rows;
}

Status PaddedRows::read_mask(const Tensor& mask, std::string_view name) {
  LW_RETURN_IF_ERROR(check_integer_matrix(mask, name));
  LW_RETURN_IF_ERROR(expect_shape(mask, name, shape_));
  for (int64_t row = 0; row < batch_; ++row) {
    LW_ASSIGN_OR_RETURN(const auto range, real_range(mask, name, row, padded_length_));
    begins_[static_cast<size_t>(row)] = static_cast<int32_t>(range.first);
    lengths_[static_cast<size_t>(row)] = static_cast<int32_t>(range.second - range.first);
  }
  return {};
}

Result<std::vector<int32_t>> PaddedRows::gather(const Tensor& tensor, std::string_view name) const {
  LW_RETURN_IF_ERROR(check_integer_matrix(tensor, name));
  LW_RETURN_IF_ERROR(expect_shape(tensor, name, shape_));
  std::vector<int32_t> values;
  for (int64_t row = 0; row < batch_; ++row) {
    const int64_t begin = row * padded_length_ + begins_[static_cast<size_t>(row)];
    for (int64_t i = begin; i < begin + lengths_[static_cast<size_t>(row)]; ++i) {
      const int64_t value = integer_at(tensor, i);
      if (value < 0 || value > std::numeric_limits<int32_t>::max()) {
        return invalid_argument(quoted(name) + ": id " + std::to_string(value) + " in row " +
                                std::to_string(row) + " is out of range");
      }
      values.push_back(static_cast<int32_t>(value));
    }
  }
  return values;
}

Tensor PaddedRows::pad(const Session::Rows& rows) const {
  return pad_to({batch_, padded_length_, rows.features}, rows);
}

Tensor PaddedRows::pad_numbers(const Session::Rows& rows) const {
  return pad_to({batch_, padded_length_}, rows);
}

Tensor PaddedRows::pad_to(Shape shape, const Session::Rows& rows) const {
  Tensor padded(DataType::kF32, std::move(shape));
  const float* source = rows.data;
  for (size_t s = 0; s < lengths_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * padded_length_ + begins_[s];
    for (int64_t t = 0; t < lengths_[s]; ++t, source += rows.stride) {
      std::copy_n(source, rows.features, padded.as<float>() + (first + t) * rows.features);
    }
  }
  return padded;
}

Result<PaddedBatch> PaddedBatch::create(const TensorMap& inputs, const ModelInfo& info,
                                        bool with_decoder) {
  LW_RETURN_IF_ERROR(check_names(inputs, info, with_decoder));
  PaddedBatch batch;
  LW_ASSIGN_OR_RETURN(batch.rows_, PaddedRows::create(inputs, "input_ids", "attention_mask"));
  LW_ASSIGN_OR_RETURN(batch.ids_,
                      batch.rows_.gather(inputs.find("input_ids")->second, "input_ids"));
  const auto types = inputs.find("token_type_ids");
  if (types != inputs.end()) {
    LW_ASSIGN_OR_RETURN(batch.type_ids_, batch.rows_.gather(types->second, "token_type_ids"));
  }
  if (!with_decoder) return batch;
  const Tensor& decoder_ids = inputs.find("decoder_input_ids")->second;
  LW_ASSIGN_OR_RETURN(batch.decoder_rows_,
                      PaddedRows::create(inputs, "decoder_input_ids", "decoder_attention_mask"));
  if (batch.decoder_rows_.batch() != batch.rows_.batch()) {
    return invalid_argument("'decoder_input_ids': expected " + std::to_string(batch.rows_.batch()) +
                            " rows as input_ids, found " +
                            std::to_string(batch.decoder_rows_.batch()));
  }
  LW_ASSIGN_OR_RETURN(batch.decoder_ids_,
                      batch.decoder_rows_.gather(decoder_ids, "decoder_input_ids"));
  return batch;
}

RaggedBatch PaddedBatch::ragged() const {
  return {.ids = ids_,
          .type_ids = type_ids_,
          .lengths = rows_.lengths(),
          .decoder_ids = decoder_ids_,
          .decoder_lengths = decoder_rows_.lengths()};
}

Tensor PaddedBatch::pad_tokens(const Session::Rows& rows, bool of_decoder) const {
  return (of_decoder ? decoder_rows_ : rows_).pad(rows);
}

Tensor PaddedBatch::pad_numbers(const Session::Rows& rows, bool of_decoder) const {
  return (of_decoder ? decoder_rows_ : rows_).pad_numbers(rows);
}

Tensor PaddedBatch::pack_sequences(const Session::Rows& rows) {
  Tensor packed(DataType::kF32, {rows.rows, rows.features});
  for (int64_t r = 0; r < rows.rows; ++r) {
    std::copy_n(rows.data + r * rows.stride, rows.features, packed.as<float>() + r * rows.features);
  }
  return packed;
}

}  // namespace lanewise

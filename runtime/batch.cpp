#include "runtime/batch.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ops/status_macros.hpp"

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

Status check_names(const TensorMap& inputs, const ModelInfo& info) {
  for (const auto& [name, tensor] : inputs) {
    const bool known = name == "input_ids" || name == "attention_mask" ||
                       (name == "token_type_ids" && info.token_types > 0);
    if (!known) {
      return invalid_argument("unknown input tensor " + quoted(name) +
                              "; this model takes input_ids, attention_mask" +
                              (info.token_types > 0 ? ", token_type_ids" : ""));
    }
  }
  if (inputs.find("input_ids") == inputs.end()) {
    return invalid_argument("input tensor 'input_ids' is missing");
  }
  return {};
}

/// First and one-past-last position of the ones in a row of the mask.
Result<std::pair<int64_t, int64_t>> real_range(const Tensor& mask, int64_t row, int64_t length) {
  const std::string where = "'attention_mask': row " + std::to_string(row);
  int64_t begin = -1;
  int64_t end = 0;
  for (int64_t t = 0; t < length; ++t) {
    const int64_t value = integer_at(mask, row * length + t);
    if (value != 0 && value != 1) {
      return invalid_argument(where + " holds " + std::to_string(value) + ", expected 0 or 1");
    }
    if (value == 0) continue;
    if (begin < 0) begin = t;
    if (end != 0 && end != t) return invalid_argument(where + " has a hole between its ones");
    end = t + 1;
  }
  if (begin < 0) return invalid_argument(where + " has no token");
  return std::pair{begin, end};
}

}  // namespace

Status check_batch(const RaggedBatch& batch, const ModelInfo& info) {
  if (batch.lengths.empty()) return invalid_argument("the batch is empty");
  int64_t total = 0;
  for (size_t s = 0; s < batch.lengths.size(); ++s) {
    const int64_t length = batch.lengths[s];
    if (length < 1 || length > info.max_tokens) {
      return invalid_argument("sequence " + std::to_string(s) + " has " + std::to_string(length) +
                              " tokens; this model takes 1 to " + std::to_string(info.max_tokens));
    }
    total += length;
  }
  const auto tokens = static_cast<int64_t>(batch.ids.size());
  if (total != tokens || total > std::numeric_limits<int32_t>::max()) {
    return invalid_argument("the lengths add up to " + std::to_string(total) + ", but there are " +
                            std::to_string(tokens) + " ids");
  }
  LW_RETURN_IF_ERROR(check_ids(batch.ids, info.vocabulary_size, "input_ids"));
  if (batch.type_ids.empty()) return {};
  if (info.token_types == 0) return invalid_argument("this model takes no token_type_ids");
  if (batch.type_ids.size() != batch.ids.size()) {
    return invalid_argument("'token_type_ids': expected " + std::to_string(tokens) +
                            " ids, found " + std::to_string(batch.type_ids.size()));
  }
  return check_ids(batch.type_ids, info.token_types, "token_type_ids");
}

Result<PaddedBatch> PaddedBatch::create(const TensorMap& inputs, const ModelInfo& info) {
  LW_RETURN_IF_ERROR(check_names(inputs, info));
  const Tensor& ids = inputs.find("input_ids")->second;
  for (const auto& [name, tensor] : inputs) {
    LW_RETURN_IF_ERROR(check_integer_matrix(tensor, name));
    if (tensor.shape() != ids.shape()) {
      return invalid_argument(quoted(name) + ": expected shape " + to_string(ids.shape()) +
                              " as input_ids, found " + to_string(tensor.shape()));
    }
  }
  PaddedBatch batch;
  batch.batch_ = ids.shape()[0];
  batch.padded_length_ = ids.shape()[1];
  if (batch.batch_ == 0 || batch.padded_length_ == 0) {
    return invalid_argument("'input_ids': the batch is empty, shape " + to_string(ids.shape()));
  }
  LW_RETURN_IF_ERROR(batch.read_mask(inputs));
  LW_ASSIGN_OR_RETURN(batch.ids_, batch.gather(inputs, "input_ids"));
  if (inputs.find("token_type_ids") != inputs.end()) {
    LW_ASSIGN_OR_RETURN(batch.type_ids_, batch.gather(inputs, "token_type_ids"));
  }
  return batch;
}

Status PaddedBatch::read_mask(const TensorMap& inputs) {
  begins_.assign(static_cast<size_t>(batch_), 0);
  lengths_.assign(static_cast<size_t>(batch_), static_cast<int32_t>(padded_length_));
  const auto mask = inputs.find("attention_mask");
  if (mask == inputs.end()) return {};
  for (int64_t row = 0; row < batch_; ++row) {
    LW_ASSIGN_OR_RETURN(const auto range, real_range(mask->second, row, padded_length_));
    begins_[static_cast<size_t>(row)] = static_cast<int32_t>(range.first);
    lengths_[static_cast<size_t>(row)] = static_cast<int32_t>(range.second - range.first);
  }
  return {};
}

Result<std::vector<int32_t>> PaddedBatch::gather(const TensorMap& inputs,
                                                 std::string_view name) const {
  const Tensor& tensor = inputs.find(name)->second;
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

Tensor PaddedBatch::pad_tokens(const Session::Rows& rows) const {
  Tensor padded(DataType::kF32, {batch_, padded_length_, rows.features});
  const float* source = rows.data;
  for (size_t s = 0; s < lengths_.size(); ++s) {
    const int64_t first = static_cast<int64_t>(s) * padded_length_ + begins_[s];
    for (int64_t t = 0; t < lengths_[s]; ++t, source += rows.stride) {
      std::copy_n(source, rows.features, padded.as<float>() + (first + t) * rows.features);
    }
  }
  return padded;
}

Tensor PaddedBatch::pack_sequences(const Session::Rows& rows) {
  Tensor packed(DataType::kF32, {rows.rows, rows.features});
  for (int64_t r = 0; r < rows.rows; ++r) {
    std::copy_n(rows.data + r * rows.stride, rows.features, packed.as<float>() + r * rows.features);
  }
  return packed;
}

}  // namespace lanewise

#include "runtime/generate/options_json.hpp"

#include <array>
#include <limits>
#include <string_view>
#include <type_traits>

#include "base/json_fields.hpp"
#include "base/status_macros.hpp"
#include "runtime/generate/validate.hpp"

namespace lanewise::generate {
namespace {

using Json = base::JsonTree;

/// In the order of EarlyStopping.
constexpr std::array<std::string_view, 3> kEarlyStopping = {"no", "yes", "never"};

constexpr int32_t kMaxId = std::numeric_limits<int32_t>::max();

/// Calls visit(name, field) for every field: what reads and what writes cannot differ.
template <typename Options, typename Visit>
void for_each_field(Options& options, const Visit& visit) {
#define LW_FIELD(name) visit(#name, options.name)
  LW_FIELD(beams);
  LW_FIELD(num_return_sequences);
  LW_FIELD(length_penalty);
  LW_FIELD(early_stopping);
  LW_FIELD(max_new_tokens);
  LW_FIELD(max_length);
  LW_FIELD(min_new_tokens);
  LW_FIELD(min_length);
  LW_FIELD(temperature);
  LW_FIELD(top_k);
  LW_FIELD(top_p);
  LW_FIELD(min_p);
  LW_FIELD(seed);
  LW_FIELD(logit_bias);
  LW_FIELD(repetition_penalty);
  LW_FIELD(frequency_penalty);
  LW_FIELD(presence_penalty);
  LW_FIELD(no_repeat_ngram_size);
  LW_FIELD(suppress_tokens);
  LW_FIELD(begin_suppress_tokens);
  LW_FIELD(bad_words_ids);
  LW_FIELD(renormalize_logits);
  LW_FIELD(forced_bos_token_id);
  LW_FIELD(forced_eos_token_id);
  LW_FIELD(eos_token_ids);
  LW_FIELD(decoder_start_token_id);
  LW_FIELD(bos_token_id);
  LW_FIELD(pad_token_id);
  LW_FIELD(stop_strings);
  LW_FIELD(top_logprobs);
  LW_FIELD(unsupported);
#undef LW_FIELD
}

Status read(const base::JsonFields& fields, const char* key, double& value) {
  LW_ASSIGN_OR_RETURN(value, fields.number(key));
  return {};
}

Status read(const base::JsonFields& fields, const char* key, bool& value) {
  LW_ASSIGN_OR_RETURN(value, fields.boolean(key));
  return {};
}

/// No field is written that is negative.
template <typename T>
requires std::is_integral_v<T> Status read(const base::JsonFields& fields, const char* key,
                                           T& value) {
  LW_ASSIGN_OR_RETURN(const uint64_t found, fields.natural(key, std::numeric_limits<T>::max()));
  value = static_cast<T>(found);
  return {};
}

Status read(const base::JsonFields& fields, const char* key, EarlyStopping& value) {
  LW_ASSIGN_OR_RETURN(const size_t place,
                      fields.choice(key, kEarlyStopping, StatusCode::kDataLoss));
  value = static_cast<EarlyStopping>(place);
  return {};
}

Status read(const base::JsonFields& fields, const char* key, std::vector<int32_t>& value) {
  LW_ASSIGN_OR_RETURN(value, fields.integers(key, 0, kMaxId));
  return {};
}

Status read(const base::JsonFields& fields, const char* key,
            std::vector<std::vector<int32_t>>& value) {
  LW_ASSIGN_OR_RETURN(value, fields.integer_lists(key, 0, kMaxId));
  return {};
}

Status read(const base::JsonFields& fields, const char* key, std::vector<std::string>& value) {
  LW_ASSIGN_OR_RETURN(value, fields.strings(key));
  return {};
}

Status read(const base::JsonFields& fields, const char* key, std::vector<LogitBias>& value) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, fields.objects(key));
  for (const base::JsonFields& entry : list) {
    LogitBias& added = value.emplace_back();
    LW_ASSIGN_OR_RETURN(added.id, entry.count("id"));
    LW_ASSIGN_OR_RETURN(added.bias, entry.number("bias"));
  }
  return {};
}

Status read(const base::JsonFields& fields, const char* key,
            std::vector<UnsupportedOption>& value) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, fields.objects(key));
  for (const base::JsonFields& entry : list) {
    UnsupportedOption& added = value.emplace_back();
    LW_ASSIGN_OR_RETURN(added.field, entry.string("field"));
    LW_ASSIGN_OR_RETURN(added.reason, entry.string("reason"));
  }
  return {};
}

template <typename T>
Json write(const T& value) {
  if constexpr (std::is_same_v<T, EarlyStopping>) {
    return kEarlyStopping[static_cast<size_t>(value)];
  } else if constexpr (std::is_same_v<T, std::vector<LogitBias>>) {
    Json list = Json::array();
    for (const LogitBias& one : value) {
      list.push_back(Json::object({{"id", one.id}, {"bias", one.bias}}));
    }
    return list;
  } else if constexpr (std::is_same_v<T, std::vector<UnsupportedOption>>) {
    Json list = Json::array();
    for (const UnsupportedOption& option : value) {
      list.push_back(Json::object({{"field", option.field}, {"reason", option.reason}}));
    }
    return list;
  } else {
    return value;
  }
}

}  // namespace

Json to_json(const GenerationOptions& options) {
  const GenerationOptions defaults;
  Json unset = Json::object();
  for_each_field(defaults,
                 [&](const char* name, const auto& field) { unset.set(name, write(field)); });
  Json result = Json::object();
  for_each_field(options, [&](const char* name, const auto& field) {
    Json value = write(field);
    if (value.text() != unset.find(name)->text()) result.set(name, std::move(value));
  });
  result.sort();
  return result;
}

Result<GenerationOptions> options_from_json(const base::JsonFields& fields,
                                            int64_t vocabulary_size) {
  GenerationOptions options;
  Status status;
  std::vector<std::string_view> known;
  for_each_field(options, [&](const char* key, auto& field) {
    known.emplace_back(key);
    // A null is no value of any field.
    if (status.ok() && fields.value().find(key) != nullptr) status = read(fields, key, field);
  });
  LW_RETURN_IF_ERROR(status);
  LW_RETURN_IF_ERROR(fields.check_members(known));
  const Status valid = check_values(options, vocabulary_size);
  if (!valid.ok()) return data_loss(fields.name() + ": " + valid.message());
  return options;
}

}  // namespace lanewise::generate

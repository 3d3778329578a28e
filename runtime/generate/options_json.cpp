#include "runtime/generate/options_json.hpp"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>

#include "base/json_fields.hpp"
#include "base/status_macros.hpp"
#include "runtime/generate/validate.hpp"

namespace lanewise::generate {
namespace {

using Json = nlohmann::json;
using base::wrong_type;

constexpr std::array<const char*, 3> kEarlyStopping = {"no", "yes", "never"};

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
  LW_FIELD(seed);
  LW_FIELD(repetition_penalty);
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
  LW_FIELD(unsupported);
#undef LW_FIELD
}

Status read(const Json& json, const std::string& name, double& value) {
  if (!json.is_number()) return wrong_type(name, "a number", &json);
  value = json.get<double>();
  return {};
}

Status read(const Json& json, const std::string& name, bool& value) {
  if (!json.is_boolean()) return wrong_type(name, "true or false", &json);
  value = json.get<bool>();
  return {};
}

Status read(const Json& json, const std::string& name, UnsupportedOption& value) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of(json, name));
  LW_ASSIGN_OR_RETURN(value.field, fields.string("field"));
  LW_ASSIGN_OR_RETURN(value.reason, fields.string("reason"));
  return {};
}

Status read(const Json& json, const std::string& name, EarlyStopping& value) {
  for (size_t i = 0; i < kEarlyStopping.size(); ++i) {
    if (json != kEarlyStopping[i]) continue;
    value = static_cast<EarlyStopping>(i);
    return {};
  }
  return data_loss(name + ": expected \"no\", \"yes\" or \"never\"");
}

/// Whole numbers from 0; no field is written that is negative.
template <typename T>
requires std::is_integral_v<T> Status read(const Json& json, const std::string& name, T& value) {
  // Not `json < 0`, which takes an unsigned number above 2^63 for a negative one.
  const bool negative =
      !json.is_number_unsigned() && json.is_number_integer() && json.get<int64_t>() < 0;
  if (!json.is_number_integer() || negative) {
    return wrong_type(name, "a whole number of at least 0", &json);
  }
  const auto found = json.get<uint64_t>();
  if (found > static_cast<uint64_t>(std::numeric_limits<T>::max())) {
    return data_loss(name + ": " + std::to_string(found) + " is too large");
  }
  value = static_cast<T>(found);
  return {};
}

template <typename T>
Status read(const Json& json, const std::string& name, std::vector<T>& value) {
  if (!json.is_array()) return wrong_type(name, "an array", &json);
  for (const Json& element : json) {
    LW_RETURN_IF_ERROR(read(element, name, value.emplace_back()));
  }
  return {};
}

template <typename T>
Json write(const T& value) {
  if constexpr (std::is_same_v<T, EarlyStopping>) {
    return kEarlyStopping[static_cast<size_t>(value)];
  } else if constexpr (std::is_same_v<T, std::vector<UnsupportedOption>>) {
    Json list = Json::array();
    for (const UnsupportedOption& option : value) {
      list.push_back({{"field", option.field}, {"reason", option.reason}});
    }
    return list;
  } else {
    return value;
  }
}

}  // namespace

Json to_json(const GenerationOptions& options) {
  const GenerationOptions defaults;
  Json unset;
  for_each_field(defaults,
                 [&](const char* name, const auto& field) { unset[name] = write(field); });
  Json result = Json::object();
  for_each_field(options, [&](const char* name, const auto& field) {
    Json value = write(field);
    if (value != unset[name]) result[name] = std::move(value);
  });
  return result;
}

Result<GenerationOptions> options_from_json(const Json& json, const std::string& name,
                                            int64_t vocabulary_size) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of(json, name));
  GenerationOptions options;
  Status status;
  size_t known = 0;
  for_each_field(options, [&](const char* key, auto& field) {
    const auto found = json.find(key);
    if (found == json.end()) return;
    ++known;
    if (status.ok()) status = read(*found, fields.path(key), field);
  });
  LW_RETURN_IF_ERROR(status);
  if (known != json.size())
    return data_loss(name + ": has a field that this version does not know");
  const Status valid = check_values(options, vocabulary_size);
  if (!valid.ok()) return data_loss(name + ": " + valid.message());
  return options;
}

}  // namespace lanewise::generate

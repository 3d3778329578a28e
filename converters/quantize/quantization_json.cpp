#include "converters/quantize/quantization_json.hpp"

#include <nlohmann/json.hpp>

namespace lanewise::converters {

std::string to_json(const QuantizationRecord& record) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["weights"] = record.weights;
  json["group"] = record.group;
  json["calibration"] = record.calibration;
  json["wide"] = record.wide;
  json["wide_type"] = record.wide_type;
  if (record.result) {
    json["output"] = record.result->output;
    json["rows"] = record.result->rows;
    json["mean_cosine"] = record.result->mean_cosine;
    json["worst_cosine"] = record.result->worst_cosine;
    json["relative_error"] = record.result->relative_error;
    if (record.result->same_token) json["same_token"] = *record.result->same_token;
  }
  // A file name need not be UTF-8, but JSON must be.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lanewise::converters

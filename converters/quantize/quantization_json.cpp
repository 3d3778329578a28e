#include "converters/quantize/quantization_json.hpp"

#include <string>
#include <vector>

#include "base/json_tree.hpp"

namespace lanewise::converters {

std::string to_json(const QuantizationRecord& record) {
  base::JsonTree json = base::JsonTree::object();
  json.set("weights", record.weights);
  json.set("group", record.group);
  json.set("calibration", record.calibration);
  json.set("wide", std::vector<std::string>(record.wide.begin(), record.wide.end()));
  json.set("wide_type", record.wide_type);
  if (record.result) {
    json.set("output", record.result->output);
    json.set("rows", record.result->rows);
    json.set("mean_cosine", record.result->mean_cosine);
    json.set("worst_cosine", record.result->worst_cosine);
    json.set("relative_error", record.result->relative_error);
    if (record.result->same_token) json.set("same_token", *record.result->same_token);
  }
  return json.text();
}

}  // namespace lanewise::converters

#include "serve/routes/search_fields.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <string_view>

namespace lanewise::serve {
namespace {

constexpr int64_t kMostStops = 16;
constexpr double kMostTemperature = 100;

void read_stream(Fields& fields, SearchFields& search) {
  search.stream = fields.flag("stream").value_or(false);
  if (std::optional<Fields> options = fields.object("stream_options")) {
    search.stream_usage = options->flag("include_usage").value_or(false);
    options->ignore({"include_obfuscation"});
    const Status status = options->finish();
    if (!status.ok()) fields.fail("stream_options", status.message());
  }
}

/// {"type": "text"}, {"type": "json_object"} or {"type": "json_schema", "json_schema": {"schema"}}.
void read_format(Fields& fields, SearchFields& search) {
  std::optional<Fields> format = fields.object("response_format");
  if (!format) return;
  const std::string type =
      format->choice("type", {"text", "json_object", "json_schema"}).value_or("");
  if (type == "json_object") search.json_schema = "";
  if (type == "json_schema") {
    std::optional<Fields> described = format->object("json_schema");
    if (described) {
      search.json_schema = std::string(described->raw("schema"));
      described->ignore({"name", "description", "strict"});
      const Status status = described->finish();
      if (!status.ok()) fields.fail("response_format", status.message());
    }
    if (!search.json_schema || search.json_schema->empty()) {
      format->fail("json_schema", "expected an object with a schema");
    }
  }
  if (type.empty()) format->fail("type", "expected \"text\", \"json_object\" or \"json_schema\"");
  const Status status = format->finish();
  if (!status.ok()) fields.fail("response_format", status.message());
}

/// The fields of generation_config.json that the client replaces.
std::vector<std::string_view> replaced(const SearchFields& search) {
  std::vector<std::string_view> fields{"num_beams", "num_return_sequences"};
  if (search.max_tokens) fields.push_back("max_new_tokens");
  if (search.temperature) fields.insert(fields.end(), {"do_sample", "temperature"});
  if (search.top_k) fields.push_back("top_k");
  if (search.top_p) fields.push_back("top_p");
  if (search.min_p) fields.push_back("min_p");
  if (search.repetition_penalty) fields.push_back("repetition_penalty");
  if (!search.logit_bias.empty()) fields.push_back("sequence_bias");
  return fields;
}

uint64_t any_seed() {
  std::random_device random;
  return uint64_t{random()} << 32U | random();
}

void set_sampling(const SearchFields& search, GenerationOptions& options) {
  if (search.temperature) options.temperature = *search.temperature;
  // Who asks for a part of the distribution wants samples of it.
  const bool wants_samples = search.top_p.value_or(1.0) < 1.0 || search.top_k.value_or(0) > 1 ||
                             search.min_p.value_or(0.0) > 0.0;
  if (!search.temperature && options.temperature == 0.0 && wants_samples) {
    options.temperature = 1.0;
  }
  if (search.top_p) options.top_p = *search.top_p;
  if (search.top_k) options.top_k = static_cast<int>(*search.top_k);
  if (search.min_p) options.min_p = *search.min_p;
  options.seed = search.seed ? static_cast<uint64_t>(*search.seed) : any_seed();
}

}  // namespace

SearchFields read_search(Fields& fields, const Limits& limits) {
  SearchFields search;
  search.max_tokens = fields.integer("max_tokens", 1, limits.tokens);
  search.temperature = fields.number("temperature", 0, kMostTemperature);
  search.top_p = fields.number("top_p", 0, 1);
  search.top_k = fields.integer("top_k", 0, std::numeric_limits<int>::max());
  search.min_p = fields.number("min_p", 0, 1);
  search.seed = fields.integer("seed", std::numeric_limits<int64_t>::min(),
                               std::numeric_limits<int64_t>::max());
  search.frequency_penalty = fields.number("frequency_penalty", -2, 2);
  search.presence_penalty = fields.number("presence_penalty", -2, 2);
  search.repetition_penalty = fields.number("repetition_penalty", 0, kMostTemperature);
  search.logit_bias = fields.biases("logit_bias");
  search.stop = fields.text_or_texts("stop").value_or(std::vector<std::string>());
  if (search.stop.size() > static_cast<size_t>(kMostStops)) {
    fields.fail("stop", "expected at most " + std::to_string(kMostStops) + " strings");
  }
  if (std::ranges::any_of(search.stop, &std::string::empty)) {
    fields.fail("stop", "expected strings, found an empty one");
  }
  search.choices = fields.integer("n", 1, kMaxSamples).value_or(1);
  read_stream(fields, search);
  read_format(fields, search);
  if (search.stream && search.choices > 1) fields.fail("n", "only 1 is supported with stream");
  fields.ignore({"user", "store", "metadata", "service_tier", "safety_identifier",
                 "prompt_cache_key", "prediction"});
  return search;
}

Result<GenerationOptions> search_options(const SearchFields& search, const ModelInfo& info) {
  GenerationOptions options = info.generation;
  override_unsupported(options, replaced(search));
  options.beams = 1;
  options.num_return_sequences = static_cast<int>(search.choices);
  if (search.max_tokens) options.max_new_tokens = *search.max_tokens;
  set_sampling(search, options);
  if (search.choices > 1 && options.temperature == 0.0) {
    return invalid_argument("n: more than one answer needs a temperature above 0");
  }
  if (search.frequency_penalty) options.frequency_penalty = *search.frequency_penalty;
  if (search.presence_penalty) options.presence_penalty = *search.presence_penalty;
  if (search.repetition_penalty) options.repetition_penalty = *search.repetition_penalty;
  if (!search.logit_bias.empty()) options.logit_bias = search.logit_bias;
  options.stop_strings.insert(options.stop_strings.end(), search.stop.begin(), search.stop.end());
  options.top_logprobs = search.top_logprobs;
  return options;
}

}  // namespace lanewise::serve

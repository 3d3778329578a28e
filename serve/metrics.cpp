#include "serve/metrics.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "serve/json/writer.hpp"

namespace lanewise::serve {
namespace {

double seconds_of(const Exchange& exchange) {
  return std::chrono::duration<double>(Exchange::Clock::now() - exchange.started).count();
}

std::string shortest(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

/// `name="value"`, with what would end it escaped.
std::string label_text(std::string_view name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    c == '\n' ? text += "\\n" : text += c;
  }
  return text + '"';
}

/// The lines that describe a metric.
void describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text.append(name).append(" ").append(type).append("\n");
}

void sample(std::string& text, std::string_view name, std::string_view labels,
            std::string_view value) {
  text.append(name);
  if (!labels.empty()) text.append("{").append(labels).append("}");
  text.append(" ").append(value).append("\n");
}

/// A metric with a number for each model.
template <typename Number>
void per_model(std::string& text, const Models& models, std::string_view name,
               std::string_view type, std::string_view help, Number&& number) {
  describe(text, name, type, help);
  for (const auto& model : models.all()) {
    sample(text, name, label_text("model", model->name()), std::to_string(number(*model)));
  }
}

void append_work(std::string& text, const Models& models) {
  per_model(text, models, "lanewise_batch_waiting", "gauge",
            "Requests that wait for a batch of an encoder or translator.",
            [](const ModelSlot& model) { return model.batch_stats().waiting; });
  per_model(text, models, "lanewise_batches_total", "counter", "Batches computed.",
            [](const ModelSlot& model) { return model.batch_stats().batches; });
  per_model(text, models, "lanewise_batch_requests_total", "counter", "Requests in these batches.",
            [](const ModelSlot& model) { return model.batch_stats().jobs; });
  per_model(text, models, "lanewise_batch_tokens_total", "counter", "Tokens in these batches.",
            [](const ModelSlot& model) { return model.batch_stats().tokens; });
  per_model(text, models, "lanewise_generation_waiting", "gauge",
            "Texts that wait for room in the cache of a decoder.",
            [](const ModelSlot& model) { return model.engine_stats().waiting; });
  per_model(text, models, "lanewise_generation_active", "gauge",
            "Texts that a decoder is continuing.",
            [](const ModelSlot& model) { return model.engine_stats().active; });
  per_model(text, models, "lanewise_generation_steps_total", "counter", "Steps of a decoder.",
            [](const ModelSlot& model) { return model.engine_stats().steps; });
  per_model(text, models, "lanewise_cache_bytes", "gauge", "Bytes of keys and values.",
            [](const ModelSlot& model) { return model.engine_stats().cache_bytes; });
  per_model(text, models, "lanewise_cache_free_bytes", "gauge",
            "Bytes of keys and values that are not in use.",
            [](const ModelSlot& model) { return model.engine_stats().cache_bytes_free; });
}

}  // namespace

void Metrics::count(const Exchange& exchange, bool known_path) {
  const std::string path = known_path ? exchange.path : "other";
  const double seconds = seconds_of(exchange);
  const std::lock_guard lock(mutex_);
  ++requests_[{path, exchange.status}];
  Times& times = times_[path];
  ++times.all;
  times.sum += seconds;
  for (size_t i = 0; i < kBounds.size(); ++i) times.counts[i] += seconds <= kBounds[i] ? 1 : 0;
  if (exchange.model.empty()) return;
  Tokens& tokens = tokens_[exchange.model];
  tokens.prompt += exchange.prompt_tokens;
  tokens.generated += exchange.generated_tokens;
}

std::string Metrics::text(const Models& models, int64_t active, int64_t connections) const {
  std::string text;
  describe(text, "lanewise_requests_active", "gauge", "Requests that are being answered.");
  sample(text, "lanewise_requests_active", "", std::to_string(active));
  describe(text, "lanewise_connections", "gauge", "Connections that are open.");
  sample(text, "lanewise_connections", "", std::to_string(connections));
  {
    const std::lock_guard lock(mutex_);
    describe(text, "lanewise_requests_total", "counter", "Requests answered or refused.");
    for (const auto& [key, number] : requests_) {
      sample(text, "lanewise_requests_total",
             label_text("path", key.first) + "," + label_text("status", std::to_string(key.second)),
             std::to_string(number));
    }
    const std::string_view name = "lanewise_request_seconds";
    describe(text, name, "histogram", "Time from the first byte of a request to its answer.");
    for (const auto& [path, times] : times_) {
      const std::string label = label_text("path", path);
      const std::string bucket = std::string(name) + "_bucket";
      for (size_t i = 0; i < kBounds.size(); ++i) {
        sample(text, bucket, label + "," + label_text("le", shortest(kBounds[i])),
               std::to_string(times.counts[i]));
      }
      sample(text, bucket, label + ",le=\"+Inf\"", std::to_string(times.all));
      sample(text, std::string(name) + "_sum", label, shortest(times.sum));
      sample(text, std::string(name) + "_count", label, std::to_string(times.all));
    }
    describe(text, "lanewise_tokens_total", "counter", "Tokens of texts, and generated ones.");
    for (const auto& [model, tokens] : tokens_) {
      const std::string label = label_text("model", model);
      sample(text, "lanewise_tokens_total", label + ",kind=\"prompt\"",
             std::to_string(tokens.prompt));
      sample(text, "lanewise_tokens_total", label + ",kind=\"generated\"",
             std::to_string(tokens.generated));
    }
  }
  append_work(text, models);
  return text;
}

std::string log_line(const Exchange& exchange) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto since = now.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> date{};
  const size_t count = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
  std::string time(date.data(), count);
  time += std::to_string(1000 + ms).substr(1) + "Z";

  JsonWriter json;
  json.begin_object().key("time").string(time).key("method").string(exchange.method);
  json.key("path").string(exchange.path).key("status").integer(exchange.status);
  // Whole microseconds.
  const double micros = static_cast<double>(static_cast<int64_t>(seconds_of(exchange) * 1e6));
  json.key("ms").number(micros / 1000.0);
  json.key("model");
  exchange.model.empty() ? json.null() : json.string(exchange.model);
  json.key("prompt_tokens").integer(exchange.prompt_tokens);
  json.key("generated_tokens").integer(exchange.generated_tokens);
  return json.end_object().take();
}

}  // namespace lanewise::serve

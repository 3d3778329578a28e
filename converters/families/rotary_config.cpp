#include "converters/families/rotary_config.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

constexpr double kMost = 1e12;
constexpr int64_t kRotaryMaxPositions = INT32_MAX;

/// PyTorch computes frequencies in f32, one rounding for each operation; so does everything here.
/// The difference matters: at position 100000 it is a large part of a turn.
struct Base {
  float theta;
  int64_t dim;  // features that are turned

  float wavelength(int64_t pair) const {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(dim);
    return static_cast<float>(std::pow(static_cast<double>(theta), static_cast<double>(exponent)));
  }
};

std::vector<float> plain(const Base& base) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < (base.dim + 1) / 2; ++i) frequencies.push_back(1.0f / base.wavelength(i));
  return frequencies;
}

class Reader {
 public:
  Reader(const Config& config, const Config& parameters, const RotaryDefaults& defaults,
         const RotarySizes& sizes)
      : config_(config), parameters_(parameters), defaults_(defaults), sizes_(sizes) {}

  Result<RotaryFrequencies> read() {
    LW_ASSIGN_OR_RETURN(std::string type, parameters_.text("type", "default"));
    LW_ASSIGN_OR_RETURN(type, parameters_.text("rope_type", type));
    if (defaults_.phi && (type == "su" || type == "yarn")) type = "longrope";
    LW_RETURN_IF_ERROR(read_base());
    if (type == "default" || type == "dynamic") return RotaryFrequencies{plain(base_), 1};
    if (type == "longrope") return longrope();
    const bool is_known = type == "linear" || type == "llama3" || type == "yarn";
    if (is_known || (type == "ntk" && defaults_.ntk)) return scaled(type);
    return unsupported(config_.label() + ": unknown rope_type " + base::in_quotes(type) +
                       "; known: default, linear, dynamic, llama3, yarn, longrope" +
                       (defaults_.ntk ? ", ntk" : ""));
  }

 private:
  Result<RotaryFrequencies> scaled(const std::string& type) const {
    LW_ASSIGN_OR_RETURN(const double factor, required("factor"));
    if (type == "linear") return linear(static_cast<float>(factor));
    if (type == "llama3") return llama3(static_cast<float>(factor));
    return type == "yarn" ? yarn(factor) : ntk(factor);
  }

  /// A parameter that may stand beside the parameters too.
  Result<double> number_or_outside(const std::string& field, const char* outside, double fallback,
                                   double most) const {
    LW_ASSIGN_OR_RETURN(const double value, config_.number(outside, fallback, 0, most));
    return parameters_.number(field, value, 0, most);
  }

  Result<double> required(const std::string& field) const {
    if (!parameters_.has(field)) return parameters_.wrong(field, "a positive number");
    LW_ASSIGN_OR_RETURN(const double value, parameters_.number(field, 0, 0, kMost));
    if (value > 0) return value;
    return parameters_.wrong(field, "a positive number");
  }

  Status read_base() {
    LW_ASSIGN_OR_RETURN(const double theta, number_or_outside("rope_theta", defaults_.theta_field,
                                                              defaults_.theta, kMost));
    if (!(theta > 0)) return config_.wrong(defaults_.theta_field, "a positive number");
    LW_ASSIGN_OR_RETURN(
        const double partial,
        number_or_outside("partial_rotary_factor", defaults_.partial_field, defaults_.partial, 1));
    if (defaults_.whole && partial != 1) {
      return unsupported(
          config_.label() +
          ": 'partial_rotary_factor' other than 1 is not supported for this model_type");
    }
    base_.theta = static_cast<float>(theta);
    base_.dim = static_cast<int64_t>(static_cast<double>(sizes_.head_dim) * partial);
    if (base_.dim >= 2 && base_.dim % 2 == 0) return {};
    return invalid_argument(config_.label() + ": rotary positions of " + std::to_string(base_.dim) +
                            " of " + std::to_string(sizes_.head_dim) +
                            " features of a head: expected an even number");
  }

  Result<int64_t> original_positions() const {
    const std::string field = "original_max_position_embeddings";
    if (defaults_.phi) return config_.integer(field, 4096, 1, kRotaryMaxPositions);
    LW_ASSIGN_OR_RETURN(const int64_t outside,
                        config_.integer(field, sizes_.max_positions, 1, kRotaryMaxPositions));
    if (config_.has(field)) return outside;
    return parameters_.integer(field, outside, 1, kRotaryMaxPositions);
  }

  RotaryFrequencies linear(float factor) const {
    RotaryFrequencies result{plain(base_), 1};
    for (float& frequency : result.frequencies) frequency /= factor;
    return result;
  }

  /// Source: spaces.ac.cn/archives/9706, equation 6.
  Result<RotaryFrequencies> ntk(double factor) const {
    if (parameters_.has("mixed_b")) {
      return unsupported(parameters_.label() + ": 'mixed_b' is not supported");
    }
    Base base = base_;
    base.theta = static_cast<float>(static_cast<double>(base_.theta) * factor);
    RotaryFrequencies result{plain(base), 1};
    const double divisor = std::pow(factor, 2 / static_cast<double>(base_.dim));
    for (float& frequency : result.frequencies) frequency /= static_cast<float>(divisor);
    return result;
  }

  /// Divides low frequencies, keeps high ones, and goes from one to the other in between.
  Result<RotaryFrequencies> llama3(float factor) const {
    LW_ASSIGN_OR_RETURN(const double low, required("low_freq_factor"));
    LW_ASSIGN_OR_RETURN(const double high, required("high_freq_factor"));
    if (low == high) return parameters_.wrong("high_freq_factor", "more than 'low_freq_factor'");
    LW_ASSIGN_OR_RETURN(const int64_t positions, original_positions());
    const auto length = static_cast<float>(positions);
    const auto low_length = static_cast<float>(static_cast<double>(positions) / low);
    const auto high_length = static_cast<float>(static_cast<double>(positions) / high);
    RotaryFrequencies result{plain(base_), 1};
    for (float& frequency : result.frequencies) {
      const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
      if (wavelength < high_length) continue;
      if (wavelength > low_length) {
        frequency /= factor;
        continue;
      }
      const float smooth =
          (length / wavelength - static_cast<float>(low)) / static_cast<float>(high - low);
      frequency = (1 - smooth) * frequency / factor + smooth * frequency;
    }
    return result;
  }

  /// YaRN: the pair that turns `rotations` times within the trained length.
  double pair_of(double rotations, double length) const {
    return static_cast<double>(base_.dim) * std::log(length / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(static_cast<double>(base_.theta)));
  }

  Result<RotaryFrequencies> yarn(double factor) const {
    LW_ASSIGN_OR_RETURN(const int64_t positions, original_positions());
    LW_ASSIGN_OR_RETURN(const double fast, parameters_.number("beta_fast", 32, 0, kMost));
    LW_ASSIGN_OR_RETURN(const double slow, parameters_.number("beta_slow", 1, 0, kMost));
    LW_ASSIGN_OR_RETURN(const bool truncate, parameters_.boolean("truncate", true));
    const auto length = static_cast<double>(positions);
    // 0 counts as absent, as in Python's `or`.
    double low = pair_of(fast == 0 ? 32 : fast, length);
    double high = pair_of(slow == 0 ? 1 : slow, length);
    if (truncate) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(base_.dim - 1));
    if (low == high) high += 0.001;
    RotaryFrequencies result;
    for (int64_t i = 0; i < base_.dim / 2; ++i) {
      const float wavelength = base_.wavelength(i);
      const float ramp = std::clamp(
          (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0f,
          1.0f);
      const float kept = 1 - ramp;
      const float divided = 1.0f / (static_cast<float>(factor) * wavelength);
      result.frequencies.push_back(divided * (1 - kept) + 1.0f / wavelength * kept);
    }
    LW_ASSIGN_OR_RETURN(result.scale, yarn_scale(factor));
    return result;
  }

  Result<double> yarn_scale(double factor) const {
    LW_ASSIGN_OR_RETURN(const double given, parameters_.number("attention_factor", -1, 0, kMost));
    if (parameters_.has("attention_factor")) return given;
    LW_ASSIGN_OR_RETURN(const double scale, parameters_.number("mscale", 0, 0, kMost));
    LW_ASSIGN_OR_RETURN(const double all, parameters_.number("mscale_all_dim", 0, 0, kMost));
    const auto grown = [factor](double by) {
      return factor <= 1 ? 1.0 : 0.1 * by * std::log(factor) + 1.0;
    };
    return scale != 0 && all != 0 ? grown(scale) / grown(all) : grown(1);
  }

  /// One list of factors up to the trained length, another beyond it.
  Result<RotaryFrequencies> longrope() const {
    LW_ASSIGN_OR_RETURN(const int64_t positions, original_positions());
    RotaryFrequencies result;
    LW_ASSIGN_OR_RETURN(result.frequencies, divided_by("short_factor"));
    if (sizes_.max_positions > positions) {
      LW_ASSIGN_OR_RETURN(result.long_frequencies, divided_by("long_factor"));
      result.trained_tokens = positions;
    }
    LW_ASSIGN_OR_RETURN(result.scale, longrope_scale(static_cast<double>(positions)));
    return result;
  }

  Result<std::vector<float>> divided_by(const std::string& field) const {
    LW_ASSIGN_OR_RETURN(const std::vector<double> factors, parameters_.numbers(field));
    if (static_cast<int64_t>(factors.size()) != base_.dim / 2) {
      return parameters_.wrong(field, std::to_string(base_.dim / 2) + " numbers");
    }
    std::vector<float> frequencies;
    for (int64_t i = 0; i < base_.dim / 2; ++i) {
      const auto factor = static_cast<float>(factors[static_cast<size_t>(i)]);
      frequencies.push_back(1.0f / (factor * base_.wavelength(i)));
    }
    return frequencies;
  }

  Result<double> longrope_scale(double positions) const {
    LW_ASSIGN_OR_RETURN(const double given, parameters_.number("attention_factor", 0, 0, kMost));
    if (parameters_.has("attention_factor")) return given;
    const double grown = static_cast<double>(sizes_.max_positions) / positions;
    LW_ASSIGN_OR_RETURN(const double factor, parameters_.number("factor", grown, 0, kMost));
    return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(positions));
  }

  const Config& config_;
  const Config& parameters_;
  const RotaryDefaults& defaults_;
  RotarySizes sizes_;
  Base base_{};
};

/// A tensor that no checkpoint has.
std::string write_constants(const std::string& name, const std::vector<float>& values,
                            ModuleTensors& tensors) {
  TensorPart part;
  part.shape = {static_cast<int64_t>(values.size())};
  part.compute = [values](std::span<const float>, std::span<float> made) {
    std::ranges::copy(values, made.begin());
  };
  return tensors.expect_computed("", {}, name, std::move(part));
}

}  // namespace

Result<RotaryFrequencies> rotary_from(const Config& config, const Config& parameters,
                                      const RotaryDefaults& defaults, const RotarySizes& sizes) {
  LW_ASSIGN_OR_RETURN(RotaryFrequencies result, Reader(config, parameters, defaults, sizes).read());
  const auto sound = [](float frequency) { return std::isfinite(frequency); };
  if (std::ranges::all_of(result.frequencies, sound) &&
      std::ranges::all_of(result.long_frequencies, sound) && std::isfinite(result.scale)) {
    return result;
  }
  return invalid_argument(config.label() +
                          ": rotary positions have frequencies that are not finite");
}

Result<RotaryFrequencies> read_rotary(const Config& config, const RotaryDefaults& defaults,
                                      const RotarySizes& sizes, const std::string& layer_type) {
  // Transformers prefers the older spelling where a config has both.
  LW_ASSIGN_OR_RETURN(const Config scaling, config.object("rope_scaling"));
  const bool older = !scaling.fields().empty();
  LW_ASSIGN_OR_RETURN(const Config given, config.object("rope_parameters"));
  if (older) return rotary_from(config, scaling, defaults, sizes);
  if (layer_type.empty() || !given.has(layer_type)) {
    return rotary_from(config, given, defaults, sizes);
  }
  LW_ASSIGN_OR_RETURN(const Config of_type, given.object(layer_type));
  return rotary_from(config, of_type, defaults, sizes);
}

graph::ValueId write_rotary_angles(const std::string& name, graph::ValueId ids,
                                   const RotaryFrequencies& rotary, graph::Builder& builder,
                                   ModuleTensors& tensors) {
  const auto pairs = static_cast<int64_t>(rotary.frequencies.size());
  graph::RotaryAnglesSpec spec{
      .frequencies = write_constants(name + ".frequencies", rotary.frequencies, tensors),
      .scale = rotary.scale,
      .trained_tokens = rotary.trained_tokens};
  if (spec.trained_tokens > 0) {
    spec.long_frequencies =
        write_constants(name + ".long_frequencies", rotary.long_frequencies, tensors);
  }
  return builder.rotary_angles(name, ids, pairs, spec);
}

}  // namespace lanewise::converters

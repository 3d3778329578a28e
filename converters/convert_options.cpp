#include "converters/convert_options.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "ops/weights/packed_weight.hpp"
#include "runtime/session_setup.hpp"

namespace lanewise {
namespace converters {
namespace {

template <typename Words>
std::string joined(const Words& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

/// The group sizes that formats of that choice have; a single 0 or 1 if there are no groups.
std::vector<int64_t> groups_of(std::string_view choice) {
  std::vector<int64_t> groups;
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    const bool is_one = !choice.empty() && info.choice == choice;
    if (is_one && ops::has_panels(info.format)) groups.push_back(info.block);
  }
  return groups;
}

/// The name of weights that are stored in f32 unless the checkpoint's own are kept.
std::string_view f32_or_kept(const ConvertOptions& options) {
  return options.weights == kKeep ? kKeep : "f32";
}

}  // namespace

Result<ops::WeightFormat> parse_weights(const ConvertOptions& options) {
  if (options.weights.empty() || options.weights == kKeep) {
    if (options.group == 0) return ops::WeightFormat::f32;
    return invalid_argument("groups apply to int4 weights, not " +
                            std::string(f32_or_kept(options)));
  }
  const std::vector<int64_t> groups = groups_of(options.weights);
  if (groups.empty()) {
    return unsupported("weights of type " + base::in_quotes(options.weights) +
                       " are not supported; known: " + joined(weight_choices()));
  }
  if (groups.size() == 1) {
    if (options.group == 0) return *ops::find_weight_choice(options.weights, groups.front());
    return invalid_argument("groups apply to int4 weights, not " + options.weights);
  }
  const std::optional<ops::WeightFormat> format =
      ops::find_weight_choice(options.weights, options.group == 0 ? groups[0] : options.group);
  if (format) return *format;
  std::vector<std::string> known;
  known.reserve(groups.size());
  for (const int64_t group : groups) known.push_back(std::to_string(group));
  return invalid_argument("a group of " + std::to_string(options.group) +
                          " inputs is not supported; known: " + joined(known));
}

Result<ops::WeightFormat> weights_for(const ConvertOptions& options, std::string_view task) {
  const bool is_decoder = task == "text-generation";
  const bool may_choose = options.weights == "int4" && options.group == 0;
  return is_decoder && may_choose ? ops::kDecoderInt4 : parse_weights(options);
}

Status check_options(const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(const ops::WeightFormat format, parse_weights(options));
  const bool has_integers = ops::is_packed_from_integers(format);
  const std::string weights(options.weights.empty() ? f32_or_kept(options) : options.weights);
  if (!options.as.empty() && options.as != "encoder") {
    return invalid_argument("as " + base::in_quotes(options.as) +
                            " is not supported; known: encoder");
  }
  if (!has_integers && !options.calibrate.empty()) {
    return invalid_argument("calibration applies to int8 and int4 weights, not " + weights);
  }
  if (!has_integers && options.max_error) {
    return invalid_argument("the error limit applies to int8 and int4 weights, not " + weights);
  }
  if (options.max_error && !(*options.max_error > 0.0)) {
    return invalid_argument("the error limit must be above 0");
  }
  return check_session_options({.threads = options.threads}).status();
}

}  // namespace converters

namespace {

struct WeightChoices {
  static constexpr size_t kMost = 1
#define LW_WEIGHT_FORMAT(...) +1  // NOLINT(bugprone-macro-parentheses)
#define LW_TABLE_FORMAT(...)
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT
      ;
  std::array<std::string_view, kMost> names{};
  size_t count = 0;
};

WeightChoices list_weight_choices() noexcept {
  WeightChoices list;
  list.names[list.count++] = "keep";
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    const bool is_new = list.count == 0 || list.names[list.count - 1] != info.choice;
    const bool is_choice = ops::has_panels(info.format) && !info.choice.empty();
    if (is_choice && is_new) list.names[list.count++] = info.choice;
  }
  return list;
}

}  // namespace

std::span<const std::string_view> weight_choices() noexcept {
  static const WeightChoices kChoices = list_weight_choices();
  return std::span(kChoices.names).first(kChoices.count);
}

}  // namespace lanewise

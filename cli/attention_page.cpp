#include "cli/attention_page.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lanewise::cli {
namespace {

constexpr std::string_view kPage =
#include "attention_page_html.inc"
    ;
constexpr std::string_view kDataMark = "<!--DATA-->\n";

constexpr uint16_t kNotANumber = 65535;
constexpr float kOne = 65534.0f;

uint16_t quantized(float weight) {
  return std::isnan(weight) ? kNotANumber : static_cast<uint16_t>(std::lround(weight * kOne));
}

/// Appends 1 to 3 bytes as four characters of base64.
void append_group(std::string& text, std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t bits = 0;
  for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < bytes.size() ? bytes[i] : 0u);
  for (size_t i = 0; i < 4; ++i) {
    text += i <= bytes.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
}

void append_weights(std::string& text, std::span<const float> weights) {
  std::array<uint8_t, 3> group{};
  size_t count = 0;
  const auto append_byte = [&](int byte) {
    group[count++] = static_cast<uint8_t>(byte);
    if (count < group.size()) return;
    append_group(text, group);
    count = 0;
  };
  for (const float weight : weights) {
    const uint16_t number = quantized(weight);
    append_byte(number & 255);
    append_byte(number >> 8);
  }
  if (count > 0) append_group(text, std::span(group).first(count));
}

/// JSON for use inside an HTML script: a text may contain `</script>` or `<!--`. Outside of strings
/// JSON has no `<`.
std::string script_json(const nlohmann::ordered_json& json) {
  const std::string text =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

nlohmann::ordered_json to_json(const AttentionMap& map) {
  return {{"node", map.node},   {"kind", name_of(map.kind)}, {"layer", map.layer},
          {"heads", map.heads}, {"queries", map.queries},    {"keys", map.keys}};
}

std::string data_elements(const TextAttention& attention, std::string_view model,
                          std::string_view text) {
  nlohmann::ordered_json json{{"model", model},
                              {"text", text},
                              {"source", attention.source},
                              {"target", attention.target},
                              {"written", attention.written},
                              {"maps", nlohmann::ordered_json::array()}};
  for (const AttentionMap& map : attention.maps) json["maps"].push_back(to_json(map));
  std::string elements =
      fmt::format("<script type=\"application/json\" id=\"data\">{}</script>\n", script_json(json));
  for (size_t i = 0; i < attention.maps.size(); ++i) {
    elements += fmt::format("<script type=\"text/plain\" id=\"weights{}\">", i);
    append_weights(elements, attention.maps[i].weights);
    elements += "</script>\n";
  }
  return elements;
}

}  // namespace

std::string attention_page(const TextAttention& attention, std::string_view model,
                           std::string_view text) {
  const size_t mark = kPage.find(kDataMark);
  std::string page(kPage.substr(0, mark));
  page += data_elements(attention, model, text);
  page += kPage.substr(mark + kDataMark.size());
  return page;
}

}  // namespace lanewise::cli

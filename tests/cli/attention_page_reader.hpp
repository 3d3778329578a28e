#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lanewise::cli {

/// The data in a page of `lanewise attention`, read as a script would.
class AttentionPage {
 public:
  explicit AttentionPage(std::string html) : html_(std::move(html)) {
    data = nlohmann::json::parse(element("data"), nullptr, false);
    EXPECT_TRUE(data.is_object());
  }

  /// [heads, queries, keys] of a map.
  std::vector<double> weights(size_t map) const {
    const std::string bytes = decoded(element("weights" + std::to_string(map)));
    std::vector<double> weights;
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
      weights.push_back(
          (static_cast<uint8_t>(bytes[i]) + 256 * static_cast<uint8_t>(bytes[i + 1])) / 65534.0);
    }
    return weights;
  }

  const std::string& html() const { return html_; }

  nlohmann::json data;

 private:
  std::string element(const std::string& id) const {
    const size_t tag = html_.find(" id=\"" + id + "\">");
    EXPECT_NE(tag, std::string::npos) << id;
    if (tag == std::string::npos) return {};
    const size_t begin = html_.find('>', tag) + 1;
    return html_.substr(begin, html_.find("</script>", begin) - begin);
  }

  static std::string decoded(const std::string& base64) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : base64) {
      if (c == '=') break;
      const size_t digit = digits.find(c);
      EXPECT_NE(digit, std::string::npos) << c;
      bits = bits << 6 | static_cast<uint32_t>(digit);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      bytes += static_cast<char>(bits >> count & 255);
    }
    return bytes;
  }

  std::string html_;
};

}  // namespace lanewise::cli

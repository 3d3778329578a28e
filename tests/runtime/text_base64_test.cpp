#include "runtime/text/base64.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace lanewise::text {
namespace {

/// The test vectors of RFC 4648, section 10.
TEST(Base64, HasTheDigitsOfTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, base64] : vectors) {
    EXPECT_EQ(encode_base64(bytes), base64);
    const auto decoded = decode_base64(base64, "x");
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(*decoded, bytes);
  }
}

TEST(Base64, AnyBytesComeBack) {
  std::string bytes;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i * (2 * round + 1)));
    const auto decoded = decode_base64(encode_base64(bytes), "x");
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, bytes);
    bytes.push_back('\xFF');  // another length modulo three
  }
}

TEST(Base64, OtherCharactersAreRefused) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 256; ++i) {
    const std::string base64 = {'Z', static_cast<char>(i), '9', 'v'};
    const auto decoded = decode_base64(base64, "the map");
    EXPECT_EQ(decoded.ok(), digits.find(static_cast<char>(i)) != std::string::npos) << i;
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.status().message(), "the map is not base64");
    }
  }
}

}  // namespace
}  // namespace lanewise::text

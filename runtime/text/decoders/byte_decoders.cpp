#include "runtime/text/decoders/byte_decoders.hpp"

#include <charconv>
#include <utility>

#include "runtime/text/byte_level.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

class ByteLevel final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::string bytes;
    for (const std::string& token : *tokens) append_bytes_of(token, &bytes);
    *tokens = {replace_malformed(bytes)};
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    std::string bytes;
    append_bytes_of(token->bytes, &bytes);
    token->bytes = std::move(bytes);
    token->fused = true;
    return {};
  }
};

class ByteFallback final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (valid_utf8_prefix(bytes) == bytes.size()) {
        result.push_back(bytes);
      } else {
        result.insert(result.end(), bytes.size(), std::string(kReplacement));
      }
      bytes.clear();
    };
    for (std::string& token : *tokens) {
      if (const std::optional<uint8_t> byte = byte_of_token(token)) {
        bytes.push_back(static_cast<char>(*byte));
      } else {
        flush();
        result.push_back(std::move(token));
      }
    }
    flush();
    *tokens = std::move(result);
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    if (const std::optional<uint8_t> byte = byte_of_token(token->bytes)) {
      token->bytes.assign(1, static_cast<char>(*byte));
    }
    return {};
  }
};

class Bytes final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::string bytes;
    for (const std::string& token : *tokens) bytes += bytes_of(token);
    *tokens = {replace_malformed(bytes, "")};
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    token->bytes = bytes_of(token->bytes);
    token->fused = true;
    return {};
  }

 private:
  static std::string bytes_of(const std::string& token) {
    const CodePoint first = token.empty() ? CodePoint{0x100, 0} : decode_at(token, 0);
    const bool is_byte = first.value < 0x100 && token.size() == static_cast<size_t>(first.length);
    return is_byte ? std::string(1, static_cast<char>(first.value)) : token;
  }
};

}  // namespace

std::optional<uint8_t> byte_of_token(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned value = 0;
  const char* last = token.data() + 5;
  const auto [end, error] = std::from_chars(token.data() + 3, last, value, 16);
  if (error != std::errc() || end != last) return std::nullopt;
  return static_cast<uint8_t>(value);
}

Result<DecoderPtr> read_byte_level_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<ByteLevel>());
}

Result<DecoderPtr> read_byte_fallback_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<ByteFallback>());
}

Result<DecoderPtr> read_bytes_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<Bytes>());
}

}  // namespace lanewise::text

#include "runtime/text/models/subword_model.hpp"

namespace lanewise::text {

SubwordModel::~SubwordModel() = default;

std::string byte_token(uint8_t byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

}  // namespace lanewise::text

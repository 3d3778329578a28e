#include "runtime/text/models/subword_model.hpp"

#include <nlohmann/json.hpp>

#include "ops/status_macros.hpp"

namespace lanewise::text {

SubwordModel::~SubwordModel() = default;

Result<Vocabulary> read_vocabulary_object(const JsonFields& model) {
  LW_ASSIGN_OR_RETURN(const JsonFields vocab, model.object("vocab"));
  Vocabulary vocabulary;
  vocabulary.reserve(vocab.json().size());
  for (const auto& [token, id] : vocab.json().items()) {
    LW_ASSIGN_OR_RETURN(const int32_t number, count_of(id, vocab.path(token)));
    vocabulary.emplace_back(token, number);
  }
  return vocabulary;
}

nlohmann::json vocabulary_to_json(const Vocabulary& vocabulary) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [token, id] : vocabulary) json[token] = id;
  return json;
}

std::string byte_token(uint8_t byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

}  // namespace lanewise::text

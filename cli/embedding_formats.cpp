#include "cli/embedding_formats.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "cli/json_text.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

std::vector<TokenWeight> largest_first(const SparseEmbedding& embedding) {
  std::vector<TokenWeight> weights = embedding.weights;
  std::ranges::stable_sort(weights, std::ranges::greater(), &TokenWeight::weight);
  return weights;
}

}  // namespace

Result<EmbeddingFormat> EmbeddingFormat::create(const Model& model) {
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::of(model));
  return EmbeddingFormat(std::move(tokenizer));
}

/// A vocabulary may have ids without a token.
std::string EmbeddingFormat::name_of(int32_t id) const {
  const std::string_view token = tokenizer_.token(id);
  return token.empty() ? fmt::format("<id {}>", id) : std::string(token);
}

std::string EmbeddingFormat::json(std::string_view text, const SparseEmbedding& embedding) const {
  std::string json = "{\"text\": ";
  append_json_string(json, text);
  json += ", \"embedding\": {";
  const char* separator = "";
  for (const TokenWeight& weight : largest_first(embedding)) {
    json += std::exchange(separator, ", ");
    append_json_string(json, name_of(weight.id));
    json += ": ";
    append_json_float(json, weight.weight);
  }
  return json + "}}";
}

std::string EmbeddingFormat::plain(std::string_view text, const SparseEmbedding& embedding) const {
  std::string line(text);
  for (const TokenWeight& weight : largest_first(embedding)) {
    line.append("\t").append(name_of(weight.id)) += ' ';
    append_float(line, weight.weight);
  }
  return line;
}

std::string EmbeddingFormat::json(std::string_view text, const TokenEmbedding& embedding) {
  std::string json = "{\"text\": ";
  append_json_string(json, text);
  json += ", \"embeddings\": [";
  for (int64_t i = 0; i < embedding.count; ++i) {
    if (i > 0) json += ", ";
    append_json_floats(json, embedding[i]);
  }
  return json + "]}";
}

std::string EmbeddingFormat::plain(std::string_view text, const TokenEmbedding& embedding) const {
  std::string lines;
  for (int64_t i = 0; i < embedding.count; ++i) {
    if (i > 0) lines += '\n';
    lines.append(text).append("\t") += name_of(embedding.ids[static_cast<size_t>(i)]);
    char separator = '\t';
    for (const float value : embedding[i]) {
      lines += std::exchange(separator, ' ');
      append_float(lines, value);
    }
  }
  return lines;
}

}  // namespace lanewise::cli

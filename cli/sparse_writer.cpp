#include "cli/sparse_writer.hpp"

#include <algorithm>
#include <utility>
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

Result<SparseWriter> SparseWriter::create(const Model& model, bool json, const std::string& file,
                                          Output& out) {
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::of(model));
  std::optional<AtomicFile> opened;
  if (!file.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(opened, AtomicFile::create(file));
  }
  return SparseWriter(std::move(tokenizer), json, std::move(opened), out);
}

/// A vocabulary may have ids without a token.
std::string SparseWriter::name_of(int32_t id) const {
  const std::string_view token = tokenizer_.token(id);
  return token.empty() ? fmt::format("<id {}>", id) : std::string(token);
}

std::string SparseWriter::json_of(std::string_view text, const SparseEmbedding& embedding) const {
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

std::string SparseWriter::line_of(std::string_view text, const SparseEmbedding& embedding) const {
  std::string line(text);
  for (const TokenWeight& weight : largest_first(embedding)) {
    line.append("\t").append(name_of(weight.id)) += ' ';
    append_float(line, weight.weight);
  }
  return line;
}

Status SparseWriter::write(std::string_view text, const SparseEmbedding& embedding) {
  if (file_) LANEWISE_RETURN_IF_ERROR(file_->write(json_of(text, embedding) + "\n"));
  if (json_) return out_->line(json_of(text, embedding));
  return file_ ? Status() : out_->line(line_of(text, embedding));
}

Status SparseWriter::commit() { return file_ ? file_->commit() : Status(); }

}  // namespace lanewise::cli

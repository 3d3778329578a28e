#include "serve/abilities.hpp"

#include <algorithm>

namespace lanewise::serve {
namespace {

bool has_output(const ModelInfo& info, std::string_view name) {
  return std::ranges::find(info.outputs, name, &OutputInfo::name) != info.outputs.end();
}

bool has_sparse_embeddings(const ModelInfo& info) {
  return info.head.sparse_logarithms > 0 || has_output(info, "token_weights");
}

}  // namespace

int ranking_place(const ModelInfo& info) {
  if (info.head.late_interaction.is_used()) return 2;
  if (has_output(info, "sentence_embedding")) return 3;
  if (info.task == "text-classification") return info.head.labels.size() == 1 ? 1 : 0;
  return has_sparse_embeddings(info) ? 4 : 0;
}

std::vector<std::string_view> paths_of(ServedModel& model) {
  const ModelInfo& info = model.info();
  std::vector<std::string_view> paths;
  if (!model.tokenizer().ok()) return paths;
  if (has_output(info, "sentence_embedding")) {
    paths.insert(paths.end(), {"/v1/embeddings", "/embed", "/similarity"});
  }
  if (has_sparse_embeddings(info)) paths.emplace_back("/embed_sparse");
  if (ranking_place(info) > 0) paths.emplace_back("/rerank");
  if (info.task == "text-classification") paths.emplace_back("/predict");
  if (info.task == "text-generation") {
    paths.emplace_back("/v1/completions");
    if (model.chat_template().ok()) paths.emplace_back("/v1/chat/completions");
  }
  if (info.target_vocabulary_size > 0) paths.emplace_back("/translate");
  paths.emplace_back("/tokenize");
  return paths;
}

}  // namespace lanewise::serve

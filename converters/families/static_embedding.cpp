// The mean of a vector for each token, without a network: sentence-transformers' StaticEmbedding,
// and the folders of Model2Vec, whose vectors were distilled from an encoder.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/families/sentence_layers.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/special_tokens.hpp"
#include "converters/formats/elements.hpp"
#include "converters/tokenizers/folder_tokenizer.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "runtime/graph/builder.hpp"
#include "runtime/text/tokenizer.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

// Nothing but memory limits a text; this is what Model2Vec writes to its configs.
constexpr int64_t kMostTokens = 1'000'000;
constexpr int64_t kModel2VecTokens = 512;  // its default

/// A table of vectors, and how a tokenizer's ids select its rows.
struct VectorTable {
  std::string name;
  int64_t rows = 0;
  int64_t features = 0;
  std::vector<int64_t> rows_of_ids;   ///< empty: the id is the row
  std::vector<float> weights_of_ids;  ///< empty: all are 1
  std::vector<std::string> folded;    ///< tensors that these are from
  /// The elements, if they are bytes: Model2Vec's quantize_to="int8", whose scale is not stored.
  std::shared_ptr<const std::vector<int8_t>> bytes;

  int64_t vocabulary() const {
    if (!rows_of_ids.empty()) return static_cast<int64_t>(rows_of_ids.size());
    return weights_of_ids.empty() ? rows : static_cast<int64_t>(weights_of_ids.size());
  }
};

/// `mapping`: the row of each id.
Status read_mapping(const Checkpoint& checkpoint, VectorTable& table) {
  const CheckpointTensor* tensor = checkpoint.find("mapping");
  if (tensor == nullptr) return {};
  table.folded.push_back(tensor->name);
  const bool fits = tensor->shape.size() == 1 && tensor->foreign_type.empty() &&
                    (tensor->type == DataType::kI64 || tensor->type == DataType::kI32);
  if (!fits) return invalid_argument("tensor 'mapping': expected [tokens] I64 or I32");
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView view, checkpoint.read(*tensor, scratch));
  const auto* bytes = static_cast<const std::byte*>(view.data);
  const size_t size = size_of(view.type);
  for (int64_t i = 0; i < tensor->shape.front(); ++i) {
    int64_t row = 0;
    int32_t narrow = 0;
    const std::byte* from = bytes + static_cast<size_t>(i) * size;
    if (size == sizeof(row)) std::copy_n(from, sizeof(row), reinterpret_cast<std::byte*>(&row));
    if (size == sizeof(narrow)) {
      std::copy_n(from, sizeof(narrow), reinterpret_cast<std::byte*>(&narrow));
      row = narrow;
    }
    if (row < 0 || row >= table.rows) {
      return invalid_argument("tensor 'mapping': " + std::to_string(row) + " is outside 0 to " +
                              std::to_string(table.rows - 1));
    }
    table.rows_of_ids.push_back(row);
  }
  return {};
}

/// `weights`: what the vector of each id is multiplied by.
Status read_weights(const Checkpoint& checkpoint, VectorTable& table) {
  const CheckpointTensor* tensor = checkpoint.find("weights");
  if (tensor == nullptr) return {};
  table.folded.push_back(tensor->name);
  if (tensor->shape != Shape{table.vocabulary()}) {
    return invalid_argument("tensor 'weights': expected [" + std::to_string(table.vocabulary()) +
                            "], file has " + to_string(tensor->shape));
  }
  LW_ASSIGN_OR_RETURN(const F32Tensor read, read_f32(checkpoint, *tensor));
  table.weights_of_ids.assign(read.values.begin(), read.values.end());
  return {};
}

/// Model2Vec does not store the scale, so its vectors are means of these whole numbers.
Status read_bytes(const Checkpoint& checkpoint, const CheckpointTensor& tensor,
                  VectorTable& table) {
  if (!tensor.foreign_type.empty() || tensor.type != DataType::kI8) return {};
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView view, checkpoint.read(tensor, scratch));
  const auto* first = static_cast<const int8_t*>(view.data);
  table.bytes =
      std::make_shared<const std::vector<int8_t>>(first, first + table.rows * table.features);
  return {};
}

Result<VectorTable> read_table(const Checkpoint& checkpoint) {
  VectorTable table;
  for (const char* name : {"embedding.weight", "embeddings"}) {
    const CheckpointTensor* tensor = checkpoint.find(name);
    if (tensor == nullptr || !table.name.empty()) continue;
    if (tensor->shape.size() != 2 || tensor->shape[0] < 1 || tensor->shape[0] > INT32_MAX ||
        tensor->shape[1] < 1) {
      return invalid_argument("tensor " + in_quotes(name) + ": expected [tokens, features], file " +
                              "has " + to_string(tensor->shape));
    }
    table.name = name;
    table.rows = tensor->shape[0];
    table.features = tensor->shape[1];
    LW_RETURN_IF_ERROR(read_bytes(checkpoint, *tensor, table));
  }
  if (table.name.empty()) {
    return not_found("tensor 'embedding.weight' or 'embeddings' is missing");
  }
  if (table.name == "embedding.weight") return table;
  LW_RETURN_IF_ERROR(read_mapping(checkpoint, table));
  LW_RETURN_IF_ERROR(read_weights(checkpoint, table));
  return table;
}

/// from  [rows, features]
/// to    [ids, features]
template <typename T>
void select_rows(const VectorTable& table, std::span<const T> from, std::span<float> to) {
  const auto width = static_cast<size_t>(table.features);
  for (size_t id = 0; id < to.size() / width; ++id) {
    const size_t row = table.rows_of_ids.empty() ? id : static_cast<size_t>(table.rows_of_ids[id]);
    const float weight = table.weights_of_ids.empty() ? 1.0F : table.weights_of_ids[id];
    for (size_t i = 0; i < width; ++i) {
      to[id * width + i] = static_cast<float>(from[row * width + i]) * weight;
    }
  }
}

/// The vectors by id.
TensorPart vectors_by_id(const VectorTable& table) {
  TensorPart part;
  part.shape = {table.vocabulary(), table.features};
  if (table.bytes == nullptr) {
    part.tensor = table.name;
    part.compute = [table](std::span<const float> from, std::span<float> to) {
      select_rows(table, from, to);
    };
  } else {
    part.compute = [table](std::span<const float>, std::span<float> to) {
      select_rows(table, std::span(*table.bytes), to);
    };
  }
  return part;
}

/// The tokenizer.json without its template: no special token is averaged.
Result<std::string> bare_tokenizer(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const std::string json,
                      folder_tokenizer_text(input.folder, input.subfolder, input.config));
  if (json.empty()) return json;
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(json, "tokenizer.json"));
  base::JsonTree tree = base::JsonTree::of(document.root());
  tree.set("post_processor", nullptr);
  return tree.text();
}

/// The id of the unknown token, which Model2Vec leaves out; -1 if there is none. Unigram models
/// have its id, the others its name.
Result<int32_t> unknown_id(const FamilyModel& made, const text::Tokenizer& tokenizer) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document,
                      parse_file(made.tokenizer, "tokenizer.json"));
  LW_ASSIGN_OR_RETURN(const base::JsonFields file,
                      base::JsonFields::of_file(document.root(), in_quotes("tokenizer.json")));
  LW_ASSIGN_OR_RETURN(const base::JsonFields model, file.object_or_empty("model"));
  LW_ASSIGN_OR_RETURN(const std::string type, model.string_or("type", ""));
  if (type != "Unigram") {
    LW_ASSIGN_OR_RETURN(const std::string token, model.string_or("unk_token", ""));
    return token.empty() ? -1 : tokenizer.id(token).value_or(-1);
  }
  LW_ASSIGN_OR_RETURN(
      const int64_t id,
      model.integer_or("unk_id", -1, 0, std::max(tokenizer.vocabulary_size() - 1, int64_t{0})));
  return static_cast<int32_t>(id);
}

/// In code points, rounded down.
int64_t median_token_length(const text::Tokenizer& tokenizer) {
  std::vector<int64_t> lengths;
  for (int64_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const std::string_view token = tokenizer.token(static_cast<int32_t>(id));
    if (!token.empty()) lengths.push_back(text::count_code_points(token));
  }
  if (lengths.empty()) return 0;
  std::ranges::sort(lengths);
  const size_t half = lengths.size() / 2;
  return lengths.size() % 2 == 1 ? lengths[half] : (lengths[half - 1] + lengths[half]) / 2;
}

/// What follows the mean.
struct StaticEnd {
  std::vector<SentenceLayer> layers;
  TensorParts parts;
};

Result<StaticEnd> read_modules_after(const FamilyInput& input, int64_t features) {
  StaticEnd end;
  LW_ASSIGN_OR_RETURN(const std::vector<SentenceModule> modules, read_modules(input.folder));
  SentenceLayerReader reader(input, "sentence_embedding", features, end.parts);
  for (const SentenceModule& module : modules) {
    if (&module == &modules.front()) continue;
    LW_ASSIGN_OR_RETURN(const bool known, reader.read(module, end.layers));
    if (known) continue;
    return unsupported(
        in_quotes(input.folder.path(kModulesFile)) + ": module " + in_quotes(module.type) +
        " is not supported here; known: StaticEmbedding, then any of Dense, Dropout, "
        "LayerNorm, Normalize");
  }
  return end;
}

/// sentence-transformers truncates texts of a StaticEmbedding only as the tokenizer's file says.
Result<int64_t> tokenizer_truncation(const std::string& tokenizer_json) {
  if (tokenizer_json.empty()) return kMostTokens;
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document,
                      parse_file(tokenizer_json, "tokenizer.json"));
  LW_ASSIGN_OR_RETURN(const base::JsonFields file,
                      base::JsonFields::of_file(document.root(), in_quotes("tokenizer.json")));
  LW_ASSIGN_OR_RETURN(const base::JsonFields truncation, file.object_or_empty("truncation"));
  return truncation.integer_or("max_length", kMostTokens, 1, INT64_MAX);
}

/// Model2Vec has a limit of its own, which may be null: no limit.
Result<int64_t> model2vec_limit(const Config& config) {
  const std::string field = "max_length";
  const bool is_null = !config.has(field) && config.json().value().find(field) != nullptr;
  if (is_null) return kMostTokens;
  return config.integer(field, kModel2VecTokens, 1, INT64_MAX);
}

/// Model2Vec's own way, for a folder without modules.json: texts are truncated to as many characters
/// as a text of that many usual tokens has, then to that many tokens, of which unknown ones are
/// removed.
Status read_model2vec_texts(const FamilyInput& input, FamilyModel& model) {
  LW_ASSIGN_OR_RETURN(const int64_t limit, model2vec_limit(input.config));
  model.info.max_text_tokens = std::min(limit, kMostTokens);
  LW_ASSIGN_OR_RETURN(const auto tokenizer, tokenizer_of(input, model));
  if (tokenizer == nullptr) return {};
  LW_ASSIGN_OR_RETURN(model.info.left_out_id, unknown_id(model, *tokenizer));
  if (limit < kMostTokens) {
    model.info.max_text_characters = limit * median_token_length(*tokenizer);
  }
  return {};
}

Status read_static_texts(const FamilyInput& input, bool is_sentence, FamilyModel& model) {
  model.info.max_tokens = kMostTokens;
  if (!is_sentence) return read_model2vec_texts(input, model);
  LW_ASSIGN_OR_RETURN(const int64_t limit, tokenizer_truncation(model.tokenizer));
  model.info.max_text_tokens = std::min(limit, kMostTokens);
  return {};
}

Result<StaticEnd> read_static_end(const FamilyInput& input, bool is_sentence, int64_t features) {
  if (is_sentence) return read_modules_after(input, features);
  StaticEnd end;
  LW_ASSIGN_OR_RETURN(const bool normalizes, input.config.boolean("normalize", false));
  if (normalizes) end.layers.emplace_back();
  return end;
}

Result<FamilyModel> build_static_embedding(const FamilyInput& input) {
  const bool is_sentence = is_sentence_folder(input.folder);
  const Result<VectorTable> read = read_table(input.checkpoint);
  if (!read.ok()) return read.status().with_context(in_quotes(input.folder.root()));
  const VectorTable& table = *read;
  FamilyModel model;
  LW_ASSIGN_OR_RETURN(model.tokenizer, bare_tokenizer(input));
  LW_ASSIGN_OR_RETURN(StaticEnd end, read_static_end(input, is_sentence, table.features));
  model.parts = std::move(end.parts);
  model.folded = table.folded;
  if (table.bytes == nullptr) {
    model.tensors.push_back({table.name, {table.rows, table.features}});
  } else {
    model.folded.push_back(table.name);
  }
  graph::EmbedSpec spec{.table = table.name, .type_table = {}, .position_table = {}};
  if (!model.folded.empty()) {
    spec.table = table.name + ".by_id";
    model.parts[spec.table] = vectors_by_id(table);
  }
  graph::Builder builder;
  const graph::ValueId ids = builder.input("input_ids", graph::RowSymbol::kSourceTokens);
  const graph::ValueId vectors = builder.embed("embeddings", ids, -1, table.features, spec);
  builder.output("last_hidden_state", vectors);
  builder.output(
      "sentence_embedding",
      append_sentence_layers(builder, "sentence", builder.pool("sentence.pool", vectors, "mean"),
                             end.layers));
  model.graph = std::move(builder).take();
  model.info.family = "static_embedding";
  model.info.task = "embedding";
  model.info.vocabulary_size = table.vocabulary();
  LW_RETURN_IF_ERROR(read_static_texts(input, is_sentence, model));
  LW_RETURN_IF_ERROR(read_prompts(input, TransformerTask::kFeatures, model.info));
  return model;
}

}  // namespace

const Family& static_embedding_family() {
  static constexpr ModelType kModelTypes[] = {
      {.name = "static_embedding", .base_prefix = "embedding."},
      {.name = "model2vec", .base_prefix = "embedding."}};
  static const Family family = {"static_embedding", kModelTypes, build_static_embedding};
  return family;
}

}  // namespace lanewise::converters

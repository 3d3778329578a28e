#include <algorithm>
#include <cmath>
#include <optional>

#include "lanewise/status_macros.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/answering.hpp"

namespace lanewise::serve {
namespace {

// How far from 1 the length of a vector that the model has normalised may be, in f32.
constexpr double kNormalizedLength = 1e-4;

/// What the requests for embeddings of text-embeddings-inference have in common.
struct TeiTexts {
  std::string model;
  TextInputs inputs;
  EmbedChoice choice;
  Truncation truncation;
};

/// Reads all but `inputs`.
TeiTexts read_choice(Fields& fields) {
  TeiTexts read;
  read.model = fields.text("model").value_or("");
  read.choice.prompt = fields.text("prompt_name");
  read.truncation.allowed = fields.flag("truncate").value_or(false);
  static_cast<void>(fields.choice("truncation_direction", {"Right", "right"}));
  return read;
}

TeiTexts read_texts(Fields& fields, const Served& served) {
  TeiTexts read = read_choice(fields);
  read.inputs = fields.inputs("inputs", served.limits->texts);
  if (!read.inputs.ids.empty()) fields.fail("inputs", "token ids are not supported here");
  return read;
}

double length_of(std::span<const float> vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * value;
  return std::sqrt(squares);
}

/// Vectors that the model has normalised keep their bits.
void normalize_vector(std::vector<float>& vector) {
  const double length = length_of(vector);
  if (length == 0.0 || std::abs(length - 1.0) < kNormalizedLength) return;
  for (float& value : vector) value = static_cast<float>(value / length);
}

/// As sentence-transformers' cos_sim().
float cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0;
  for (size_t i = 0; i < a.size(); ++i) product += static_cast<double>(a[i]) * b[i];
  const double lengths = length_of(a) * length_of(b);
  return static_cast<float>(lengths > 0.0 ? product / lengths : 0.0);
}

}  // namespace

Reply tei_embed(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    TeiTexts read = read_texts(fields, served);
    read.choice.dimension = fields.integer("dimensions", 1, 1 << 20).value_or(0);
    const bool normalize = fields.flag("normalize").value_or(true);
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    const auto embed = [&](ServedModel& model) -> Result<std::vector<TextVector>> {
      if (!normalize && model.texts().normalizes()) {
        return invalid_argument("normalize: the model itself normalises its vectors");
      }
      return model.texts().embed(read.inputs.texts, read.choice, read.truncation, exchange);
    };
    LANEWISE_ASSIGN_OR_RETURN(std::vector<TextVector> vectors,
                              on_model(served, exchange, read.model, embed));
    JsonWriter json;
    json.begin_array();
    for (TextVector& vector : vectors) {
      if (normalize) normalize_vector(vector.values);
      json.numbers(vector.values);
    }
    return json_reply(json.end_array().take());
  });
}

Reply tei_embed_sparse(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    const TeiTexts read = read_texts(fields, served);
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const std::vector<SparseEmbedding> found,
                              on_model(served, exchange, read.model, [&](ServedModel& model) {
                                return model.texts().embed_sparse(read.inputs.texts, read.choice,
                                                                  read.truncation, exchange);
                              }));
    JsonWriter json;
    json.begin_array();
    for (const SparseEmbedding& embedding : found) {
      json.begin_array();
      for (const TokenWeight& weight : embedding.weights) {
        json.begin_object().key("index").integer(weight.id);
        json.key("value").number(weight.weight).end_object();
      }
      json.end_array();
    }
    return json_reply(json.end_array().take());
  });
}

Reply tei_embed_all(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    const TeiTexts read = read_texts(fields, served);
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const std::vector<TokenEmbedding> found,
                              on_model(served, exchange, read.model, [&](ServedModel& model) {
                                return model.texts().embed_tokens(read.inputs.texts, read.choice,
                                                                  read.truncation, exchange);
                              }));
    JsonWriter json;
    json.begin_array();
    for (const TokenEmbedding& text : found) {
      json.begin_array();
      for (int64_t i = 0; i < text.count; ++i) json.numbers(text[i]);
      json.end_array();
    }
    return json_reply(json.end_array().take());
  });
}

Reply tei_similarity(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    TeiTexts read;
    const std::string name = fields.text("model").value_or("");
    std::vector<std::string> texts;
    std::optional<Fields> inputs = fields.object("inputs");
    if (!inputs) {
      fields.fail("inputs", "expected an object with source_sentence and sentences");
    } else {
      texts = inputs->required_texts("sentences", served.limits->texts);
      texts.insert(texts.begin(), inputs->required_text("source_sentence"));
      LANEWISE_RETURN_IF_ERROR(inputs->finish());
    }
    if (std::optional<Fields> parameters = fields.object("parameters")) {
      read = read_choice(*parameters);
      LANEWISE_RETURN_IF_ERROR(parameters->finish());
    }
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const std::vector<TextVector> vectors,
                              on_model(served, exchange, name, [&](ServedModel& model) {
                                return model.texts().embed(texts, read.choice, read.truncation,
                                                           exchange);
                              }));
    JsonWriter json;
    json.begin_array();
    for (size_t i = 1; i < vectors.size(); ++i) {
      json.number(cosine(vectors[0].values, vectors[i].values));
    }
    return json_reply(json.end_array().take());
  });
}

}  // namespace lanewise::serve

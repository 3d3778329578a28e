#include <cmath>

#include "lanewise/status_macros.hpp"
#include "serve/abilities.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/answering.hpp"

namespace lanewise::serve {
namespace {

/// What text-embeddings-inference makes of the score of a pair: the logit where `raw`, else its
/// sigmoid. The library gives the score that the checkpoint asks for, of which the logit cannot be
/// computed exactly.
Result<bool> applies_sigmoid(const ModelInfo& info, bool raw) {
  if (info.task != "text-classification") return false;  // similarities
  const bool has_sigmoid = info.head.ranking == ScoreFunction::kSigmoid;
  if (has_sigmoid && raw) {
    return invalid_argument("raw_scores: not supported, this model's own scores are sigmoids");
  }
  return !has_sigmoid && !raw;
}

float sigmoid_of(float logit) {
  return static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))));
}

/// The name of the model that is best made for ranking; empty if none is.
std::string best_ranker(const Served& served, Exchange& exchange) {
  std::string best;
  int best_place = 0;
  for (const auto& slot : served.models->all()) {
    const Result<std::shared_ptr<ServedModel>> model = slot->get(exchange);
    if (!model.ok() || !(*model)->tokenizer().ok()) continue;
    const int place = ranking_place((*model)->info());
    if (place == 0 || (best_place > 0 && place >= best_place)) continue;
    best = slot->name();
    best_place = place;
  }
  return best;
}

struct Ranking {
  std::vector<RankedText> texts;
  bool sigmoid = false;
};

std::string rerank_json(const Ranking& ranking, const std::vector<std::string>& texts,
                        bool return_text) {
  JsonWriter json;
  json.begin_array();
  for (const RankedText& ranked : ranking.texts) {
    json.begin_object().key("index").integer(ranked.index);
    if (return_text) json.key("text").string(texts[static_cast<size_t>(ranked.index)]);
    json.key("score").number(ranking.sigmoid ? sigmoid_of(ranked.score) : ranked.score);
    json.end_object();
  }
  return json.end_array().take();
}

struct Prediction {
  std::vector<Classification> found;
  std::vector<std::string> labels;
};

void append_prediction(JsonWriter& json, const Classification& one,
                       const std::vector<std::string>& labels) {
  json.begin_array();
  for (const LabelScore& label : one.labels) {
    json.begin_object().key("score").number(label.score);
    json.key("label").string(labels[static_cast<size_t>(label.label)]).end_object();
  }
  json.end_array();
}

Result<Prediction> predict_with(ServedModel& model, const std::vector<TextOrPair>& texts, bool raw,
                                const Truncation& truncation, Exchange& exchange) {
  Prediction prediction;
  LANEWISE_ASSIGN_OR_RETURN(prediction.labels, model.texts().labels());
  if (raw && model.info().head.scores != ScoreFunction::kNone) {
    return invalid_argument("raw_scores: not supported, this model's own scores are probabilities");
  }
  LANEWISE_ASSIGN_OR_RETURN(prediction.found, model.texts().classify(texts, truncation, exchange));
  return prediction;
}

}  // namespace

Reply tei_rerank(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    std::string name = fields.text("model").value_or("");
    RankQuery query;
    query.query = fields.required_text("query");
    query.texts = fields.required_texts("texts", served.limits->texts);
    const bool raw = fields.flag("raw_scores").value_or(false);
    const bool return_text = fields.flag("return_text").value_or(false);
    const Truncation truncation{.allowed = fields.flag("truncate").value_or(false),
                                .field = "texts"};
    static_cast<void>(fields.choice("truncation_direction", {"Right", "right"}));
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    if (name.empty()) name = best_ranker(served, exchange);
    const auto rank = [&](ServedModel& model) -> Result<Ranking> {
      Ranking ranking;
      LANEWISE_ASSIGN_OR_RETURN(ranking.sigmoid, applies_sigmoid(model.info(), raw));
      LANEWISE_ASSIGN_OR_RETURN(ranking.texts, model.texts().rank(query, truncation, exchange));
      return ranking;
    };
    LANEWISE_ASSIGN_OR_RETURN(const Ranking ranking, on_model(served, exchange, name, rank));
    return json_reply(rerank_json(ranking, query.texts, return_text));
  });
}

Reply tei_predict(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    const std::string name = fields.text("model").value_or("");
    bool single = false;
    std::vector<TextOrPair> texts;
    for (std::vector<std::string>& one :
         fields.texts_or_pairs("inputs", served.limits->texts, single)) {
      TextOrPair item{.first = std::move(one.front())};
      if (one.size() > 1) item.second = std::move(one.back());
      if (item.first.empty() && !item.second) fields.fail("inputs", "a text is empty");
      texts.push_back(std::move(item));
    }
    const bool raw = fields.flag("raw_scores").value_or(false);
    const Truncation truncation{.allowed = fields.flag("truncate").value_or(false)};
    static_cast<void>(fields.choice("truncation_direction", {"Right", "right"}));
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const Prediction prediction,
                              on_model(served, exchange, name, [&](ServedModel& model) {
                                return predict_with(model, texts, raw, truncation, exchange);
                              }));
    JsonWriter json;
    if (!single) json.begin_array();
    for (const Classification& one : prediction.found) {
      append_prediction(json, one, prediction.labels);
    }
    if (!single) json.end_array();
    return json_reply(json.take());
  });
}

}  // namespace lanewise::serve

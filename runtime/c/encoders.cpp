// Embeddings, labels and scores of texts.

#include <algorithm>

#include "runtime/c/calls.hpp"
#include "runtime/c/handles.hpp"

using lanewise::Status;
using lanewise::c::call;
using lanewise::c::check_given;
using lanewise::c::run_of;
using lanewise::c::session_options;
using lanewise::c::views;

extern "C" {

lw_status lw_embedder_create(const lw_model* model, const lw_session_options* options,
                             lw_embedder** embedder) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"model", model}, {"embedder", embedder}}));
    LW_ASSIGN_OR_RETURN(const auto session, session_options(options));
    return lanewise::c::hand_over(lanewise::Embedder::create(model->model, session), embedder);
  });
}

void lw_embedder_free(lw_embedder* embedder) { delete embedder; }

size_t lw_embedder_dimension(const lw_embedder* embedder) {
  return embedder == nullptr ? 0 : static_cast<size_t>(embedder->embedder.dimension());
}

lw_status lw_embedder_set_prompt(lw_embedder* embedder, const char* name) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"embedder", embedder}, {"name", name}}));
    return embedder->embedder.set_prompt(name);
  });
}

lw_status lw_embed(lw_embedder* embedder, const char* const* texts, size_t count,
                   const lw_run_options* options, float* vectors, int32_t* tokens) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"embedder", embedder}}));
    if (count > 0) LW_RETURN_IF_ERROR(check_given({{"vectors", vectors}}));
    LW_ASSIGN_OR_RETURN(const auto all, views(texts, count));
    LW_ASSIGN_OR_RETURN(const auto run, run_of(options));
    LW_ASSIGN_OR_RETURN(const auto result,
                        embedder->embedder.embed(all, run.options, run.progress));
    std::copy(result.values.begin(), result.values.end(), vectors);
    if (tokens != nullptr) std::copy(result.tokens.begin(), result.tokens.end(), tokens);
    return {};
  });
}

lw_status lw_classifier_create(const lw_model* model, const lw_session_options* options,
                               lw_classifier** classifier) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"model", model}, {"classifier", classifier}}));
    LW_ASSIGN_OR_RETURN(const auto session, session_options(options));
    return lanewise::c::hand_over(lanewise::Classifier::create(model->model, session), classifier);
  });
}

void lw_classifier_free(lw_classifier* classifier) { delete classifier; }

size_t lw_classifier_labels(const lw_classifier* classifier) {
  return classifier == nullptr ? 0 : classifier->classifier.labels().size();
}

const char* lw_classifier_label(const lw_classifier* classifier, size_t label) {
  if (label >= lw_classifier_labels(classifier)) return nullptr;
  return classifier->classifier.labels()[label].c_str();
}

lw_status lw_classify(lw_classifier* classifier, const char* const* texts, size_t count,
                      const lw_run_options* options, float* scores) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"classifier", classifier}}));
    if (count > 0) LW_RETURN_IF_ERROR(check_given({{"scores", scores}}));
    LW_ASSIGN_OR_RETURN(const auto all, views(texts, count));
    LW_ASSIGN_OR_RETURN(const auto run, run_of(options));
    LW_ASSIGN_OR_RETURN(const auto result,
                        classifier->classifier.classify(all, run.options, run.progress));
    const size_t labels = classifier->classifier.labels().size();
    for (size_t text = 0; text < count; ++text) {
      for (const lanewise::LabelScore& score : result[text].labels) {
        scores[text * labels + static_cast<size_t>(score.label)] = score.score;
      }
    }
    return {};
  });
}

lw_status lw_reranker_create(const lw_model* model, const lw_session_options* options,
                             lw_reranker** reranker) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"model", model}, {"reranker", reranker}}));
    LW_ASSIGN_OR_RETURN(const auto session, session_options(options));
    return lanewise::c::hand_over(lanewise::Reranker::create(model->model, session), reranker);
  });
}

void lw_reranker_free(lw_reranker* reranker) { delete reranker; }

lw_status lw_rerank(lw_reranker* reranker, const char* query, const char* const* texts,
                    size_t count, const lw_run_options* options, float* scores) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"reranker", reranker}, {"query", query}}));
    if (count > 0) LW_RETURN_IF_ERROR(check_given({{"scores", scores}}));
    LW_ASSIGN_OR_RETURN(const auto all, views(texts, count));
    LW_ASSIGN_OR_RETURN(const auto run, run_of(options));
    LW_ASSIGN_OR_RETURN(const auto result,
                        reranker->reranker.rank(query, all, run.options, run.progress));
    for (const lanewise::RankedText& text : result) scores[text.index] = text.score;
    return {};
  });
}

}  // extern "C"

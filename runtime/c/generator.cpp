// Texts from texts.

#include <string>

#include "runtime/c/calls.hpp"
#include "runtime/c/handles.hpp"

namespace lanewise::c {
namespace {

Result<GenerationOptions> generation_options(const Model& model,
                                             const lw_generation_options* given) {
  GenerationOptions options = model.info().generation;
  if (given == nullptr) return options;
  LW_ASSIGN_OR_RETURN(const auto read, read_options("lw_generation_options", given));
  options.max_new_tokens = read.max_new_tokens;
  options.min_new_tokens = read.min_new_tokens;
  options.beams = read.beams;
  options.num_return_sequences = read.sequences;
  options.temperature = read.temperature;
  options.top_k = read.top_k;
  options.top_p = read.top_p;
  options.repetition_penalty = read.repetition_penalty;
  options.seed = read.seed;
  LW_ASSIGN_OR_RETURN(const auto stops, views(read.stop_strings, read.stop_string_count));
  options.stop_strings.insert(options.stop_strings.end(), stops.begin(), stops.end());
  if (read.target_language != nullptr) {
    LW_ASSIGN_OR_RETURN(options.forced_bos_token_id, language_token(model, read.target_language));
  }
  return options;
}

void write_defaults(const GenerationOptions& options, lw_generation_options& written) {
  written.max_new_tokens = options.max_new_tokens;
  written.min_new_tokens = options.min_new_tokens;
  written.beams = options.beams;
  written.sequences = options.num_return_sequences;
  written.temperature = options.temperature;
  written.top_k = options.top_k;
  written.top_p = options.top_p;
  written.repetition_penalty = options.repetition_penalty;
  written.seed = options.seed;
}

Result<TranslationCallbacks> callbacks_of(const lw_generation_options* given, const Run& run) {
  LW_ASSIGN_OR_RETURN(const auto read, read_options("lw_generation_options", given));
  TranslationCallbacks callbacks{.on_text = {}, .progress = run.progress};
  if (read.on_text == nullptr) return callbacks;
  callbacks.on_text = [read](int64_t source, std::string_view piece) {
    return read.on_text(read.context, static_cast<size_t>(source), std::string(piece).c_str()) != 0;
  };
  return callbacks;
}

const Translation* find_source(const lw_generations* results, size_t source) noexcept {
  if (results == nullptr || source >= results->sources.size()) return nullptr;
  return &results->sources[source];
}

const Hypothesis* find(const lw_generations* results, size_t source, size_t result) noexcept {
  const Translation* const found = find_source(results, source);
  return found == nullptr || result >= found->hypotheses.size() ? nullptr
                                                                : &found->hypotheses[result];
}

}  // namespace
}  // namespace lanewise::c

using lanewise::Status;
using lanewise::c::call;
using lanewise::c::check_given;

extern "C" {

lw_status lw_generator_create(const lw_model* model, const lw_session_options* options,
                              lw_generator** generator) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"model", model}, {"generator", generator}}));
    LW_ASSIGN_OR_RETURN(const auto session, lanewise::c::session_options(options));
    LW_ASSIGN_OR_RETURN(auto translator, lanewise::Translator::create(model->model, session));
    *generator = new lw_generator{std::move(translator), model->model};
    return {};
  });
}

void lw_generator_free(lw_generator* generator) { delete generator; }

lw_status lw_generator_set_source_language(lw_generator* generator, const char* name) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"generator", generator}, {"name", name}}));
    return generator->translator.set_source_language(name);
  });
}

lw_status lw_generation_defaults(const lw_generator* generator, lw_generation_options* options) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"generator", generator}, {"options", options}}));
    LW_ASSIGN_OR_RETURN(auto read, lanewise::c::read_options("lw_generation_options", options));
    lanewise::c::write_defaults(generator->model.info().generation, read);
    std::memcpy(options, &read, std::min(read.size, sizeof(read)));
    return {};
  });
}

lw_status lw_generate(lw_generator* generator, const char* const* texts, size_t count,
                      const lw_generation_options* options, const lw_run_options* run,
                      lw_generations** results) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"generator", generator}, {"results", results}}));
    LW_ASSIGN_OR_RETURN(const auto all, lanewise::c::views(texts, count));
    LW_ASSIGN_OR_RETURN(const auto search,
                        lanewise::c::generation_options(generator->model, options));
    LW_ASSIGN_OR_RETURN(const auto how, lanewise::c::run_of(run));
    LW_ASSIGN_OR_RETURN(const auto callbacks, lanewise::c::callbacks_of(options, how));
    return lanewise::c::hand_over(
        generator->translator.translate(all, search, callbacks, how.options), results);
  });
}

void lw_generations_free(lw_generations* results) { delete results; }

size_t lw_generations_count(const lw_generations* results, size_t source) {
  const lanewise::Translation* const found = lanewise::c::find_source(results, source);
  return found == nullptr ? 0 : found->hypotheses.size();
}

const char* lw_generations_text(const lw_generations* results, size_t source, size_t result) {
  if (lanewise::c::find(results, source, result) == nullptr) return nullptr;
  return results->sources[source].texts[result].c_str();
}

float lw_generations_score(const lw_generations* results, size_t source, size_t result) {
  const lanewise::Hypothesis* const found = lanewise::c::find(results, source, result);
  return found == nullptr ? 0.0F : found->score;
}

lw_finish lw_generations_finish(const lw_generations* results, size_t source, size_t result) {
  const lanewise::Hypothesis* const found = lanewise::c::find(results, source, result);
  if (found == nullptr) return LW_FINISH_EOS;
  switch (found->finish_reason) {
    case lanewise::FinishReason::kEos:
      return LW_FINISH_EOS;
    case lanewise::FinishReason::kLength:
      return LW_FINISH_LENGTH;
    case lanewise::FinishReason::kStop:
      return LW_FINISH_STOP;
    case lanewise::FinishReason::kCancelled:
      break;
  }
  return LW_FINISH_CANCELLED;
}

const int32_t* lw_generations_ids(const lw_generations* results, size_t source, size_t result,
                                  size_t* count) {
  const lanewise::Hypothesis* const found = lanewise::c::find(results, source, result);
  if (count != nullptr) *count = found == nullptr ? 0 : found->ids.size();
  return found == nullptr ? nullptr : found->ids.data();
}

}  // extern "C"

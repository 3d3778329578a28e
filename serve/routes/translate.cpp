#include <utility>

#include "lanewise/sources.hpp"
#include "lanewise/status_macros.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/answering.hpp"

namespace lanewise::serve {
namespace {

/// What `parameters` say.
struct TranslateFields {
  std::string source_language;
  std::string target_language;
  int64_t beams = 0;           // 0: the model's
  int64_t max_new_tokens = 0;  // 0: the model's

  /// Equal for equal fields only: a language has no line end.
  std::string key() const {
    return source_language + "\n" + target_language + "\n" + std::to_string(beams) + "\n" +
           std::to_string(max_new_tokens);
  }
};

TranslateFields read_parameters(Fields& parameters, const Limits& limits) {
  TranslateFields read;
  read.source_language = parameters.text("src_lang").value_or("");
  read.target_language = parameters.text("tgt_lang").value_or("");
  read.beams = parameters.integer("num_beams", 1, kMaxBeams).value_or(0);
  read.max_new_tokens = parameters.integer("max_new_tokens", 1, limits.tokens).value_or(0);
  for (const std::string* language : {&read.source_language, &read.target_language}) {
    if (language->find('\n') != std::string::npos) {
      parameters.fail(language == &read.source_language ? "src_lang" : "tgt_lang",
                      "expected a language, found a line end");
    }
  }
  return read;
}

Result<TranslationChoice> choice_of(const ServedModel& model, const TranslateFields& read) {
  TranslationChoice choice{.options = model.info().generation,
                           .source_language = read.source_language};
  GenerationOptions& options = choice.options;
  if (read.beams > 0) {
    override_unsupported(
        options, std::vector<std::string_view>{"num_beams", "do_sample", "num_return_sequences"});
    options.beams = static_cast<int>(read.beams);
    options.temperature = 0.0;
  }
  options.num_return_sequences = 1;
  if (read.max_new_tokens > 0) options.max_new_tokens = read.max_new_tokens;
  if (!read.target_language.empty()) {
    auto token = model.language(read.target_language);
    if (!token.ok()) return token.status().with_context("parameters.tgt_lang");
    options.forced_bos_token_id = *token;
  }
  return choice;
}

Result<int64_t> count_sources(const ServedModel& model, const std::vector<std::string>& texts,
                              const std::string& language) {
  LANEWISE_ASSIGN_OR_RETURN(Tokenizer tokenizer, model.tokenizer());
  if (!language.empty()) {
    auto other = tokenizer.for_language(language);
    if (!other.ok()) return other.status().with_context("parameters.src_lang");
    tokenizer = *other;
  }
  int64_t tokens = 0;
  for (const std::string& text : texts) {
    const auto source = source_of_text(tokenizer, text, model.info());
    if (!source.ok()) return source.status().with_context("inputs");
    tokens += static_cast<int64_t>(source->ids.size());
  }
  return tokens;
}

Result<std::vector<Translation>> translate_with(ServedModel& model,
                                                const std::vector<std::string>& texts,
                                                const TranslateFields& read, const Limits& limits,
                                                Exchange& exchange) {
  LANEWISE_ASSIGN_OR_RETURN(TranslationWork* const work, model.translation());
  LANEWISE_ASSIGN_OR_RETURN(TranslationChoice choice, choice_of(model, read));
  LANEWISE_ASSIGN_OR_RETURN(exchange.prompt_tokens,
                            count_sources(model, texts, read.source_language));
  if (exchange.prompt_tokens > limits.tokens) {
    return invalid_argument("inputs: the texts have " + std::to_string(exchange.prompt_tokens) +
                            " tokens, at most " + std::to_string(limits.tokens) +
                            " are allowed in a request");
  }
  return work->translate(texts, std::move(choice), read.key(), exchange.prompt_tokens, exchange);
}

}  // namespace

Reply translate(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    const std::string name = fields.text("model").value_or("");
    const TextInputs inputs = fields.inputs("inputs", served.limits->texts);
    if (!inputs.ids.empty()) fields.fail("inputs", "token ids are not supported here");
    TranslateFields read;
    if (std::optional<Fields> parameters = fields.object("parameters")) {
      read = read_parameters(*parameters, *served.limits);
      LANEWISE_RETURN_IF_ERROR(parameters->finish());
    }
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const std::vector<Translation> found,
                              on_model(served, exchange, name, [&](ServedModel& model) {
                                return translate_with(model, inputs.texts, read, *served.limits,
                                                      exchange);
                              }));
    JsonWriter json;
    json.begin_array();
    for (const Translation& one : found) {
      exchange.generated_tokens += static_cast<int64_t>(one.hypotheses.front().ids.size());
      json.begin_object().key("translation_text").string(one.texts.front()).end_object();
    }
    return json_reply(json.end_array().take());
  });
}

}  // namespace lanewise::serve

#include "converters/opened_checkpoint.hpp"

#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/check_tensors.hpp"
#include "converters/convert_options.hpp"
#include "converters/generation_config.hpp"
#include "converters/pack/kept_weights.hpp"
#include "converters/tokenizers/folder_chat_templates.hpp"
#include "converters/tokenizers/folder_tokenizer.hpp"
#include "converters/tokenizers/lowercase_first.hpp"
#include "converters/unread_tensors.hpp"
#include "runtime/graph/passes/passes.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::converters {
namespace {

void report_surplus(const text::Tokenizer& tokenizer, int64_t vocabulary, const char* name,
                    const Report& report) {
  if (tokenizer.vocabulary_size() <= vocabulary) return;
  report(std::string("the ") + name + " knows " + std::to_string(tokenizer.vocabulary_size()) +
         " tokens, the model only " + std::to_string(vocabulary));
}

/// The tokenizer's JSON for a model file.
Result<std::string> checked_json(const std::string& made, int64_t vocabulary, const char* name,
                                 const Opened& opened) {
  if (made.empty()) return made;
  const auto tokenizer = text::parse_tokenizer(made);
  if (!tokenizer.ok()) {
    return tokenizer.status().with_context(base::in_quotes(opened.source.folder.root()) + ": " +
                                           name);
  }
  report_surplus(**tokenizer, vocabulary, name, opened.report);
  return (*tokenizer)->to_json();
}

}  // namespace

Result<Opened> open_checkpoint(const std::string& path, const ConvertOptions& options) {
  LW_RETURN_IF_ERROR(check_options(options));
  LW_ASSIGN_OR_RETURN(Source source, open_source(path, {.config = options.config,
                                                        .base = options.base,
                                                        .read = {options.ema, options.limits}}));
  if (!options.as.empty() && !source.family->has_encoder_form) {
    return unsupported("as " + base::in_quotes(options.as) + ": not supported for " +
                       std::string(source.family->name));
  }
  Report report = options.report ? options.report : [](std::string_view) {};
  for (const std::string& note : source.checkpoint->notes()) report(note);
  for (const std::string& warning : source.warnings) {
    (options.warn ? options.warn : report)(warning);
  }
  Result<FamilyModel> built = source.family->build({.config = source.config,
                                                    .checkpoint = *source.checkpoint,
                                                    .folder = source.folder,
                                                    .subfolder = source.subfolder,
                                                    .report = report,
                                                    .config_folder = source.config_folder,
                                                    .family = source.family,
                                                    .encoder_alone = !options.as.empty()});
  const std::vector<std::string> misses = source.config.near_misses(is_generation_field);
  if (!built.ok() && !misses.empty()) {
    return Status(built.status().code(), built.status().message() + "; " + misses.front());
  }
  LW_ASSIGN_OR_RETURN(FamilyModel model, std::move(built));
  for (const std::string& miss : misses) report(miss);
  const Status checked = check_tensors(model, *source.checkpoint);
  if (!checked.ok()) return checked.with_context(base::in_quotes(path));
  LW_RETURN_IF_ERROR(graph::validate(model.graph));
  if (model.strict) {
    const Status read = check_unread(model, *source.checkpoint, source.config, report);
    if (!read.ok()) return read.with_context(base::in_quotes(path));
  }
  report_unused(model, *source.checkpoint, report);
  const bool keep = options.weights == kKeep || (options.weights.empty() && source.keeps_weights);
  return Opened{std::move(source), std::move(model), std::move(report), keep};
}

Result<std::string> tokenizer_json(Opened& opened) {
  FamilyModel& model = opened.model;
  Source& source = opened.source;
  if (model.tokenizer.empty()) {
    LW_ASSIGN_OR_RETURN(model.tokenizer,
                        folder_tokenizer_text(source.folder, source.subfolder, source.config));
  }
  LW_ASSIGN_OR_RETURN(model.tokenizer, checked_json(model.tokenizer, model.info.vocabulary_size,
                                                    "tokenizer", opened));
  LW_ASSIGN_OR_RETURN(model.target_tokenizer,
                      checked_json(model.target_tokenizer, model.info.target_vocabulary_size,
                                   "target tokenizer", opened));
  if (model.tokenizer.empty()) {
    opened.report(
        "no tokenizer.json, vocab.txt, vocab.json with merges.txt or SentencePiece model: the "
        "model takes token ids, not texts");
    return std::string();
  }
  return model.lowercase_texts ? lowercase_first(model.tokenizer)
                               : Result<std::string>(model.tokenizer);
}

Result<std::string> chat_template_json(Opened& opened) {
  if (!opened.model.chat_template.empty()) return opened.model.chat_template;
  Source& source = opened.source;
  LW_ASSIGN_OR_RETURN(
      const chat::StoredTemplates stored,
      folder_chat_templates(source.folder, source.subfolder, source.config, opened.report));
  return chat::to_json(stored);
}

graph::Graph optimized(const Opened& opened) {
  const auto may_stack = [&](const std::vector<std::string>& weights) {
    return keep_alike(*opened.source.checkpoint, opened.model.parts, weights);
  };
  return graph::optimize(graph::Graph(opened.model.graph),
                         opened.keep ? graph::MayStack(may_stack) : graph::MayStack());
}

}  // namespace lanewise::converters

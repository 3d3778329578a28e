#include "lanewise/translator.hpp"

#include <optional>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/language_token.hpp"
#include "runtime/tasks/source_ids.hpp"
#include "runtime/tasks/source_language.hpp"
#include "runtime/tasks/text_stream.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise {

class Translator::Impl {
 public:
  /// The tokenizers belong to `model`.
  Impl(Model model, const text::Tokenizer& source, const text::Tokenizer& target,
       Generator generator)
      : model_(std::move(model)),
        source_(source),
        target_(target),
        generator_(std::move(generator)) {}

  Status set_source_language(std::string_view name) {
    if (name.empty()) {
      source_language_.reset();
      return {};
    }
    LW_ASSIGN_OR_RETURN(source_language_, tasks::source_language(source_, name));
    return {};
  }

  Result<std::vector<Translation>> translate(std::span<const std::string_view> texts,
                                             const GenerationOptions& options,
                                             const TranslationCallbacks& callbacks,
                                             const RunOptions& run,
                                             std::span<const Constraint> constraints) {
    std::vector<std::vector<int32_t>> sources;
    for (const std::string_view text : texts) {
      Result<Source> source = tasks::source_ids(source_, text, model_.info(), source_language_);
      if (!source.ok()) {
        return source.status().with_context("text " + std::to_string(sources.size() + 1));
      }
      sources.push_back(std::move(source->ids));
    }
    LW_ASSIGN_OR_RETURN(std::vector<Generation> generations,
                        generate(sources, options, callbacks, run, constraints));
    std::vector<Translation> translations;
    for (size_t i = 0; i < generations.size(); ++i) {
      Translation translation{.texts = {}, .hypotheses = std::move(generations[i].hypotheses)};
      for (const Hypothesis& hypothesis : translation.hypotheses) {
        LW_ASSIGN_OR_RETURN(std::string text,
                            tasks::text_after(target_, prompt_of(sources[i]), hypothesis.ids));
        text.resize(text_before_stop(text, options.stop_strings).size());
        translation.texts.push_back(std::move(text));
      }
      translations.push_back(std::move(translation));
    }
    return translations;
  }

 private:
  /// What the generated tokens continue.
  std::span<const int32_t> prompt_of(const std::vector<int32_t>& source) const {
    const bool has_encoder = model_.info().target_vocabulary_size > 0;
    return has_encoder ? std::span<const int32_t>() : source;
  }

  Result<std::vector<Generation>> generate(std::span<const std::vector<int32_t>> sources,
                                           const GenerationOptions& options,
                                           const TranslationCallbacks& callbacks,
                                           const RunOptions& run,
                                           std::span<const Constraint> constraints) {
    GenerationCallbacks inner;
    inner.progress = callbacks.progress;
    std::vector<Stream> streams;
    Status streamed;
    if (callbacks.on_text) {
      streams.assign(sources.size(), {tasks::TextStream(target_, options.stop_strings)});
      for (size_t i = 0; i < sources.size(); ++i) {
        LW_RETURN_IF_ERROR(streams[i].text.start_after(prompt_of(sources[i])));
      }
      inner.on_token = [&](int64_t source, int32_t token) {
        Stream& stream = streams[static_cast<size_t>(source)];
        const auto piece = stream.text.add(token);
        if (!piece.ok()) streamed = piece.status();
        stream.goes_on = piece.ok() && (piece->empty() || callbacks.on_text(source, *piece));
        return stream.goes_on;
      };
    }
    auto generations = generator_.generate(sources, options, inner, run, constraints);
    for (size_t i = 0; generations.ok() && i < streams.size(); ++i) {
      if (!streams[i].goes_on) continue;
      LW_ASSIGN_OR_RETURN(const std::string_view rest, streams[i].text.finish());
      if (!rest.empty()) callbacks.on_text(static_cast<int64_t>(i), rest);
    }
    if (!streamed.ok()) return streamed;
    return generations;
  }

  /// The text of one source, for a caller who still wants it.
  struct Stream {
    tasks::TextStream text;
    bool goes_on = false;
  };

  Model model_;
  const text::Tokenizer& source_;
  const text::Tokenizer& target_;
  Generator generator_;
  std::optional<tasks::SourceLanguage> source_language_;
};

Result<Translator> Translator::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Translator> {
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* source, model.data().open_tokenizer());
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* target, model.data().open_target_tokenizer());
    if (source == nullptr || target == nullptr) {
      return unsupported("the model has no tokenizer; it generates from token ids only");
    }
    LW_ASSIGN_OR_RETURN(Generator generator, Generator::create(model, options));
    return Translator(std::make_unique<Impl>(model, *source, *target, std::move(generator)));
  });
}

Translator::Translator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Translator::Translator(Translator&&) noexcept = default;
Translator& Translator::operator=(Translator&&) noexcept = default;
Translator::~Translator() = default;

Status Translator::set_source_language(std::string_view name) {
  return base::no_throw([&] { return impl_->set_source_language(name); });
}

Result<std::vector<Translation>> Translator::translate(std::span<const std::string_view> texts,
                                                       const GenerationOptions& options,
                                                       const TranslationCallbacks& callbacks,
                                                       const RunOptions& run,
                                                       std::span<const Constraint> constraints) {
  return base::no_throw(
      [&] { return impl_->translate(texts, options, callbacks, run, constraints); });
}

Result<int32_t> language_token(const Model& model, std::string_view name) {
  return base::no_throw([&]() -> Result<int32_t> {
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* target, model.data().open_target_tokenizer());
    if (target == nullptr) return unsupported("the model has no tokenizer to look languages up in");
    return tasks::language_token(*target, name);
  });
}

}  // namespace lanewise

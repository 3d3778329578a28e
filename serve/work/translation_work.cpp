#include "serve/work/translation_work.hpp"

#include <utility>

#include "lanewise/status_macros.hpp"
#include "serve/work/item_batcher.hpp"

namespace lanewise::serve {

class TranslationWork::Impl {
 public:
  Impl(Translator translator, const BatchLimits& limits)
      : translator_(std::move(translator)),
        batcher_([this](const auto& texts, const TranslationChoice& choice,
                        const RunOptions& run) { return compute(texts, choice, run); },
                 limits) {}

  ItemBatcher<std::string, TranslationChoice, Translation>& batcher() { return batcher_; }

 private:
  Result<std::vector<Translation>> compute(const std::vector<const std::string*>& texts,
                                           const TranslationChoice& choice, const RunOptions& run) {
    LANEWISE_RETURN_IF_ERROR(translator_.set_source_language(choice.source_language)
                                 .with_context("parameters.src_lang"));
    std::vector<std::string_view> views;
    views.reserve(texts.size());
    for (const std::string* text : texts) views.emplace_back(*text);
    return translator_.translate(views, choice.options, {}, run);
  }

  Translator translator_;
  ItemBatcher<std::string, TranslationChoice, Translation> batcher_;
};

Result<std::unique_ptr<TranslationWork>> TranslationWork::create(const Model& model,
                                                                 const SessionOptions& session,
                                                                 const BatchLimits& limits) {
  if (model.info().target_vocabulary_size == 0) {
    return unsupported("the model, " + model.info().family + " for " + model.info().task +
                       ", does not translate: it has no encoder and decoder");
  }
  LANEWISE_ASSIGN_OR_RETURN(Translator translator, Translator::create(model, session));
  return std::unique_ptr<TranslationWork>(
      new TranslationWork(std::make_unique<Impl>(std::move(translator), limits)));
}

TranslationWork::TranslationWork(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TranslationWork::~TranslationWork() = default;

Result<std::vector<Translation>> TranslationWork::translate(std::vector<std::string> texts,
                                                            TranslationChoice choice,
                                                            const std::string& key, int64_t tokens,
                                                            Exchange& exchange) {
  return impl_->batcher().run(std::move(texts), std::move(choice), key, tokens, exchange);
}

BatchStats TranslationWork::stats() const { return impl_->batcher().stats(); }

}  // namespace lanewise::serve

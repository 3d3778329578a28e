#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lanewise/chat.hpp"
#include "lanewise/model.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/limits.hpp"
#include "serve/work/generation_work.hpp"
#include "serve/work/lazy.hpp"
#include "serve/work/text_work.hpp"
#include "serve/work/translation_work.hpp"

namespace lanewise::serve {

int64_t seconds_since_1970();

/// A model under a name, and the work on it. Each kind of work starts at the first request for it.
/// All calls are thread-safe.
class ServedModel {
 public:
  ServedModel(std::string name, Model model, const SessionOptions& session, const Limits& limits);

  const std::string& name() const noexcept { return name_; }
  const ModelInfo& info() const noexcept { return model_.info(); }
  int64_t created() const noexcept { return created_; }  ///< seconds since 1970, when it was opened

  TextWork& texts() noexcept { return texts_; }
  Result<GenerationWork*> generation();
  Result<TranslationWork*> translation();
  Result<Tokenizer> tokenizer() const { return Tokenizer::of(model_); }
  Result<ChatTemplate*> chat_template();
  Result<int32_t> language(std::string_view language) const;

  /// Of texts and translations.
  BatchStats batch_stats() const;
  EngineStats engine_stats() const;

 private:
  const std::string name_;
  const Model model_;
  const SessionOptions session_;
  const BatchLimits limits_;
  const int64_t created_;
  TextWork texts_;
  Lazy<GenerationWork> generation_;
  Lazy<TranslationWork> translation_;
  Lazy<ChatTemplate> template_;
};

}  // namespace lanewise::serve

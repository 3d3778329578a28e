#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/translator.hpp"
#include "serve/work/batcher.hpp"

namespace lanewise::serve {

/// What a request for translations says beside its texts.
struct TranslationChoice {
  GenerationOptions options;    ///< a copy of ModelInfo::generation, changed
  std::string source_language;  ///< empty: the model's own
};

/// Translates with a model that has an encoder and a decoder. Texts of requests whose `key` is equal
/// are translated together. All calls are thread-safe.
class TranslationWork {
 public:
  /// Fails as Translator::create() does, and with kUnsupported for a decoder alone.
  static Result<std::unique_ptr<TranslationWork>> create(const Model& model,
                                                         const SessionOptions& session,
                                                         const BatchLimits& limits);
  ~TranslationWork();

  /// A translation for each text. `tokens` are those of the texts. Fails as Translator::translate()
  /// and Batcher::run() do.
  Result<std::vector<Translation>> translate(std::vector<std::string> texts,
                                             TranslationChoice choice, const std::string& key,
                                             int64_t tokens, Exchange& exchange);
  BatchStats stats() const;

 private:
  class Impl;
  explicit TranslationWork(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::serve

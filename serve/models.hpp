#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/chat.hpp"
#include "lanewise/model.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/limits.hpp"
#include "serve/work/generation_work.hpp"
#include "serve/work/lazy.hpp"
#include "serve/work/text_work.hpp"
#include "serve/work/translation_work.hpp"

namespace lanewise::serve {

/// A model under a name, and the work on it. Each kind of work starts at the first request for it.
/// All calls are thread-safe.
class ServedModel {
 public:
  ServedModel(std::string name, Model model, const SessionOptions& session, const Limits& limits);

  const std::string& name() const noexcept { return name_; }
  const ModelInfo& info() const noexcept { return model_.info(); }
  int64_t created() const noexcept { return created_; }  ///< seconds since 1970, when it was loaded

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

/// The models that are served, in the order of the command line. Immutable.
class Models {
 public:
  /// A model under a name that no other has.
  Status add(std::string name, Model model, const SessionOptions& session, const Limits& limits);

  /// The model called `name`; where it is empty the only one. kNotFound, naming it, if there is
  /// none; kInvalidArgument if there are several and the client names none.
  Result<ServedModel*> find(std::string_view name) const;
  const std::vector<std::unique_ptr<ServedModel>>& all() const noexcept { return models_; }

 private:
  std::vector<std::unique_ptr<ServedModel>> models_;
};

/// MODEL of the command line: `NAME=PATH`, or a path whose last component without its extension is
/// the name.
struct NamedPath {
  std::string name;
  std::string path;
};
NamedPath named_path(std::string_view operand);

}  // namespace lanewise::serve

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/generator.hpp"

namespace lanewise {

/// What a text became.
struct Translation {
  std::vector<std::string> texts;      ///< one for each hypothesis, best first
  std::vector<Hypothesis> hypotheses;  ///< best first, never none
};

/// Called while translating; see GenerationCallbacks. Any may be empty.
struct TranslationCallbacks {
  /// Greedy search, and sampling of one sequence: what the text has grown by.
  std::function<bool(int64_t source, std::string_view piece)> on_text{};
  /// Between batches: how many texts are done.
  std::function<void(int64_t done)> progress{};
};

/// Turns texts into texts: tokenizer, encoder, decoder with a search, tokenizer. For every model
/// that generates and has a tokenizer, whatever its texts are: translations, summaries,
/// pronunciations.
///
/// A text's result is the same alone and in any batch. Not thread-safe: one Translator a thread,
/// they share the Model.
class LANEWISE_EXPORT Translator {
 public:
  /// Fails with kUnsupported for a model without a tokenizer, and as Generator::create() does.
  static Result<Translator> create(const Model& model, const SessionOptions& options = {});

  Translator(Translator&&) noexcept;
  Translator& operator=(Translator&&) noexcept;
  ~Translator();

  /// The language of the texts from now on, for a model that is told it (M2M100, NLLB, mBART): a
  /// name as language_token() takes it. Before the first call, and with "", it is the one that the
  /// model's tokenizer was set to when it was converted.
  ///
  /// Fails with kInvalidArgument, and changes nothing, where the model has no such language or is
  /// told none.
  Status set_source_language(std::string_view name);

  /// `options` begins as a copy of ModelInfo::generation. Nothing is cut: fails with
  /// kInvalidArgument, naming the text by its number from 1, for one without tokens, with more
  /// than the model takes, that is not UTF-8 or has a token that the model does not know; and for
  /// options out of range. A run that is cancelled or late gives what there is.
  Result<std::vector<Translation>> translate(std::span<const std::string_view> texts,
                                             const GenerationOptions& options,
                                             const TranslationCallbacks& callbacks = {},
                                             const RunOptions& run = {});

 private:
  class Impl;
  explicit Translator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The token that asks a multilingual model to write the language `name`, for
/// GenerationOptions::forced_bos_token_id: the special token `name` (NLLB's `fra_Latn`), `__name__`
/// (M2M100's `__fr__`), or the only one that begins with `name_` (mBART's `fr_XX`).
///
/// Fails with kInvalidArgument, naming a few that there are, where there is none or several; with
/// kUnsupported for a model without a tokenizer.
LANEWISE_EXPORT Result<int32_t> language_token(const Model& model, std::string_view name);

}  // namespace lanewise

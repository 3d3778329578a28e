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

/// The result for one text.
struct Translation {
  std::vector<std::string> texts;      ///< one for each hypothesis
  std::vector<Hypothesis> hypotheses;  ///< best first, at least one
};

/// Called while translating; see GenerationCallbacks. Any of them may be empty.
struct TranslationCallbacks {
  /// Called with each new piece of text, in greedy search and when sampling one sequence. What was
  /// held back, because it might have become another character or a stop string, comes at the end.
  std::function<bool(int64_t source, std::string_view piece)> on_text{};
  /// Called between batches with the number of texts done so far.
  std::function<void(int64_t done)> progress{};
};

/// Generates text from text: tokenizer, encoder, decoder with a search, tokenizer. Works with every
/// model that has a decoder and a tokenizer, whether it translates, summarises or pronounces. A
/// decoder without an encoder continues its text; the result is the continuation alone.
///
/// A text's result is the same alone and in any batch. Not thread-safe: use one Translator per
/// thread; they share the Model.
class LANEWISE_EXPORT Translator {
 public:
  /// Fails with kUnsupported for a model without a tokenizer, and as Generator::create() does.
  static Result<Translator> create(const Model& model, const SessionOptions& options = {});

  Translator(Translator&&) noexcept;
  Translator& operator=(Translator&&) noexcept;
  ~Translator();

  /// Sets the language of the source texts from now on, for models that need it (M2M100, NLLB,
  /// mBART). `name` is as in language_token(). Initially, and for "", it is the language that the
  /// checkpoint's tokenizer was set to.
  ///
  /// Fails with kInvalidArgument and changes nothing if the model does not know this language, or
  /// takes no source language at all.
  Status set_source_language(std::string_view name);

  /// Translates `texts`. Start from a copy of ModelInfo::generation for `options`; `constraints` are
  /// those of Generator::generate().
  ///
  /// Texts are never truncated. Fails with kInvalidArgument if a text has no tokens, has more than
  /// the model accepts, is not UTF-8 or has a token outside the model's vocabulary, and the message
  /// gives its number, counted from 1; fails as validate() does for bad options. Cancellation and
  /// deadlines are not failures: the text generated so far is returned.
  Result<std::vector<Translation>> translate(std::span<const std::string_view> texts,
                                             const GenerationOptions& options,
                                             const TranslationCallbacks& callbacks = {},
                                             const RunOptions& run = {},
                                             std::span<const Constraint> constraints = {});

 private:
  class Impl;
  explicit Translator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Returns the token that makes a multilingual model write the language `name`, for
/// GenerationOptions::forced_bos_token_id. It is the special token `name` (NLLB's `fra_Latn`),
/// `__name__` (M2M100's `__fr__`), or the only one that starts with `name_` (mBART's `fr_XX`).
///
/// Fails with kInvalidArgument if no token or more than one matches; the message lists some. Fails
/// with kUnsupported for a model without a tokenizer.
LANEWISE_EXPORT Result<int32_t> language_token(const Model& model, std::string_view name);

}  // namespace lanewise

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

/// Two texts that a model reads together, such as a premise and a hypothesis.
struct TextPair {
  std::string_view first;
  std::string_view second;
};

struct LabelScore {
  int32_t label = 0;  ///< its index in Classifier::labels()
  float score = 0;    ///< a probability; for a regression the value itself
};

/// The labels of a text.
struct Classification {
  std::vector<LabelScore> labels;  ///< all of them, best first
  int32_t tokens = 0;              ///< including special tokens, after truncation
  bool truncated = false;          ///< whether the text was too long
};

/// Assigns labels to texts: tokenizer, encoder, head.
///
/// Scores are those of Transformers' text-classification pipeline: a softmax over the labels; a
/// sigmoid for each of them if the model has one label or may assign several; the logits of a
/// regression (HeadInfo::scores). Texts are batched by length, without padding; a text's scores have
/// the same bits alone and in any batch. Not thread-safe: use one Classifier per thread; they share
/// the Model.
class LANEWISE_EXPORT Classifier {
 public:
  /// Fails with kUnsupported for a model without such a head or without a tokenizer, and as
  /// Session::create does.
  static Result<Classifier> create(const Model& model, const SessionOptions& options = {});

  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  /// Classifies `texts`, in their order. Longer ones are truncated to ModelInfo::max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8, giving its number, counted from 1; with
  /// kCancelled as `options` say.
  Result<std::vector<Classification>> classify(
      std::span<const std::string_view> texts, const RunOptions& options = {},
      const std::function<void(int64_t done)>& progress = {});

  /// The same for pairs of texts; of a pair that is too long the longer text is truncated first.
  Result<std::vector<Classification>> classify_pairs(
      std::span<const TextPair> pairs, const RunOptions& options = {},
      const std::function<void(int64_t done)>& progress = {});

  const std::vector<std::string>& labels() const noexcept;

 private:
  class Impl;
  explicit Classifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise

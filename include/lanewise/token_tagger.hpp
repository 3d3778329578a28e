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

/// A labelled part of a text, such as the name of a person.
struct Entity {
  std::string label;  ///< without `B-` or `I-`
  int32_t begin = 0;  ///< bytes [begin, end) of the text
  int32_t end = 0;
  float score = 0;  ///< the mean probability of its tokens' labels
};

/// The entities of a text.
struct Tagging {
  std::vector<Entity> entities;  ///< in the order of the text
  int32_t tokens = 0;            ///< including special tokens, after truncation
  bool truncated = false;        ///< whether the text was too long; its end has no entities
};

/// Finds entities in texts: tokenizer, encoder, a label for each token.
///
/// Tokens become entities as in Transformers' token-classification pipeline with
/// aggregation_strategy="simple": neighbours with the same label belong together unless the second
/// one begins with `B-`; the label `O` means no entity. A text's entities have the same bits alone
/// and in any batch. Not thread-safe: use one TokenTagger per thread; they share the Model.
class LANEWISE_EXPORT TokenTagger {
 public:
  /// Fails with kUnsupported for a model without such a head or without a tokenizer, and as
  /// Session::create does.
  static Result<TokenTagger> create(const Model& model, const SessionOptions& options = {});

  TokenTagger(TokenTagger&&) noexcept;
  TokenTagger& operator=(TokenTagger&&) noexcept;
  ~TokenTagger();

  /// Tags `texts`, in their order. Longer ones are truncated to ModelInfo::max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if a text is not UTF-8, giving its number, counted from 1; with
  /// kCancelled as `options` say.
  Result<std::vector<Tagging>> tag(std::span<const std::string_view> texts,
                                   const RunOptions& options = {},
                                   const std::function<void(int64_t done)>& progress = {});

 private:
  class Impl;
  explicit TokenTagger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise

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

/// A token that may stand in the place of a mask.
struct TokenScore {
  int32_t id = 0;
  float score = 0;    ///< its probability
  std::string token;  ///< its text, as Tokenizer::decode() of it alone
};

/// A text with masks.
struct FilledText {
  std::vector<std::vector<TokenScore>> masks;  ///< for each mask in the text, best first
  int32_t tokens = 0;                          ///< including special tokens, after truncation
  bool truncated = false;                      ///< whether the text was too long
};

/// Finds tokens for the masks in texts, with a masked language model.
///
/// Scores are those of Transformers' fill-mask pipeline: a softmax over the vocabulary at each mask,
/// as if the other masks stayed. A text's scores have the same bits alone and in any batch. Not
/// thread-safe: use one MaskFiller per thread; they share the Model.
class LANEWISE_EXPORT MaskFiller {
 public:
  /// Fails with kUnsupported for a model without such a head, a tokenizer or a mask token, and as
  /// Session::create does.
  static Result<MaskFiller> create(const Model& model, const SessionOptions& options = {});

  MaskFiller(MaskFiller&&) noexcept;
  MaskFiller& operator=(MaskFiller&&) noexcept;
  ~MaskFiller();

  /// Returns the `top` best tokens for each mask of each text. A mask is written as in
  /// HeadInfo::mask_token, `[MASK]` for BERT. Longer texts are truncated to
  /// ModelInfo::max_text_tokens.
  ///
  /// `progress` may be empty; it is called between batches with the number of texts done so far.
  /// Fails with kInvalidArgument if `top` is below 1, or if a text is not UTF-8 or has no mask,
  /// giving its number, counted from 1; with kCancelled as `options` say.
  Result<std::vector<FilledText>> fill(std::span<const std::string_view> texts, int64_t top,
                                       const RunOptions& options = {},
                                       const std::function<void(int64_t done)>& progress = {});

 private:
  class Impl;
  explicit MaskFiller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise

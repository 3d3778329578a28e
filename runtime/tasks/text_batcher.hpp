#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"
#include "runtime/exec/length_batches.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise::tasks {

/// What all tasks on texts share: it tokenizes the texts of a call and runs them in batches of
/// similar length. The results of a text do not depend on the others.
///
/// Keeps its memory between calls. Not thread-safe.
class TextBatcher {
 public:
  using Progress = std::function<void(int64_t done)>;

  /// `outputs`: those that the task reads. Fails with kUnsupported for a model without a tokenizer,
  /// and as Session::create does.
  static Result<TextBatcher> create(const Model& model, const SessionOptions& options,
                                    std::vector<std::string> outputs);

  const Model& model() const noexcept { return model_; }
  const text::Tokenizer& tokenizer() const noexcept { return *tokenizer_; }

  /// Forgets the sequences of the last call; `texts` will be added.
  Status start(size_t texts);

  /// From now on a text without tokens is added, but never run or read.
  void allow_no_tokens() { allows_no_tokens_ = true; }

  /// Adds the tokens of a text, or of two, truncated to ModelInfo::max_text_tokens; a single text
  /// also to max_text_characters, and without tokens of left_out_id. Fails with
  /// kInvalidArgument if a text is not UTF-8 or has no tokens, giving its number; with kCancelled as
  /// `options` say.
  Status add(std::string_view text, const RunOptions& options);
  Status add_pair(std::string_view first, std::string_view second, const RunOptions& options);
  struct Added {
    bool truncated = false;
    int32_t attended = 0;  ///< RaggedBatch::attended; 0: all tokens
  };
  /// Adds tokens as they are.
  void add_tokens(std::span<const text::Token> tokens, std::span<const int32_t> type_ids,
                  const Added& added);

  size_t size() const noexcept { return lengths_.size(); }
  /// By the order in which they were added.
  std::span<const text::Token> tokens(size_t sequence) const;
  std::span<const int32_t> lengths() const noexcept { return lengths_; }
  bool truncated(size_t sequence) const { return truncated_[sequence]; }

  /// A sequence of the batch that has just run.
  struct Place {
    size_t sequence = 0;
    int64_t row = 0;          ///< of outputs per sequence
    int64_t first_token = 0;  ///< of outputs per token
  };
  /// Runs all sequences, longest first. Calls `read` for each of them while the outputs of its batch
  /// are valid, and `progress`, which may be empty, after each batch.
  Status run(const RunOptions& options, const std::function<Status(const Place&)>& read,
             const Progress& progress = {});

  /// One output of the batch that has just run.
  Result<Session::Rows> output(std::string_view name) const { return session_.output(name); }

 private:
  TextBatcher(Model model, const text::Tokenizer& tokenizer, Session session, int64_t batch_tokens)
      : model_(std::move(model)),
        tokenizer_(&tokenizer),
        session_(std::move(session)),
        batch_tokens_(batch_tokens) {}

  Result<text::Encoding> encode(std::string_view text) const;
  Status add(const Result<text::Encoding>& encoding, std::span<const int32_t> type_ids);
  Status run_batch(const exec::LengthBatch& batch, const RunOptions& options);

  Model model_;
  const text::Tokenizer* tokenizer_;  // belongs to model_
  Session session_;
  int64_t batch_tokens_;
  bool allows_no_tokens_ = false;

  std::vector<text::Token> tokens_;  // of all sequences, concatenated
  std::vector<int32_t> type_ids_;    // likewise; empty if the model takes none
  std::vector<size_t> begins_;       // [sequences]
  std::vector<int32_t> lengths_;     // [sequences]
  std::vector<int32_t> attended_;    // [sequences]
  std::vector<bool> truncated_;      // [sequences]
  exec::LengthBatches batches_;
  std::vector<int32_t> batch_ids_;
  std::vector<int32_t> batch_type_ids_;
  std::vector<int32_t> batch_lengths_;
  std::vector<int32_t> batch_attended_;
};

/// kCancelled if the caller has cancelled the call, or its time is over, before `what` was read.
Status check_cancelled(const RunOptions& options, std::string_view what, size_t index);

/// `text 3` for index 2, counted as people do.
std::string numbered(std::string_view what, size_t index);

/// Whether the model has an output of that name.
bool has_output(const ModelInfo& info, std::string_view name);

enum class RowsOf { kTokens, kTexts };

/// kUnsupported unless the model is for `task`; kDataLoss unless it has the output `name` with such
/// rows. Files can claim anything.
Status check_task(const ModelInfo& info, std::string_view task, std::string_view name, RowsOf rows);

/// The same for the outputs alone.
Status check_output(const ModelInfo& info, std::string_view name, RowsOf rows);

}  // namespace lanewise::tasks

#include "runtime/tasks/text_batcher.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::tasks {
namespace {

// On MiniLM the time per token is the same, within the noise of two cores, for batches of 256 to
// 8192 tokens, but working memory grows from 8 to 100 MB. A thousand also leave enough work for
// many threads.
constexpr int64_t kBatchTokens = 1024;
// Outputs may be wide: 30,522 logits of BERT are 122 KB a token. This many floats are 64 MB.
constexpr int64_t kWidestOutputFloats = int64_t{1} << 24;
constexpr int64_t kFewestBatchTokens = 64;

constexpr std::string_view kText = "text";

int64_t batch_tokens(const ModelInfo& info, const std::vector<std::string>& outputs) {
  int64_t widest = 1;
  for (const OutputInfo& output : info.outputs) {
    const bool is_read = std::ranges::find(outputs, output.name) != outputs.end();
    // Before an output of one row per sequence, there was one per token.
    if (is_read) widest = std::max(widest, output.features);
  }
  return std::clamp(kWidestOutputFloats / widest, kFewestBatchTokens, kBatchTokens);
}

}  // namespace

Result<TextBatcher> TextBatcher::create(const Model& model, const SessionOptions& options,
                                        std::vector<std::string> outputs) {
  LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model.data().open_tokenizer());
  if (tokenizer == nullptr) return unsupported("the model has no tokenizer");
  SessionOptions session_options = options;
  session_options.outputs = std::move(outputs);
  LW_ASSIGN_OR_RETURN(Session session, Session::create(model, session_options));
  const int64_t most = batch_tokens(model.info(), session_options.outputs);
  return TextBatcher(model, *tokenizer, std::move(session), most);
}

Status TextBatcher::start(size_t texts) {
  if (texts > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return invalid_argument("more than 2^31 texts in one call");
  }
  tokens_.clear();
  type_ids_.clear();
  begins_.clear();
  lengths_.clear();
  attended_.clear();
  truncated_.clear();
  begins_.reserve(texts);
  lengths_.reserve(texts);
  attended_.reserve(texts);
  truncated_.reserve(texts);
  return {};
}

Status TextBatcher::add(std::string_view text, const RunOptions& options) {
  LW_RETURN_IF_ERROR(check_cancelled(options, kText, size()));
  return add(encode(text), {});
}

Result<text::Encoding> TextBatcher::encode(std::string_view text) const {
  const ModelInfo& info = model_.info();
  std::string_view beginning = text;
  if (info.max_text_characters > 0) {
    beginning = text::first_code_points(text, info.max_text_characters);
    LW_RETURN_IF_ERROR(text::check_utf8(text));
  }
  LW_ASSIGN_OR_RETURN(text::Encoding encoding,
                      tokenizer_->encode(beginning, {.max_length = info.max_text_tokens}));
  if (beginning.size() < text.size()) encoding.truncated = true;
  std::erase_if(encoding.tokens,
                [&](const text::Token& token) { return token.id == info.left_out_id; });
  return encoding;
}

Status TextBatcher::add_pair(std::string_view first, std::string_view second,
                             const RunOptions& options) {
  LW_RETURN_IF_ERROR(check_cancelled(options, kText, size()));
  std::vector<int32_t> type_ids;
  const Result<text::Encoding> encoding = tokenizer_->encode_pair(
      first, second, {.max_length = model_.info().max_text_tokens}, &type_ids);
  return add(encoding, type_ids);
}

Status TextBatcher::add(const Result<text::Encoding>& encoding, std::span<const int32_t> type_ids) {
  if (!encoding.ok()) return encoding.status().with_context(numbered(kText, size()));
  if (encoding->tokens.empty() && !allows_no_tokens_) {
    return invalid_argument(numbered(kText, size()) + " has no tokens");
  }
  add_tokens(encoding->tokens, type_ids, {.truncated = encoding->truncated});
  return {};
}

void TextBatcher::add_tokens(std::span<const text::Token> tokens, std::span<const int32_t> type_ids,
                             const Added& added) {
  const auto length = static_cast<int32_t>(tokens.size());
  begins_.push_back(tokens_.size());
  lengths_.push_back(length);
  attended_.push_back(added.attended > 0 ? added.attended : length);
  truncated_.push_back(added.truncated);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  // Tokenizers number the texts of a pair also for models that do not tell them apart.
  if (model_.info().token_types < 2) return;
  type_ids_.insert(type_ids_.end(), type_ids.begin(), type_ids.end());
  type_ids_.resize(tokens_.size());
}

std::span<const text::Token> TextBatcher::tokens(size_t sequence) const {
  return std::span(tokens_).subspan(begins_[sequence], static_cast<size_t>(lengths_[sequence]));
}

Status TextBatcher::run(const RunOptions& options, const std::function<Status(const Place&)>& read,
                        const Progress& progress) {
  exec::cut_by_length(lengths_, {.tokens = batch_tokens_}, batches_);
  for (const exec::LengthBatch& batch : batches_.batches) {
    LW_RETURN_IF_ERROR(run_batch(batch, options));
    Place place;
    for (size_t i = batch.begin; i < batch.end; ++i, ++place.row) {
      place.sequence = static_cast<size_t>(batches_.order[i]);
      if (lengths_[place.sequence] == 0) break;  // the others are as long
      LW_RETURN_IF_ERROR(read(place));
      place.first_token += lengths_[place.sequence];
    }
    if (progress) progress(static_cast<int64_t>(batch.end));
  }
  return {};
}

Status TextBatcher::run_batch(const exec::LengthBatch& batch, const RunOptions& options) {
  batch_ids_.clear();
  batch_type_ids_.clear();
  batch_lengths_.clear();
  batch_attended_.clear();
  for (size_t i = batch.begin; i < batch.end; ++i) {
    const auto sequence = static_cast<size_t>(batches_.order[i]);
    if (lengths_[sequence] == 0) break;
    for (const text::Token& token : tokens(sequence)) batch_ids_.push_back(token.id);
    batch_lengths_.push_back(lengths_[sequence]);
    batch_attended_.push_back(attended_[sequence]);
    if (type_ids_.empty()) continue;
    const auto* types = type_ids_.data() + begins_[sequence];
    batch_type_ids_.insert(batch_type_ids_.end(), types, types + lengths_[sequence]);
  }
  if (batch_lengths_.empty()) return {};
  RaggedBatch ragged{.ids = batch_ids_, .type_ids = batch_type_ids_, .lengths = batch_lengths_};
  if (batch_attended_ != batch_lengths_) ragged.attended = batch_attended_;
  return session_.run_ragged(ragged, options);
}

Status check_cancelled(const RunOptions& options, std::string_view what, size_t index) {
  const bool is_cancelled =
      (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) ||
      (options.deadline && std::chrono::steady_clock::now() >= *options.deadline);
  return is_cancelled ? cancelled("cancelled while reading " + numbered(what, index)) : Status();
}

std::string numbered(std::string_view what, size_t index) {
  return std::string(what) + " " + std::to_string(index + 1);
}

bool has_output(const ModelInfo& info, std::string_view name) {
  return std::ranges::find(info.outputs, name, &OutputInfo::name) != info.outputs.end();
}

Status check_task(const ModelInfo& info, std::string_view task, std::string_view name,
                  RowsOf rows) {
  if (info.task == task) return check_output(info, name, rows);
  return unsupported("the model, " + info.family + " for " + info.task + ", is not for " +
                     std::string(task));
}

Status check_output(const ModelInfo& info, std::string_view name, RowsOf rows) {
  const bool per_token = rows == RowsOf::kTokens;
  const auto found = std::ranges::find(info.outputs, name, &OutputInfo::name);
  if (found != info.outputs.end() && found->per_token == per_token && found->features > 0)
    return {};
  return data_loss("the model, for " + info.task + ", has no output " + base::in_quotes(name) +
                   " with a row for each " + (per_token ? "token" : "text"));
}

}  // namespace lanewise::tasks

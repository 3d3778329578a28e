#include "lanewise/embedder.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/exec/length_batches.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/tokenizer.hpp"

namespace lanewise {
namespace {

constexpr std::string_view kOutput = "sentence_embedding";

// On MiniLM the time per token is the same, within the noise of two cores, for batches of 256 to
// 8192 tokens, but working memory grows from 8 to 100 MB. A thousand also leave enough work for
// many threads.
constexpr int64_t kBatchTokens = 1024;

const OutputInfo* find_output(const ModelInfo& info) {
  for (const OutputInfo& output : info.outputs) {
    if (output.name == kOutput && !output.per_token) return &output;
  }
  return nullptr;
}

std::string name_of_text(size_t index) { return "text " + std::to_string(index + 1); }

bool is_cancelled(const RunOptions& options) {
  return (options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed)) ||
         (options.deadline && std::chrono::steady_clock::now() >= *options.deadline);
}

}  // namespace

class Embedder::Impl {
 public:
  /// `tokenizer` belongs to `model`.
  Impl(Model model, const text::Tokenizer& tokenizer, Session session, int64_t dimension)
      : model_(std::move(model)),
        tokenizer_(tokenizer),
        session_(std::move(session)),
        dimension_(dimension) {}

  Result<Embeddings> embed(std::span<const std::string_view> texts, const RunOptions& options,
                           const std::function<void(int64_t)>& progress);
  Status set_prompt(std::string_view name);
  int64_t dimension() const noexcept { return dimension_; }

 private:
  std::string_view with_prompt(std::string_view text);
  Status tokenize(std::span<const std::string_view> texts, const RunOptions& options,
                  Embeddings& result);
  Status run_batch(const exec::LengthBatch& batch, const RunOptions& options, Embeddings& result);

  Model model_;
  const text::Tokenizer& tokenizer_;
  Session session_;
  int64_t dimension_;
  std::string prompt_;

  // Kept between calls to reuse their memory.
  std::string text_;            // the prompt and a text
  std::vector<int32_t> ids_;    // of all texts, concatenated
  std::vector<size_t> begins_;  // [texts], where a text's ids begin in ids_
  exec::LengthBatches batches_;
  std::vector<int32_t> batch_ids_;
  std::vector<int32_t> batch_lengths_;
};

Result<Embeddings> Embedder::Impl::embed(std::span<const std::string_view> texts,
                                         const RunOptions& options,
                                         const std::function<void(int64_t)>& progress) {
  if (texts.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return invalid_argument("more than 2^31 texts in one call");
  }
  Embeddings result;
  result.count = static_cast<int64_t>(texts.size());
  result.dimension = dimension_;
  LW_RETURN_IF_ERROR(tokenize(texts, options, result));
  exec::cut_by_length(result.tokens, {.tokens = kBatchTokens}, batches_);
  result.values.resize(texts.size() * static_cast<size_t>(dimension_));
  for (const exec::LengthBatch& batch : batches_.batches) {
    LW_RETURN_IF_ERROR(run_batch(batch, options, result));
    if (progress) progress(static_cast<int64_t>(batch.end));
  }
  return result;
}

Status Embedder::Impl::set_prompt(std::string_view name) {
  const std::vector<Prompt>& prompts = model_.info().prompts;
  const auto found = std::ranges::find(prompts, name, &Prompt::name);
  if (found == prompts.end() && !name.empty()) {
    std::string known;
    for (const Prompt& prompt : prompts) {
      known.append(known.empty() ? "" : ", ").append(base::in_quotes(prompt.name));
    }
    return invalid_argument("unknown prompt " + base::in_quotes(name) +
                            (known.empty() ? ": the model has none" : "; known: " + known));
  }
  prompt_ = found == prompts.end() ? std::string() : found->text;
  return {};
}

/// Valid until the next call.
std::string_view Embedder::Impl::with_prompt(std::string_view text) {
  if (prompt_.empty()) return text;
  text_.assign(prompt_).append(text);
  return text_;
}

Status Embedder::Impl::tokenize(std::span<const std::string_view> texts, const RunOptions& options,
                                Embeddings& result) {
  text::EncodeOptions encode_options;
  encode_options.max_length = model_.info().max_text_tokens;
  if (!prompt_.empty() && !model_.info().pools_prompt) {
    return unsupported(
        "the model excludes the tokens of a prompt from pooling (include_prompt), which is not "
        "supported; embed without a prompt");
  }
  ids_.clear();
  begins_.clear();
  result.tokens.reserve(texts.size());
  result.truncated.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    if (is_cancelled(options)) return cancelled("cancelled while reading " + name_of_text(i));
    Result<text::Encoding> encoding = tokenizer_.encode(with_prompt(texts[i]), encode_options);
    if (!encoding.ok()) return encoding.status().with_context(name_of_text(i));
    if (encoding->tokens.empty()) return invalid_argument(name_of_text(i) + " has no tokens");
    begins_.push_back(ids_.size());
    for (const text::Token& token : encoding->tokens) ids_.push_back(token.id);
    result.tokens.push_back(static_cast<int32_t>(encoding->tokens.size()));
    result.truncated.push_back(encoding->truncated);
  }
  return {};
}

Status Embedder::Impl::run_batch(const exec::LengthBatch& batch, const RunOptions& options,
                                 Embeddings& result) {
  batch_ids_.clear();
  batch_lengths_.clear();
  for (size_t i = batch.begin; i < batch.end; ++i) {
    const auto index = static_cast<size_t>(batches_.order[i]);
    const int32_t* ids = ids_.data() + begins_[index];
    batch_ids_.insert(batch_ids_.end(), ids, ids + result.tokens[index]);
    batch_lengths_.push_back(result.tokens[index]);
  }
  LW_RETURN_IF_ERROR(session_.run_ragged({batch_ids_, {}, batch_lengths_}, options));
  LW_ASSIGN_OR_RETURN(const Session::Rows rows, session_.output(kOutput));
  for (size_t i = batch.begin; i < batch.end; ++i) {
    const float* row = rows.data + static_cast<int64_t>(i - batch.begin) * rows.stride;
    std::copy_n(row, dimension_, result.values.data() + batches_.order[i] * dimension_);
  }
  return {};
}

Result<Embedder> Embedder::create(const Model& model, const SessionOptions& options) {
  return base::no_throw([&]() -> Result<Embedder> {
    const OutputInfo* output = find_output(model.info());
    if (output == nullptr) {
      return unsupported("the model, " + model.info().family + " for " + model.info().task +
                         ", has no output '" + std::string(kOutput) + "'");
    }
    LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model.data().open_tokenizer());
    if (tokenizer == nullptr) return unsupported("the model has no tokenizer");
    SessionOptions session_options = options;
    session_options.outputs = {std::string(kOutput)};
    LW_ASSIGN_OR_RETURN(Session session, Session::create(model, session_options));
    auto impl = std::make_unique<Impl>(model, *tokenizer, std::move(session), output->features);
    LW_RETURN_IF_ERROR(impl->set_prompt(model.info().default_prompt));
    return Embedder(std::move(impl));
  });
}

Embedder::Embedder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Embedder::Embedder(Embedder&&) noexcept = default;
Embedder& Embedder::operator=(Embedder&&) noexcept = default;
Embedder::~Embedder() = default;

Result<Embeddings> Embedder::embed(std::span<const std::string_view> texts,
                                   const RunOptions& options,
                                   const std::function<void(int64_t done)>& progress) {
  return base::no_throw([&] { return impl_->embed(texts, options, progress); });
}

Status Embedder::set_prompt(std::string_view name) {
  return base::no_throw([&] { return impl_->set_prompt(name); });
}

int64_t Embedder::dimension() const noexcept { return impl_->dimension(); }

}  // namespace lanewise

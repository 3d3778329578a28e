#include "lanewise/tokenizer.hpp"

#include <utility>

#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/model_data.hpp"
#include "runtime/tasks/source_language.hpp"
#include "runtime/tasks/text_stream.hpp"
#include "runtime/tasks/tokenizer_data.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise {
namespace {

using internal::TokenizerData;

/// One of the tokenizers of `model`, which keeps the model alive.
Result<Tokenizer> tokenizer_of(const Model& model, const Result<const text::Tokenizer*>& opened) {
  if (!opened.ok()) return opened.status();
  if (*opened == nullptr) return not_found("the model has no tokenizer");
  std::shared_ptr<const text::Tokenizer> shared(std::make_shared<const Model>(model), *opened);
  return Tokenizer(std::make_shared<const TokenizerData>(std::move(shared)));
}

text::EncodeOptions to_internal(const EncodeOptions& options) {
  return {.add_special_tokens = options.add_special_tokens, .max_length = options.max_length};
}

Encoding to_public(const text::Encoding& encoding, std::vector<int32_t> type_ids = {}) {
  Encoding result;
  result.ids.reserve(encoding.tokens.size());
  result.offsets.reserve(encoding.tokens.size());
  for (const text::Token& token : encoding.tokens) {
    result.ids.push_back(token.id);
    result.offsets.push_back({token.begin, token.end});
  }
  result.type_ids = std::move(type_ids);
  result.truncated = encoding.truncated;
  return result;
}

}  // namespace

Result<Tokenizer> Tokenizer::of(const Model& model) {
  return base::no_throw([&] { return tokenizer_of(model, model.data().open_tokenizer()); });
}

Result<Tokenizer> Tokenizer::of_target(const Model& model) {
  return base::no_throw([&] { return tokenizer_of(model, model.data().open_target_tokenizer()); });
}

Result<Tokenizer> Tokenizer::from_json(std::string_view json) {
  return base::no_throw([&]() -> Result<Tokenizer> {
    LW_ASSIGN_OR_RETURN(auto parsed, text::parse_tokenizer(json));
    return Tokenizer(std::make_shared<const TokenizerData>(std::move(parsed)));
  });
}

Result<Tokenizer> Tokenizer::for_language(std::string_view name) const {
  return base::no_throw([&]() -> Result<Tokenizer> {
    LW_ASSIGN_OR_RETURN(const tasks::SourceLanguage language,
                        tasks::source_language(data_->tokenizer(), name));
    return Tokenizer(std::make_shared<const TokenizerData>(data_->shared(), language));
  });
}

Result<Encoding> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return base::no_throw([&]() -> Result<Encoding> {
    LW_ASSIGN_OR_RETURN(text::Encoding encoding,
                        data_->tokenizer().encode(text, to_internal(options)));
    if (data_->language()) tasks::change_language(*data_->language(), encoding);
    return to_public(encoding);
  });
}

Result<Encoding> Tokenizer::encode_pair(std::string_view first, std::string_view second,
                                        const EncodeOptions& options) const {
  return base::no_throw([&]() -> Result<Encoding> {
    std::vector<int32_t> type_ids;
    LW_ASSIGN_OR_RETURN(
        text::Encoding encoding,
        data_->tokenizer().encode_pair(first, second, to_internal(options), &type_ids));
    if (data_->language()) tasks::change_language(*data_->language(), encoding);
    return to_public(encoding, std::move(type_ids));
  });
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skip_special_tokens) const {
  return base::no_throw([&] { return data_->tokenizer().decode(ids, skip_special_tokens); });
}

Result<std::string> Tokenizer::decode_after(std::span<const int32_t> before,
                                            std::span<const int32_t> ids) const {
  return base::no_throw([&] { return tasks::text_after(data_->tokenizer(), before, ids); });
}

int64_t Tokenizer::vocabulary_size() const noexcept { return data_->tokenizer().vocabulary_size(); }

std::string_view Tokenizer::token(int32_t id) const noexcept {
  return data_->tokenizer().token(id);
}

Result<std::optional<int32_t>> Tokenizer::id(std::string_view token) const {
  return base::no_throw(
      [&]() -> Result<std::optional<int32_t>> { return data_->tokenizer().id(token); });
}

Result<std::string> Tokenizer::to_json() const {
  return base::no_throw([&]() -> Result<std::string> { return data_->tokenizer().to_json(); });
}

class TextStream::Impl {
 public:
  Impl(Tokenizer tokenizer, std::vector<std::string> stop_strings)
      : tokenizer_(std::move(tokenizer)),
        stream_(tokenizer_.data().tokenizer(), std::move(stop_strings)) {}

  Status start_after(std::span<const int32_t> before) { return stream_.start_after(before); }
  Result<std::string_view> add(int32_t id) {
    if (id < 0) return invalid_argument("token " + std::to_string(id) + " is below 0");
    return stream_.add(id);
  }
  Result<std::string_view> finish() { return stream_.finish(); }

 private:
  Tokenizer tokenizer_;
  tasks::TextStream stream_;
};

Result<TextStream> TextStream::create(const Tokenizer& tokenizer, std::span<const int32_t> before,
                                      std::span<const std::string> stop_strings) {
  return base::no_throw([&]() -> Result<TextStream> {
    auto impl = std::make_unique<Impl>(
        tokenizer, std::vector<std::string>(stop_strings.begin(), stop_strings.end()));
    LW_RETURN_IF_ERROR(impl->start_after(before));
    return TextStream(std::move(impl));
  });
}

TextStream::TextStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TextStream::TextStream(TextStream&&) noexcept = default;
TextStream& TextStream::operator=(TextStream&&) noexcept = default;
TextStream::~TextStream() = default;

Result<std::string_view> TextStream::add(int32_t id) {
  return base::no_throw([&] { return impl_->add(id); });
}

Result<std::string_view> TextStream::finish() {
  return base::no_throw([&] { return impl_->finish(); });
}

Status check_utf8(std::string_view text) {
  return base::no_throw([&] { return text::check_utf8(text); });
}

}  // namespace lanewise

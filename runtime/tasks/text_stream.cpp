#include "runtime/tasks/text_stream.hpp"

namespace lanewise::tasks {
namespace {

// What decoders write for bytes that are no character, or not yet.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string_view TextStream::add(int32_t token) {
  ids_.push_back(token);
  Result<std::string> text = tokenizer_->decode(ids_, true);
  if (!text.ok() || text->ends_with(kReplacement)) return {};
  const std::string_view given = std::string_view(text_).substr(0, given_);
  if (!text->starts_with(given)) return {};
  text_ = std::move(*text);
  const size_t begin = given_;
  given_ = text_.size();
  return std::string_view(text_).substr(begin);
}

}  // namespace lanewise::tasks

#include "cli/texts.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/brackets.hpp"
#include "cli/command.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

// Enough texts to fill batches with texts of similar length; their vectors take a few megabytes.
constexpr size_t kTextsPerPortion = 2048;
constexpr size_t kBytesPerPortion = size_t{8} << 20;

}  // namespace

void TextOptions::add_to(CLI::App& command) {
  text_option_ =
      command.add_option("TEXT", unused_, "Texts; `-` reads lines from stdin")->type_name("");
  command.add_option("--input", input_, "Read texts from FILE, one per line; `-` is stdin")
      ->type_name("FILE");
}

void TextOptions::check_usage() const {
  if (!texts().empty() && !input_.empty()) wrong_usage("give texts or --input, not both");
  if (text_option_->count() == 0 && input_.empty() && ::isatty(STDIN_FILENO)) {
    wrong_usage("no text: give TEXT, --input FILE, or pipe lines into it");
  }
}

std::vector<std::string> TextOptions::texts() const {
  std::vector<std::string> texts = text_option_->results();
  if (texts.size() == 1 && texts.front() == "-") return {};
  for (std::string& text : texts) text = without_marks(std::move(text));
  return texts;
}

std::optional<std::string> TextOptions::file() const {
  if (!input_.empty()) return input_;
  if (texts().empty()) return "-";
  return std::nullopt;
}

TextSource::TextSource() : portion_size_(kTextsPerPortion) {}

Result<TextSource> TextSource::open(const TextOptions& options) {
  TextSource source;
  if (const std::optional<std::string> file = options.file()) {
    source.name_ = *file == "-" ? "standard input" : in_quotes(*file);
    LANEWISE_ASSIGN_OR_RETURN(source.reader_, LineReader::open(*file));
  } else {
    source.texts_ = options.texts();
  }
  return source;
}

Status TextSource::skip(const Checkpoint& done) {
  given_ = done.texts;
  return reader_->skip(done.texts, done.input_bytes);
}

Result<std::span<const std::string_view>> TextSource::next() {
  LANEWISE_ASSIGN_OR_RETURN(const std::span<const std::string_view> portion, next_unchecked());
  for (size_t i = 0; i < portion.size(); ++i) {
    LANEWISE_RETURN_IF_ERROR(check_utf8(portion[i]).with_context(where(i)));
  }
  return portion;
}

Result<std::span<const std::string_view>> TextSource::next_unchecked() {
  before_ = given_;
  std::span<const std::string_view> portion;
  if (reader_) {
    LANEWISE_ASSIGN_OR_RETURN(portion, reader_->next(portion_size_.next(), kBytesPerPortion));
  } else {
    const auto begin = static_cast<size_t>(before_);
    const size_t end = std::min(texts_.size(), begin + kTextsPerPortion);
    views_.assign(texts_.begin() + before_, texts_.begin() + static_cast<std::ptrdiff_t>(end));
    portion = views_;
  }
  given_ += static_cast<int64_t>(portion.size());
  return portion;
}

std::string TextSource::where(size_t index) const {
  const int64_t number = before_ + static_cast<int64_t>(index) + 1;
  return reader_ ? fmt::format("{}: line {}", name_, number) : fmt::format("text {}", number);
}

}  // namespace lanewise::cli

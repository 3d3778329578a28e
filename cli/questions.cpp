#include "cli/questions.hpp"

#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// A context takes many times the memory of a sentence.
constexpr size_t kQuestionsPerPortion = 256;
constexpr size_t kQuestionBytes = size_t{8} << 20;

using OrderedJson = nlohmann::json;

Result<std::string> text_of(const OrderedJson& object, const char* field) {
  const auto found = object.find(field);
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  return invalid_argument(fmt::format("expected a string '{}'", field));
}

}  // namespace

QuestionFile::QuestionFile(LineReader reader, std::string name)
    : reader_(std::move(reader)), name_(std::move(name)), portion_size_(kQuestionsPerPortion) {}

Result<QuestionFile> QuestionFile::open(const std::string& path) {
  LANEWISE_ASSIGN_OR_RETURN(LineReader reader, LineReader::open(path));
  return QuestionFile(std::move(reader), path == "-" ? "standard input" : in_quotes(path));
}

Result<QuestionFile::Texts> QuestionFile::parse(std::string_view line) {
  const OrderedJson object = OrderedJson::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return invalid_argument("expected a JSON object");
  Texts texts;
  LANEWISE_ASSIGN_OR_RETURN(texts.question, text_of(object, "question"));
  LANEWISE_ASSIGN_OR_RETURN(texts.context, text_of(object, "context"));
  return texts;
}

Result<std::span<const Question>> QuestionFile::next() {
  LANEWISE_ASSIGN_OR_RETURN(const auto lines, reader_.next(portion_size_.next(), kQuestionBytes));
  texts_.clear();
  questions_.clear();
  for (const std::string_view line : lines) {
    Result<Texts> texts = parse(line);
    if (!texts.ok()) {
      const int64_t number = before() + static_cast<int64_t>(texts_.size()) + 1;
      return texts.status().with_context(fmt::format("{}: line {}", name_, number));
    }
    texts_.push_back(*std::move(texts));
  }
  for (const Texts& texts : texts_) questions_.push_back({texts.question, texts.context});
  return std::span<const Question>(questions_);
}

}  // namespace lanewise::cli

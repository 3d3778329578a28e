#include "cli/bench/workload.hpp"

#include <span>
#include <string_view>

#include <fmt/format.h>

#include "cli/lines.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

// A run takes all of them. MiniLM takes 10 to 20 seconds for as many sentences.
constexpr size_t kMostTexts = 10'000;
constexpr size_t kPortionBytes = size_t{8} << 20;

}  // namespace

Result<std::vector<std::string>> read_workload(const std::string& path, const Shell& shell) {
  const std::string name = path == "-" ? "standard input" : in_quotes(path);
  LANEWISE_ASSIGN_OR_RETURN(LineReader reader, LineReader::open(path));
  std::vector<std::string> texts;
  for (;;) {
    LANEWISE_ASSIGN_OR_RETURN(const auto portion, reader.next(kMostTexts, kPortionBytes));
    if (portion.empty()) break;
    for (const std::string_view text : portion) {
      if (texts.size() == kMostTexts) {
        shell.note(fmt::format("{}: the first {} texts are used", name, kMostTexts));
        return texts;
      }
      LANEWISE_RETURN_IF_ERROR(
          check_utf8(text).with_context(fmt::format("{}: line {}", name, texts.size() + 1)));
      texts.emplace_back(text);
    }
  }
  if (texts.empty()) return invalid_argument(name + " has no text");
  return texts;
}

Result<BenchInput> tokenize_workload(const Model& model, const std::vector<std::string>& texts) {
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::of(model));
  BenchInput input{.are_texts = true};
  for (size_t i = 0; i < texts.size(); ++i) {
    LANEWISE_ASSIGN_OR_RETURN(
        Encoding encoding,
        tokenizer.encode(texts[i], {.max_length = model.info().max_text_tokens}));
    if (encoding.ids.empty()) {
      return invalid_argument(fmt::format("--input: line {} has no tokens", i + 1));
    }
    input.ids.push_back(std::move(encoding.ids));
  }
  return input;
}

}  // namespace lanewise::cli

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lanewise/grammar.hpp"
#include "tests/fuzz/require.hpp"

namespace lanewise::fuzz {
namespace {

/// A byte-level vocabulary of all bytes and a few longer tokens.
const GrammarVocabulary& vocabulary() {
  static const GrammarVocabulary made = [] {
    std::string json =
        R"({"model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0)";
    int id = 1;
    const auto add = [&](const std::string& token) {
      json.append(", \"").append(token).append("\": ").append(std::to_string(id++));
    };
    for (int byte = 0; byte < 256; ++byte) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">");
    }
    for (const char* token : {"{\\\"", "\\\": ", ", \\\"", "true", "ab", "12", "\\n  ", "\\\"}]"})
      add(token);
    json +=
        R"(}}, "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}})";
    const auto tokenizer = Tokenizer::from_json(json);
    require(tokenizer.ok());
    const auto result = GrammarVocabulary::of(*tokenizer);
    require(result.ok());
    return *result;
  }();
  return made;
}

/// Follows allowed tokens, chosen by `steps`; every token of a mask is accepted, others are not.
void follow(const Grammar& grammar, std::string_view steps) {
  const auto constraint = Constraint::create(grammar, vocabulary());
  require(constraint.ok());
  auto start = constraint->start();
  require_message(start.status());
  if (!start.ok()) return;
  GrammarState state = *start;
  for (const char step : steps) {
    const auto mask = state.allowed();
    require_message(mask.status());
    if (!mask.ok()) return;
    std::vector<int32_t> allowed;
    for (int32_t id = 0; id < constraint->vocabulary_size(); ++id) {
      const bool bit = ((*mask)[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
      if (bit) allowed.push_back(id);
    }
    require(!state.finished() || allowed.empty());
    // With a token for each byte nothing gets stuck.
    require(state.may_end() || !allowed.empty());
    const auto choice = static_cast<unsigned char>(step);
    const int32_t other = choice;
    GrammarState copy = state;
    const bool listed = std::find(allowed.begin(), allowed.end(), other) != allowed.end();
    const Status accepted = copy.accept(other);
    require_message(accepted);
    require(accepted.ok() == listed || accepted.code() == StatusCode::kResourceExhausted);
    if (allowed.empty()) return;
    const Status taken = state.accept(allowed[choice % allowed.size()]);
    require(taken.ok() || taken.code() == StatusCode::kResourceExhausted);
    if (!taken.ok()) return;
  }
}

}  // namespace
}  // namespace lanewise::fuzz

/// A letter for the notation, a grammar, and behind a zero byte the choices of a walk through it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  if (size == 0 || size > 4096) return 0;
  const std::string_view whole = fuzz::text_of(data, size).substr(1);
  const size_t end = whole.find('\0');
  const std::string_view text = whole.substr(0, end);
  const auto grammar = data[0] == 'r'   ? Grammar::from_regex(text)
                       : data[0] == 'g' ? Grammar::from_gbnf(text)
                                        : Grammar::from_json_schema(text);
  fuzz::require_message(grammar.status());
  if (!grammar.ok()) return 0;
  const std::string_view steps =
      end == std::string_view::npos ? "abcdefghijklmnop" : whole.substr(end + 1, 64);
  fuzz::follow(*grammar, steps);
  return 0;
}

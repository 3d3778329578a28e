// Masks of grammars: the time for a token of a text, with a vocabulary of 150,000 invented tokens, or
// that of the tokenizer.json in the environment's LANEWISE_BENCH_TOKENIZER.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bench/support.hpp"
#include "lanewise/grammar.hpp"
#include "runtime/grammar/constraint.hpp"
#include "runtime/text/byte_level.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::bench {
namespace {

constexpr size_t kTokens = 150'000;

/// Bytes as they are written in a byte-level vocabulary.
std::string written(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text::append_utf8(text::byte_level_character(static_cast<uint8_t>(byte)), &text);
  }
  return text;
}

/// A part of a word, sometimes of another script, sometimes with the punctuation of JSON.
std::string invented(std::mt19937_64& random) {
  const auto below = [&](size_t count) { return random() % count; };
  std::string bytes;
  if (below(2) == 0) bytes += ' ';
  const size_t script = below(4);
  for (size_t n = 1 + below(8); n > 0; --n) {
    if (script == 0) {
      text::append_utf8(static_cast<char32_t>(0x430 + below(32)), &bytes);
    } else if (script == 1 && n % 2 == 0) {
      text::append_utf8(static_cast<char32_t>(0x4E00 + below(3000)), &bytes);
    } else {
      bytes += static_cast<char>('a' + below(26));
    }
  }
  if (below(30) == 0) {
    bytes.insert(below(2) == 0 ? 0 : bytes.size(),
                 std::string("\",:{}[]. ").substr(below(6), 1 + below(3)));
  }
  return bytes;
}

std::string invented_tokenizer() {
  nlohmann::json file = {{"model", {{"type", "WordLevel"}, {"unk_token", "<unk>"}}},
                         {"decoder", {{"type", "ByteLevel"}}}};
  nlohmann::json& vocabulary = file["model"]["vocab"];
  vocabulary["<unk>"] = 0;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[written(std::string(1, static_cast<char>(byte)))] = byte + 1;
  }
  std::mt19937_64 random(1);
  while (vocabulary.size() < kTokens) {
    vocabulary.emplace(written(invented(random)), vocabulary.size());
  }
  return file.dump();
}

Tokenizer bench_tokenizer() {
  std::string json;
  if (const char* path = std::getenv("LANEWISE_BENCH_TOKENIZER")) {
    std::ifstream in(path, std::ios::binary);
    json.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    json = invented_tokenizer();
  }
  Result<Tokenizer> made = Tokenizer::from_json(json);
  if (!made.ok()) {
    std::fprintf(stderr, "%s\n", made.status().message().c_str());
    std::exit(1);
  }
  return *made;
}

const Tokenizer& tokenizer() {
  static const Tokenizer made = bench_tokenizer();
  return made;
}

const GrammarVocabulary& vocabulary() {
  static const GrammarVocabulary made = *GrammarVocabulary::of(tokenizer());
  return made;
}

/// The longest tokens that `text` consists of.
std::vector<int32_t> longest_tokens(std::string_view text) {
  static const std::map<std::string, int32_t> ids = [] {
    std::map<std::string, int32_t> made;
    const grammar::Vocabulary& all = vocabulary().data()->vocabulary;
    for (int32_t id = 0; id < all.size(); ++id) made.emplace(all.bytes(id), id);
    return made;
  }();
  std::vector<int32_t> found;
  while (!text.empty()) {
    size_t length = std::min<size_t>(text.size(), 16);
    while (length > 1 && !ids.contains(std::string(text.substr(0, length)))) --length;
    found.push_back(ids.at(std::string(text.substr(0, length))));
    text.remove_prefix(length);
  }
  return found;
}

struct Case {
  const char* name;
  Result<Grammar> (*make)();
  std::string text;
};

const char* const kPerson = R"({"type": "object", "properties": {"name": {"type": "string"},
    "age": {"type": "integer", "minimum": 0, "maximum": 150}, "email": {"type": "string",
    "format": "email"}, "address": {"type": "object", "properties": {"street": {"type": "string",
    "maxLength": 60}, "city": {"type": "string"}, "country": {"enum": ["France", "Germany",
    "Spain", "Italy"]}}, "required": ["street", "city"]}, "tags": {"type": "array", "items":
    {"type": "string"}}}, "required": ["name", "age"]})";

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"json", [] { return Grammar::json(); },
       R"({"title": "the quick brown fox jumps over the lazy dog", "list": [1, 2.5, true, null, )"
       R"({"inner": ["a text of some words, with a comma", "and another one: \"quoted\""]}], )"
       R"("caf\u00e9": "\u4e2d and more words after that, so that strings are long enough"})"},
      {"schema", [] { return Grammar::from_json_schema(kPerson); },
       R"({"name": "some name of a person", "age": 42, "email": "person@example.com", )"
       R"("address": {"street": "a long street in some town number 12", "city": "some town", )"
       R"("country": "France"}, "tags": ["first tag", "second", "the third tag is longer"]})"},
      {"regex", [] { return Grammar::from_regex("(\\w+, )*\\w+: [0-9]{4}-[0-9]{2}-[0-9]{2}"); },
       "words, others, many, more, words, in, a, list: 2024-05-17"},
  };
  return all;
}

/// Follows a text token by token. cold: with a new constraint each time, which remembers nothing.
void follow(benchmark::State& state, const Case& c, bool cold) {
  const Grammar grammar = *c.make();
  const std::vector<int32_t> ids = longest_tokens(c.text);
  Constraint constraint = *Constraint::create(grammar, vocabulary());
  for (auto _ : state) {
    if (cold) constraint = *Constraint::create(grammar, vocabulary());
    GrammarState at = *constraint.start();
    for (const int32_t id : ids) {
      benchmark::DoNotOptimize(at.allowed()->data());
      if (!at.accept(id).ok()) state.SkipWithError("the text is not allowed");
    }
  }
  state.counters["us_per_token"] = benchmark::Counter(
      static_cast<double>(ids.size()) * 1e-6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void prepare(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(GrammarVocabulary::of(tokenizer()));
}

void compile(benchmark::State& state, const Case& c) {
  for (auto _ : state) benchmark::DoNotOptimize(c.make());
}

void register_all() {
  benchmark::RegisterBenchmark("vocabulary", prepare)->Unit(benchmark::kMillisecond);
  for (const Case& c : cases()) {
    const std::string name = c.name;
    benchmark::RegisterBenchmark(("compile/" + name).c_str(), compile, std::cref(c))
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("follow/" + name).c_str(), follow, std::cref(c), false)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("follow/" + name + "/cold").c_str(), follow, std::cref(c), true)
        ->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace
}  // namespace lanewise::bench

int main(int argc, char** argv) {
  lanewise::bench::register_all();
  return lanewise::bench::run_suite(argc, argv);
}

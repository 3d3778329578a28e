// Uses the installed package as an outside user would: both libraries and every public header.
#include <cstdio>
#include <string>
#include <vector>

#include <lanewise/convert.hpp>
#include <lanewise/lanewise.hpp>
#include <lanewise/messages.hpp>
#include <lanewise/status_macros.hpp>

namespace {

/// A word tokenizer as tokenizer.json, so that no file is needed.
constexpr const char* kWords = R"({"pre_tokenizer": {"type": "WhitespaceSplit"}, "model": {
  "type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "hello": 1, "world": 2}}})";

lanewise::Status tokenize() {
  LANEWISE_ASSIGN_OR_RETURN(const auto tokenizer, lanewise::Tokenizer::from_json(kWords));
  LANEWISE_ASSIGN_OR_RETURN(const auto encoding, tokenizer.encode("world hello"));
  for (const lanewise::ByteRange range : encoding.offsets) {
    std::printf("bytes %d to %d\n", range.begin, range.end);
  }
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, tokenizer.decode(encoding.ids));
  std::printf("decoded: %s\n", text.c_str());
  return text == "world hello" ? lanewise::Status() : lanewise::internal_error(text);
}

}  // namespace

int main() {
  const auto opened = lanewise::Model::open("no-such-file");
  const auto loaded = lanewise::load("no-such-folder");
  std::printf("open: %s\nload: %s\n", opened.status().message().c_str(),
              loaded.status().message().c_str());
  const auto file = lanewise::AtomicFile::create("no-such-folder/file");
  std::printf("create %s: %s\n", lanewise::in_quotes("no-such-folder/file").c_str(),
              file.status().message().c_str());
  for (const lanewise::InstructionSet& set : lanewise::instruction_sets()) {
    std::printf("%s%s\n", std::string(set.name).c_str(), set.available ? ", available" : "");
  }
  const lanewise::Status tokenized = tokenize();
  std::printf("tokenize: %s\n", tokenized.ok() ? "ok" : tokenized.message().c_str());
  return opened.ok() || loaded.ok() || file.ok() || !tokenized.ok() ? 1 : 0;
}

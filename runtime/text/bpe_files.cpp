#include "runtime/text/bpe_files.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"
#include "runtime/text/json_fields.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

using Json = nlohmann::json;

/// Each line "a b" as a pair; the head "#version" is none.
Result<Json> read_merges(std::string_view text) {
  if (valid_utf8_prefix(text) != text.size()) return data_loss("merges.txt is not UTF-8");
  Json merges = Json::array();
  for (bool first = true; !text.empty(); first = false) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (first && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    const bool two = space != line.npos && space > 0 && space + 1 < line.size() &&
                     line.find(' ', space + 1) == line.npos;
    if (!two) return data_loss("merges.txt: " + file::in_quotes(line) + " is not two tokens");
    merges.push_back({std::string(line.substr(0, space)), std::string(line.substr(space + 1))});
  }
  return merges;
}

/// Whether the tokenizer is one that puts <s> and </s> around texts.
Result<bool> is_roberta(const JsonFields& settings, const Json& vocabulary) {
  const bool has_both = vocabulary.contains("<s>") && vocabulary.contains("</s>");
  LW_ASSIGN_OR_RETURN(std::string name, settings.string_or("tokenizer_class", ""));
  const std::string given = name;
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (name.empty()) return has_both;
  if (name == "GPT2Tokenizer") return false;
  if (name != "RobertaTokenizer" && name != "BartTokenizer") {
    return unsupported("tokenizer_class '" + given +
                       "' with vocab.json is not supported, only GPT-2's, RoBERTa's and BART's");
  }
  if (has_both) return true;
  return data_loss("vocab.json has no <s> and </s>, which " + given + " needs");
}

/// The special tokens that the vocabulary has.
Json special_tokens(const Json& vocabulary) {
  Json tokens = Json::array();
  for (const char* token : {"<s>", "<pad>", "</s>", "<unk>", "<|endoftext|>", "<mask>"}) {
    if (!vocabulary.contains(token)) continue;
    tokens.push_back({{"id", vocabulary[token]},
                      {"content", token},
                      {"lstrip", token == std::string_view("<mask>")},
                      {"normalized", false},
                      {"special", true}});
  }
  return tokens;
}

}  // namespace

Result<Json> tokenizer_json_of_bpe_files(std::string_view vocabulary_text,
                                         std::string_view merges_text,
                                         std::string_view settings_text) {
  const Json vocabulary = Json::parse(vocabulary_text, nullptr, /*allow_exceptions=*/false);
  if (!vocabulary.is_object()) return data_loss("vocab.json: expected an object of ids by token");
  const Json settings =
      settings_text.empty() ? Json::object() : Json::parse(settings_text, nullptr, false);
  if (settings.is_discarded()) return data_loss("tokenizer_config.json is not JSON");
  LW_ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(settings, "tokenizer_config.json"));
  LW_ASSIGN_OR_RETURN(const bool roberta, is_roberta(fields, vocabulary));
  LW_ASSIGN_OR_RETURN(const bool prefix_space, fields.boolean_or("add_prefix_space", false));
  LW_ASSIGN_OR_RETURN(const bool trim_offsets, fields.boolean_or("trim_offsets", roberta));
  LW_ASSIGN_OR_RETURN(Json merges, read_merges(merges_text));
  Json processor = {{"type", roberta ? "RobertaProcessing" : "ByteLevel"},
                    {"trim_offsets", trim_offsets},
                    {"add_prefix_space", prefix_space}};
  if (roberta) {
    processor["cls"] = {"<s>", vocabulary["<s>"]};
    processor["sep"] = {"</s>", vocabulary["</s>"]};
  }
  return Json{{"version", "1.0"},
              {"added_tokens", special_tokens(vocabulary)},
              {"normalizer", nullptr},
              {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", prefix_space}}},
              {"post_processor", std::move(processor)},
              {"decoder", {{"type", "ByteLevel"}}},
              {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", std::move(merges)}}}};
}

}  // namespace lanewise::text

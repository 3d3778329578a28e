#include "converters/tokenizers/bpe_files.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/tokenizer_classes.hpp"
#include "converters/tokenizers/vocabulary_file.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using Ids = std::map<std::string, int32_t>;

/// Each line "a b" as a pair; skips the header "#version".
Result<Json> read_merges(std::string_view text) {
  if (text::valid_utf8_prefix(text) != text.size()) return data_loss("merges.txt is not UTF-8");
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
    if (!two) return data_loss("merges.txt: " + base::in_quotes(line) + " is not two tokens");
    merges.push_back(Json::array(line.substr(0, space), line.substr(space + 1)));
  }
  return merges;
}

enum class Kind { kGpt2, kRoberta, kDeberta, kHerbert };

/// The class of a tokenizer if no file names one.
const char* guessed_class(const Ids& vocabulary) {
  const bool has_both = vocabulary.contains("<s>") && vocabulary.contains("</s>");
  return has_both ? "RobertaTokenizer" : "GPT2Tokenizer";
}

Result<Kind> kind_of(const std::string& name) {
  if (is_gpt2_class(name)) return Kind::kGpt2;
  if (is_roberta_class(name)) return Kind::kRoberta;
  if (name == "DebertaTokenizer") return Kind::kDeberta;
  if (name == "HerbertTokenizer") return Kind::kHerbert;
  return unsupported("tokenizer_class " + base::in_quotes(name) +
                     " with vocab.json and merges.txt is not supported, only GPT-2's, RoBERTa's, "
                     "BART's, DeBERTa's and HerBERT's");
}

/// A class's own, whatever its settings say.
std::string_view usual_token(std::string_view class_name, std::string_view setting) {
  for (const ClassToken& token : class_tokens(class_name)) {
    if (token.setting == setting) return token.content;
  }
  return {};
}

/// A post_processor that puts `cls_token` and `sep_token` around texts.
Result<Json> around_texts(const char* type, const Ids& vocabulary, const Companions& companions) {
  Json processor = Json::object({{"type", type}});
  for (const char* const field : {"cls", "sep"}) {
    const std::string setting = std::string(field) + "_token";
    const std::string token =
        companions.token_name(setting, usual_token(companions.tokenizer_class, setting));
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end()) {
      return data_loss("vocab.json has no " + setting + " " + base::in_quotes(token));
    }
    processor.set(field, Json::array(token, found->second));
  }
  return processor;
}

Json bpe_model(const Ids& vocabulary, Json merges) {
  return Json::object(
      {{"type", "BPE"}, {"vocab", Json::object_of(vocabulary)}, {"merges", std::move(merges)}});
}

Result<Json> byte_level(Kind kind, const Ids& vocabulary, Json merges,
                        const Companions& companions) {
  const bool prefix_space = companions.add_prefix_space.value_or(false);
  const bool roberta = kind == Kind::kRoberta;
  Json processor = Json::object({{"type", "ByteLevel"}});
  if (roberta) {
    LW_ASSIGN_OR_RETURN(processor, around_texts("RobertaProcessing", vocabulary, companions));
  }
  processor.set("trim_offsets", companions.trim_offsets.value_or(roberta));
  processor.set("add_prefix_space", prefix_space);
  if (kind == Kind::kDeberta) {
    LW_ASSIGN_OR_RETURN(processor, around_texts("BertProcessing", vocabulary, companions));
  }
  return Json::object(
      {{"version", "1.0"},
       {"added_tokens", Json::array()},
       {"normalizer", nullptr},
       {"pre_tokenizer", Json::object({{"type", "ByteLevel"}, {"add_prefix_space", prefix_space}})},
       {"post_processor", std::move(processor)},
       {"decoder", Json::object({{"type", "ByteLevel"}})},
       {"model", bpe_model(vocabulary, std::move(merges))}});
}

/// Cased words split as BERT does; the last piece of a word ends in </w>.
Result<Json> herbert(const Ids& vocabulary, Json merges, const Companions& companions) {
  LW_ASSIGN_OR_RETURN(Json processor, around_texts("BertProcessing", vocabulary, companions));
  Json model = bpe_model(vocabulary, std::move(merges));
  model.set("unk_token", companions.token_name("unk_token", "<unk>"));
  model.set("end_of_word_suffix", "</w>");
  return Json::object({{"version", "1.0"},
                       {"added_tokens", Json::array()},
                       {"normalizer", Json::object({{"type", "BertNormalizer"},
                                                    {"clean_text", true},
                                                    {"handle_chinese_chars", true},
                                                    {"strip_accents", false},
                                                    {"lowercase", false}})},
                       {"pre_tokenizer", Json::object({{"type", "BertPreTokenizer"}})},
                       {"post_processor", std::move(processor)},
                       {"decoder", Json::object({{"type", "BPEDecoder"}, {"suffix", "</w>"}})},
                       {"model", std::move(model)}});
}

}  // namespace

Result<Json> tokenizer_json_of_bpe_files(std::string_view vocabulary_text,
                                         std::string_view merges_text, Companions* companions) {
  LW_ASSIGN_OR_RETURN(const Ids vocabulary, read_vocabulary_json(vocabulary_text));
  if (companions->tokenizer_class.empty()) {
    companions->tokenizer_class = guessed_class(vocabulary);
  }
  LW_ASSIGN_OR_RETURN(const Kind kind, kind_of(companions->tokenizer_class));
  LW_ASSIGN_OR_RETURN(Json merges, read_merges(merges_text));
  if (kind == Kind::kHerbert) return herbert(vocabulary, std::move(merges), *companions);
  return byte_level(kind, vocabulary, std::move(merges), *companions);
}

}  // namespace lanewise::converters

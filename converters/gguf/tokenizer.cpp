#include "converters/gguf/tokenizer.hpp"

#include <set>
#include <utility>
#include <vector>

#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/gguf/pre_tokenizers.hpp"
#include "runtime/text/models/sentencepiece.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using Json = base::JsonTree;
using text::PieceKind;

/// Decoding can leave these out.
bool is_special(GgufTokenType type) {
  return type == GgufTokenType::kControl || type == GgufTokenType::kUnknown;
}

class Writer {
 public:
  Writer(const GgufFields& fields, const GgufVocabulary& vocabulary)
      : fields_(fields), vocabulary_(vocabulary) {}

  Result<std::string> write() {
    Json file = Json::object({{"version", "1.0"}, {"added_tokens", added_tokens()}});
    if (vocabulary_.model == "gpt2") {
      LW_RETURN_IF_ERROR(write_byte_level(&file));
    } else if (vocabulary_.model == "llama") {
      LW_RETURN_IF_ERROR(write_pieces(&file));
    } else if (vocabulary_.model == "bert") {
      LW_RETURN_IF_ERROR(write_words(&file));
    } else {
      return fields_.refused("model", in_quotes(vocabulary_.model));
    }
    return sorted_text(std::move(file));
  }

 private:
  std::string text(int32_t id) const { return std::string(vocabulary_.text(id)); }

  Json added_tokens() const {
    Json list = Json::array();
    for (size_t i = 0; i < vocabulary_.tokens.size(); ++i) {
      const GgufToken& token = vocabulary_.tokens[i];
      if (!is_found_first(token.type)) continue;
      list.push_back(Json::object({{"id", static_cast<int64_t>(i)},
                                   {"content", token.text},
                                   {"single_word", false},
                                   {"lstrip", false},
                                   {"rstrip", token.strips_right},
                                   {"normalized", false},
                                   {"special", is_special(token.type)}}));
    }
    return list;
  }

  /// The id of a token that is added around each text.
  Result<int32_t> added_id(const char* flag, bool usual, const char* key, int32_t id) const {
    LW_ASSIGN_OR_RETURN(const bool adds, fields_.boolean_or(flag, usual));
    if (!adds) return kNoGgufToken;
    if (id != kNoGgufToken) return id;
    return data_loss("metadata " + in_quotes(fields_.key(key)) + " is missing, but " +
                     in_quotes(fields_.key(flag)) + " needs it");
  }

  /// Around each text `bos` and `eos`, where the file, or else llama.cpp, wants them.
  Status write_template(bool adds_bos, Json* file) const {
    LW_ASSIGN_OR_RETURN(const int32_t bos,
                        added_id("add_bos_token", adds_bos, "bos_token_id", vocabulary_.bos));
    LW_ASSIGN_OR_RETURN(const int32_t eos,
                        added_id("add_eos_token", false, "eos_token_id", vocabulary_.eos));
    file->set("post_processor", template_of({bos}, {eos}));
    return {};
  }

  Json template_of(std::vector<int32_t> before, std::vector<int32_t> after) const {
    std::erase(before, kNoGgufToken);
    std::erase(after, kNoGgufToken);
    const auto around = [&](std::initializer_list<const char*> texts) {
      Json list = Json::array();
      const auto special = [&](int32_t id) {
        list.push_back(
            Json::object({{"SpecialToken", Json::object({{"id", text(id)}, {"type_id", 0}})}}));
      };
      for (const int32_t id : before) special(id);
      for (const char* name : texts) {
        list.push_back(Json::object({{"Sequence", Json::object({{"id", name}, {"type_id", 0}})}}));
      }
      for (const int32_t id : after) special(id);
      return list;
    };
    std::set<int32_t> used(before.begin(), before.end());
    used.insert(after.begin(), after.end());
    Json specials = Json::object();
    for (const int32_t id : used) {
      specials.set(text(id), Json::object({{"id", text(id)},
                                           {"ids", Json::array(id)},
                                           {"tokens", Json::array(text(id))}}));
    }
    return Json::object({{"type", "TemplateProcessing"},
                         {"single", around({"A"})},
                         {"pair", around({"A", "B"})},
                         {"special_tokens", std::move(specials)}});
  }

  // Byte-level BPE.

  Status write_byte_level(Json* file) const {
    LW_ASSIGN_OR_RETURN(const std::string name, fields_.text_or("pre", "default"));
    const GgufPreTokenizer* pre = find_gguf_pre_tokenizer(name);
    if (pre == nullptr) return fields_.refused("pre", "the pre-tokenizer " + in_quotes(name));
    // llama.cpp reads it, too, but adds no space.
    LW_RETURN_IF_ERROR(fields_.boolean_or("add_space_prefix", false).status());
    Json steps = Json::array();
    for (const std::string_view pattern : pre->patterns) {
      steps.push_back(Json::object({{"type", "Split"},
                                    {"pattern", Json::object({{"Regex", pattern}})},
                                    {"behavior", "Isolated"},
                                    {"invert", false}}));
    }
    steps.push_back(byte_level());
    file->set("normalizer", nullptr);
    file->set("pre_tokenizer",
              Json::object({{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}));
    file->set("decoder", byte_level());
    LW_ASSIGN_OR_RETURN(Json merges, read_merges());
    file->set("model", Json::object({{"type", "BPE"},
                                     {"ignore_merges", pre->ignores_merges},
                                     {"vocab", ids()},
                                     {"merges", std::move(merges)}}));
    return write_template(pre->adds_bos, file);
  }

  static Json byte_level() {
    return Json::object({{"type", "ByteLevel"},
                         {"add_prefix_space", false},
                         {"trim_offsets", false},
                         {"use_regex", false}});
  }

  Json ids() const {
    std::vector<std::pair<std::string_view, int32_t>> list;
    list.reserve(vocabulary_.tokens.size());
    for (const GgufToken& token : vocabulary_.tokens) {
      list.emplace_back(token.text, static_cast<int32_t>(list.size()));
    }
    return Json::object_of(list);
  }

  /// The first of several equal merges counts.
  Result<Json> read_merges() const {
    LW_ASSIGN_OR_RETURN(const auto merges, fields_.strings("merges"));
    std::set<std::string_view> seen;
    Json list = Json::array();
    for (size_t i = 0; i < merges.size(); ++i) {
      const std::string_view merge = merges[i];
      const size_t space = merge.find(' ', 1);
      if (space == merge.npos || space + 1 == merge.size()) {
        return data_loss("metadata " + in_quotes(fields_.key("merges")) + ": merge " +
                         std::to_string(i) + " is " + in_quotes(merge) +
                         ", expected two tokens with a space between them");
      }
      if (!seen.insert(merge).second) continue;
      list.push_back(Json::array(merge.substr(0, space), merge.substr(space + 1)));
    }
    return list;
  }

  // SentencePiece's BPE by scores, as llama.cpp runs it: no normalisation but a space before each
  // text between special tokens, and any token may be merged.

  Status write_pieces(Json* file) const {
    LW_ASSIGN_OR_RETURN(const bool prefix, fields_.boolean_or("add_space_prefix", true));
    if (vocabulary_.unk == kNoGgufToken) return fields_.wrong("unknown_token_id", "a token");
    if (!fields_.has("scores")) return fields_.wrong("scores", "an array of numbers");
    file->set("normalizer", Json::object({{"type", "SentencePiece"},
                                          {"add_dummy_prefix", prefix},
                                          {"remove_extra_whitespaces", false},
                                          {"escape_whitespaces", true},
                                          {"treat_whitespace_as_suffix", false}}));
    file->set("pre_tokenizer", nullptr);
    file->set("model", Json::object({{"type", "SentencePiece"},
                                     {"algorithm", "bpe"},
                                     {"byte_fallback", true},
                                     {"unk_token", text(vocabulary_.unk)},
                                     {"pieces", pieces()}}));
    file->set("decoder", piece_decoder(prefix));
    return write_template(/*adds_bos=*/true, file);
  }

  Json pieces() const {
    Json list = Json::array();
    for (size_t i = 0; i < vocabulary_.tokens.size(); ++i) {
      const GgufToken& token = vocabulary_.tokens[i];
      PieceKind kind = PieceKind::kNormal;
      if (token.type == GgufTokenType::kByte) kind = PieceKind::kByte;
      if (static_cast<int32_t>(i) == vocabulary_.unk) kind = PieceKind::kUnknown;
      list.push_back(Json::array(token.text, token.score, static_cast<int32_t>(kind)));
    }
    return list;
  }

  Json piece_decoder(bool prefix) const {
    Json control = Json::array();
    for (const GgufToken& token : vocabulary_.tokens) {
      if (token.type == GgufTokenType::kControl) control.push_back(token.text);
    }
    return Json::object({{"type", "SentencePiece"},
                         {"control", std::move(control)},
                         {"unk", text(vocabulary_.unk)},
                         {"unk_surface", text(vocabulary_.unk)},
                         {"byte_fallback", true},
                         {"add_dummy_prefix", prefix},
                         {"remove_extra_whitespaces", false}});
  }

  // WordPiece: tokens that begin a word have U+2581 before them, the others nothing.

  Status write_words(Json* file) const {
    LW_ASSIGN_OR_RETURN(const bool lowercase, fields_.boolean_or("normalizer.lowercase", true));
    LW_ASSIGN_OR_RETURN(const bool strips,
                        fields_.boolean_or("normalizer.strip_accents", lowercase));
    if (vocabulary_.unk == kNoGgufToken) return fields_.wrong("unknown_token_id", "a token");
    if (vocabulary_.bos == kNoGgufToken) return fields_.wrong("bos_token_id", "a token");
    if (vocabulary_.sep == kNoGgufToken) return fields_.wrong("seperator_token_id", "a token");
    LW_ASSIGN_OR_RETURN(Json words, word_ids());
    file->set("normalizer", Json::object({{"type", "BertNormalizer"},
                                          {"clean_text", true},
                                          {"handle_chinese_chars", true},
                                          {"strip_accents", strips},
                                          {"lowercase", lowercase}}));
    file->set("pre_tokenizer", Json::object({{"type", "BertPreTokenizer"}}));
    file->set("decoder",
              Json::object({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}));
    file->set("model", Json::object({{"type", "WordPiece"},
                                     {"unk_token", word(vocabulary_.unk)},
                                     {"continuing_subword_prefix", "##"},
                                     {"max_input_chars_per_word", 1'000'000'000},
                                     {"vocab", std::move(words)}}));
    const auto named = [&](int32_t id) { return Json::array(word(id), id); };
    file->set("post_processor", Json::object({{"type", "BertProcessing"},
                                              {"cls", named(vocabulary_.bos)},
                                              {"sep", named(vocabulary_.sep)}}));
    return {};
  }

  /// A token as BERT's vocab.txt has it.
  std::string word(int32_t id) const {
    constexpr std::string_view kSpace = "\u2581";
    const GgufToken& token = vocabulary_.tokens[static_cast<size_t>(id)];
    if (is_found_first(token.type)) return token.text;
    if (token.text.starts_with(kSpace)) return token.text.substr(kSpace.size());
    return "##" + token.text;
  }

  Result<Json> word_ids() const {
    std::vector<std::pair<std::string, int32_t>> list;
    std::set<std::string> seen;
    for (size_t i = 0; i < vocabulary_.tokens.size(); ++i) {
      list.emplace_back(word(static_cast<int32_t>(i)), static_cast<int32_t>(i));
      if (seen.insert(list.back().first).second) continue;
      return data_loss("metadata " + in_quotes(fields_.key("tokens")) + ": two tokens are " +
                       in_quotes(list.back().first));
    }
    return Json::object_of(list);
  }

  const GgufFields& fields_;
  const GgufVocabulary& vocabulary_;
};

}  // namespace

Result<std::string> gguf_tokenizer_json(const GgufFields& fields,
                                        const GgufVocabulary& vocabulary) {
  return Writer(fields, vocabulary).write();
}

}  // namespace lanewise::converters

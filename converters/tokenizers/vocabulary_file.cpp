#include "converters/tokenizers/vocabulary_file.hpp"

#include <algorithm>
#include <vector>

#include "base/json_fields.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "converters/tokenizers/tokenizer_classes.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;

/// The lines of a file; the last one may lack a newline.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

using Ids = std::map<std::string, int32_t>;

/// Each token with its last id.
Result<Ids> read_ids(std::string_view vocabulary) {
  const size_t valid = text::valid_utf8_prefix(vocabulary);
  if (valid != vocabulary.size()) {
    return data_loss("vocab.txt is not UTF-8 at byte " + std::to_string(valid));
  }
  Ids ids;
  int32_t id = 0;
  for (const std::string_view line : lines_of(vocabulary)) ids[std::string(line)] = id++;
  return ids;
}

/// [name, id], as a post_processor has it.
Result<Json> special(const Ids& ids, const Companions& companions, const char* setting,
                     const char* usual) {
  const std::string name = companions.token_name(setting, usual);
  const auto found = ids.find(name);
  if (found != ids.end()) return Json::array(name, found->second);
  return data_loss(std::string("vocab.txt has no ") + setting + " " + base::in_quotes(name));
}

}  // namespace

Result<std::map<std::string, int32_t>> read_vocabulary_json(std::string_view text) {
  constexpr const char* kName = "vocab.json";
  LW_ASSIGN_OR_RETURN(const base::JsonDocument json, parse_file(text, kName));
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of_file(json.root(), kName));
  std::map<std::string, int32_t> ids;
  for (const base::JsonMember& member : fields.members()) {
    LW_ASSIGN_OR_RETURN(const int32_t id, fields.count_of(member));
    ids.emplace(member.name, id);
  }
  return ids;
}

Result<Json> tokenizer_json_of_vocabulary(std::string_view vocabulary,
                                          const Companions& companions) {
  const std::string& name = companions.tokenizer_class;
  const bool mpnet = is_mpnet_class(name);
  if (!is_bert_class(name) && !mpnet) {
    return unsupported("tokenizer_class " + base::in_quotes(name) +
                       " with vocab.txt is not supported, only BERT's and MPNet's");
  }
  LW_ASSIGN_OR_RETURN(const Ids ids, read_ids(vocabulary));
  LW_ASSIGN_OR_RETURN(Json cls, special(ids, companions, "cls_token", mpnet ? "<s>" : "[CLS]"));
  LW_ASSIGN_OR_RETURN(Json sep, special(ids, companions, "sep_token", mpnet ? "</s>" : "[SEP]"));
  Json around = Json::object({{"type", mpnet ? "RobertaProcessing" : "BertProcessing"},
                              {"cls", std::move(cls)},
                              {"sep", std::move(sep)}});
  if (mpnet) {
    around.set("trim_offsets", true);
    around.set("add_prefix_space", false);
  }
  return Json::object(
      {{"version", "1.0"},
       {"added_tokens", Json::array()},
       {"normalizer", Json::object({{"type", "BertNormalizer"},
                                    {"clean_text", true},
                                    {"handle_chinese_chars", true},
                                    {"strip_accents", nullptr},
                                    {"lowercase", true}})},
       {"pre_tokenizer", Json::object({{"type", "BertPreTokenizer"}})},
       {"post_processor", std::move(around)},
       {"decoder", Json::object({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}})},
       {"model", Json::object({{"type", "WordPiece"},
                               {"unk_token", companions.token_name("unk_token", "[UNK]")},
                               {"continuing_subword_prefix", "##"},
                               {"max_input_chars_per_word", 100},
                               {"vocab", Json::object_of(ids)}})}});
}

}  // namespace lanewise::converters

#include "runtime/text/tokenizer_json.hpp"

#include <span>
#include <utility>

#include "base/status_macros.hpp"

namespace lanewise::text {
namespace {

using Json = base::JsonTree;

Json template_piece(const char* kind, std::string_view id, int32_t type_id) {
  return Json::object({{kind, Json::object({{"id", id}, {"type_id", type_id}})}});
}

/// The pieces as JSON; enters the special tokens that they use into `specials`.
Json pieces_to_json(std::span<const TemplatePiece> pieces, const TokenOf& token_of,
                    Json* specials) {
  Json list = Json::array();
  for (const TemplatePiece& piece : pieces) {
    if (piece.kind != TemplatePiece::Kind::kSpecial) {
      const char* id = piece.kind == TemplatePiece::Kind::kFirst ? "A" : "B";
      list.push_back(template_piece("Sequence", id, piece.type_id));
      continue;
    }
    list.push_back(template_piece("SpecialToken", piece.name, piece.type_id));
    Json tokens = Json::array();
    for (const int32_t id : piece.ids) tokens.push_back(token_of(id));
    specials->set(
        piece.name,
        Json::object({{"id", piece.name}, {"ids", piece.ids}, {"tokens", std::move(tokens)}}));
  }
  return list;
}

}  // namespace

Result<Vocabulary> read_vocabulary_object(const base::JsonFields& model) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields vocab, model.object("vocab"));
  Vocabulary vocabulary;
  vocabulary.reserve(vocab.members().size());
  for (const base::JsonMember& member : vocab.members()) {
    LW_ASSIGN_OR_RETURN(const int32_t id, vocab.count_of(member));
    vocabulary.emplace_back(member.name, id);
  }
  return vocabulary;
}

Result<AddedToken> added_token_from_json(const base::JsonFields& entry) {
  AddedToken token;
  LW_ASSIGN_OR_RETURN(token.content, entry.string("content"));
  LW_ASSIGN_OR_RETURN(token.single_word, entry.boolean_or("single_word", false));
  LW_ASSIGN_OR_RETURN(token.lstrip, entry.boolean_or("lstrip", false));
  LW_ASSIGN_OR_RETURN(token.rstrip, entry.boolean_or("rstrip", false));
  LW_ASSIGN_OR_RETURN(token.special, entry.boolean_or("special", false));
  LW_ASSIGN_OR_RETURN(token.normalized, entry.boolean_or("normalized", !token.special));
  return token;
}

Json added_tokens_to_json(const std::vector<AddedToken>& tokens) {
  Json list = Json::array();
  for (const AddedToken& token : tokens) {
    list.push_back(Json::object({{"id", token.id},
                                 {"content", token.content},
                                 {"single_word", token.single_word},
                                 {"lstrip", token.lstrip},
                                 {"rstrip", token.rstrip},
                                 {"normalized", token.normalized},
                                 {"special", token.special}}));
  }
  return list;
}

Status added_tokens_from_json(const base::JsonFields& file, std::vector<AddedToken>* tokens) {
  if (!file.find("added_tokens")) return {};
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, file.objects("added_tokens"));
  for (const base::JsonFields& entry : list) {
    LW_ASSIGN_OR_RETURN(AddedToken token, added_token_from_json(entry));
    LW_ASSIGN_OR_RETURN(token.id, entry.count("id"));
    if (!token.content.empty()) tokens->push_back(std::move(token));
  }
  return {};
}

Json bare_tokenizer_json(const std::vector<AddedToken>& added_tokens) {
  return Json::object({{"version", "1.0"},
                       {"truncation", nullptr},
                       {"padding", nullptr},
                       {"added_tokens", added_tokens_to_json(added_tokens)},
                       {"normalizer", nullptr},
                       {"pre_tokenizer", nullptr},
                       {"post_processor", nullptr},
                       {"decoder", nullptr}});
}

Json template_to_json(const SpecialTemplate& specials, const TokenOf& token_of) {
  Json tokens = Json::object();
  Json single = pieces_to_json(specials.single, token_of, &tokens);
  Json pair = pieces_to_json(specials.pair, token_of, &tokens);
  return Json::object({{"type", "TemplateProcessing"},
                       {"single", std::move(single)},
                       {"pair", std::move(pair)},
                       {"special_tokens", std::move(tokens)}});
}

}  // namespace lanewise::text

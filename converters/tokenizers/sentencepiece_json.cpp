#include "converters/tokenizers/sentencepiece_json.hpp"

#include <utility>

#include "runtime/text/base64.hpp"
#include "runtime/text/models/sentencepiece.hpp"

namespace lanewise::converters {
namespace {

using Json = base::JsonTree;
using text::PieceKind;

/// The pieces of one kind.
Json pieces_of(const SentencePieceFile& file, PieceKind kind) {
  Json list = Json::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    if (piece.kind == static_cast<int32_t>(kind)) list.push_back(piece.text);
  }
  return list;
}

Json normalizer(const SentencePieceFile& file) {
  return Json::object({{"type", "SentencePiece"},
                       {"precompiled_charsmap", text::encode_base64(file.charsmap)},
                       {"add_dummy_prefix", file.add_dummy_prefix},
                       {"remove_extra_whitespaces", file.remove_extra_whitespaces},
                       {"escape_whitespaces", file.escape_whitespaces},
                       {"treat_whitespace_as_suffix", file.treat_whitespace_as_suffix},
                       {"user_defined_symbols", pieces_of(file, PieceKind::kUserDefined)}});
}

Json model(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json pieces = Json::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    pieces.push_back(Json::array(piece.text, piece.score, piece.kind));
  }
  Json result = Json::object({{"type", "SentencePiece"},
                              {"algorithm", file.algorithm},
                              {"byte_fallback", file.byte_fallback},
                              {"pieces", std::move(pieces)}});
  if (!family.vocabulary.empty()) {
    result.set("vocab", Json::object_of(family.vocabulary));
    result.set("unk_token", family.unk_token);
  }
  return result;
}

Json decoder(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json separate = Json::array();
  for (const auto& special : family.specials) {
    if (family.separate_specials) separate.push_back(special.token);
  }
  Json unknown = pieces_of(file, PieceKind::kUnknown);
  return Json::object({{"type", "SentencePiece"},
                       {"control", pieces_of(file, PieceKind::kControl)},
                       {"unk", std::move(unknown.elements().front())},
                       {"unk_surface", file.unk_surface},
                       {"byte_fallback", file.byte_fallback},
                       {"add_dummy_prefix", file.add_dummy_prefix},
                       {"remove_extra_whitespaces", file.remove_extra_whitespaces},
                       {"separate", std::move(separate)},
                       {"strip", family.strip}});
}

/// Appends a piece of a template, whose id is a token or the name of a text.
void add_piece(const char* kind, std::string_view id, int type, Json& list) {
  list.push_back(Json::object({{kind, Json::object({{"id", id}, {"type_id", type}})}}));
}

void add_specials(const std::vector<std::string>& names, int type, Json& list) {
  for (const std::string& name : names) add_piece("SpecialToken", name, type, list);
}

Json template_of_text(const SentencePieceFamily& family) {
  Json list = Json::array();
  add_specials(family.prefix, 0, list);
  add_piece("Sequence", "A", 0, list);
  add_specials(family.suffix, 0, list);
  return list;
}

Json template_of_pair(const SentencePieceFamily& family) {
  const int second = family.second_type ? 1 : 0;
  Json list = Json::array();
  add_specials(family.prefix, 0, list);
  add_piece("Sequence", "A", 0, list);
  add_specials(family.separator, 0, list);
  add_piece("Sequence", "B", second, list);
  add_specials(family.suffix, second, list);
  return list;
}

}  // namespace

Json added_tokens_of(const SentencePieceFamily& family) {
  Json list = Json::array();
  for (const auto& special : family.specials) {
    list.push_back(Json::object({{"id", special.id},
                                 {"content", special.token},
                                 {"single_word", false},
                                 {"lstrip", special.lstrip},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", true}}));
  }
  return list;
}

Json template_of(const SentencePieceFamily& family) {
  Json specials = Json::object();
  for (const auto& special : family.specials) {
    specials.set(special.token, Json::object({{"id", special.token},
                                              {"ids", Json::array(special.id)},
                                              {"tokens", Json::array(special.token)}}));
  }
  return Json::object({{"type", "TemplateProcessing"},
                       {"single", template_of_text(family)},
                       {"pair", template_of_pair(family)},
                       {"special_tokens", std::move(specials)}});
}

std::string sentencepiece_json(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json json = Json::object({{"version", "1.0"},
                            {"added_tokens", added_tokens_of(family)},
                            {"normalizer", normalizer(file)},
                            {"pre_tokenizer", nullptr},
                            {"post_processor", template_of(family)},
                            {"decoder", decoder(file, family)},
                            {"model", model(file, family)}});
  if (family.leading_codes) {
    json.set("leading_code",
             Json::object({{"open", ">>"}, {"close", "<<"}, {"unk_token", family.unk_token}}));
  }
  return sorted_text(std::move(json));
}

}  // namespace lanewise::converters

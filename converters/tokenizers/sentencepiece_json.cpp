#include "converters/tokenizers/sentencepiece_json.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/text/base64.hpp"
#include "runtime/text/models/sentencepiece.hpp"

namespace lanewise::converters {
namespace {

using Json = nlohmann::json;
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
  return {{"type", "SentencePiece"},
          {"precompiled_charsmap", text::encode_base64(file.charsmap)},
          {"add_dummy_prefix", file.add_dummy_prefix},
          {"remove_extra_whitespaces", file.remove_extra_whitespaces},
          {"escape_whitespaces", file.escape_whitespaces},
          {"treat_whitespace_as_suffix", file.treat_whitespace_as_suffix},
          {"user_defined_symbols", pieces_of(file, PieceKind::kUserDefined)}};
}

Json model(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json pieces = Json::array();
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    pieces.push_back({piece.text, piece.score, piece.kind});
  }
  Json result = {{"type", "SentencePiece"},
                 {"algorithm", file.algorithm},
                 {"byte_fallback", file.byte_fallback},
                 {"pieces", std::move(pieces)}};
  if (!family.vocabulary.empty()) {
    result["vocab"] = family.vocabulary;
    result["unk_token"] = family.unk_token;
  }
  return result;
}

Json decoder(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json separate = Json::array();
  for (const auto& special : family.specials) {
    if (family.separate_specials) separate.push_back(special.token);
  }
  return {{"type", "SentencePiece"},
          {"control", pieces_of(file, PieceKind::kControl)},
          {"unk", pieces_of(file, PieceKind::kUnknown)[0]},
          {"unk_surface", file.unk_surface},
          {"byte_fallback", file.byte_fallback},
          {"add_dummy_prefix", file.add_dummy_prefix},
          {"remove_extra_whitespaces", file.remove_extra_whitespaces},
          {"separate", std::move(separate)},
          {"strip", family.strip}};
}

Json added_tokens(const SentencePieceFamily& family) {
  Json list = Json::array();
  for (const auto& special : family.specials) {
    list.push_back({{"id", special.id},
                    {"content", special.token},
                    {"single_word", false},
                    {"lstrip", special.lstrip},
                    {"rstrip", false},
                    {"normalized", false},
                    {"special", true}});
  }
  return list;
}

}  // namespace

Json template_of(const SentencePieceFamily& family) {
  const auto token = [](const std::string& name) {
    return Json{{"SpecialToken", {{"id", name}, {"type_id", 0}}}};
  };
  Json single = Json::array();
  for (const std::string& name : family.prefix) single.push_back(token(name));
  Json pair = single;
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  pair.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
  for (const std::string& name : family.suffix) {
    single.push_back(token(name));
    pair.push_back(token(name));
  }
  Json specials = Json::object();
  for (const auto& special : family.specials) {
    specials[special.token] = {{"id", special.token},
                               {"ids", Json::array({special.id})},
                               {"tokens", Json::array({special.token})}};
  }
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(specials)}};
}

std::string sentencepiece_json(const SentencePieceFile& file, const SentencePieceFamily& family) {
  Json json = {{"version", "1.0"},
               {"added_tokens", added_tokens(family)},
               {"normalizer", normalizer(file)},
               {"pre_tokenizer", nullptr},
               {"post_processor", template_of(family)},
               {"decoder", decoder(file, family)},
               {"model", model(file, family)}};
  if (family.leading_codes) {
    json["leading_code"] = {{"open", ">>"}, {"close", "<<"}, {"unk_token", family.unk_token}};
  }
  return json.dump();
}

}  // namespace lanewise::converters

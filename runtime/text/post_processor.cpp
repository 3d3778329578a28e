#include "runtime/text/post_processor.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"

namespace lanewise::text {
namespace {

constexpr int32_t kMaxId = std::numeric_limits<int32_t>::max();

Result<TemplatePiece> read_sequence(const base::JsonFields& piece) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields sequence, piece.object("Sequence"));
  constexpr std::string_view kTexts[] = {"A", "B"};
  LW_ASSIGN_OR_RETURN(const size_t text, sequence.choice("id", kTexts, StatusCode::kDataLoss));
  TemplatePiece result;
  result.kind = text == 0 ? TemplatePiece::Kind::kFirst : TemplatePiece::Kind::kSecond;
  LW_ASSIGN_OR_RETURN(result.type_id, sequence.count_or("type_id", 0));
  return result;
}

Result<TemplatePiece> read_special(const base::JsonFields& piece,
                                   const base::JsonFields& specials) {
  LW_ASSIGN_OR_RETURN(const base::JsonFields token, piece.object("SpecialToken"));
  TemplatePiece result;
  LW_ASSIGN_OR_RETURN(result.name, token.string("id"));
  LW_ASSIGN_OR_RETURN(result.type_id, token.count_or("type_id", 0));
  LW_ASSIGN_OR_RETURN(const base::JsonFields special, specials.object(result.name));
  LW_ASSIGN_OR_RETURN(result.ids, special.integers("ids", 0, kMaxId));
  return result;
}

/// Each text must occur exactly once, or truncation could not respect its limit.
Status check_texts(std::span<const TemplatePiece> pieces, bool pair, const std::string& name) {
  const auto count = [&](TemplatePiece::Kind kind) {
    return std::count_if(pieces.begin(), pieces.end(),
                         [&](const TemplatePiece& piece) { return piece.kind == kind; });
  };
  if (count(TemplatePiece::Kind::kFirst) == 1 &&
      count(TemplatePiece::Kind::kSecond) == (pair ? 1 : 0)) {
    return {};
  }
  return unsupported(name + ": expected " + (pair ? "A and B" : "A alone") + ", once");
}

Result<std::vector<TemplatePiece>> read_pieces(const base::JsonFields& processor, const char* key,
                                               bool pair) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, processor.objects(key));
  LW_ASSIGN_OR_RETURN(const base::JsonFields specials, processor.object("special_tokens"));
  std::vector<TemplatePiece> pieces;
  for (const base::JsonFields& piece : list) {
    LW_ASSIGN_OR_RETURN(TemplatePiece result, piece.find("Sequence")
                                                  ? read_sequence(piece)
                                                  : read_special(piece, specials));
    pieces.push_back(std::move(result));
  }
  LW_RETURN_IF_ERROR(check_texts(pieces, pair, processor.path(key)));
  return pieces;
}

/// Reads an entry such as ["[SEP]", 102] of BertProcessing.
Result<TemplatePiece> read_named_id(const base::JsonFields& processor, const char* key) {
  LW_ASSIGN_OR_RETURN(const auto entry, processor.array(key));
  if (entry.size() != 2 || !entry[0].is_string()) return processor.wrong(key, "a token and its id");
  TemplatePiece piece;
  piece.name = entry[0].string();
  LW_ASSIGN_OR_RETURN(const int32_t id, base::count_of(entry[1], processor.path(key)));
  piece.ids.push_back(id);
  return piece;
}

Status read_bert(const base::JsonFields& processor, PostProcessor* out) {
  LW_ASSIGN_OR_RETURN(const TemplatePiece cls, read_named_id(processor, "cls"));
  LW_ASSIGN_OR_RETURN(const TemplatePiece sep, read_named_id(processor, "sep"));
  out->specials = bert_template(cls.name, cls.ids[0], sep.name, sep.ids[0]);
  return {};
}

Status read_template(const base::JsonFields& processor, PostProcessor* out) {
  LW_ASSIGN_OR_RETURN(out->specials.single, read_pieces(processor, "single", false));
  LW_ASSIGN_OR_RETURN(out->specials.pair, read_pieces(processor, "pair", true));
  return {};
}

/// Trims offsets unless the file says otherwise.
Status read_byte_level(const base::JsonFields& processor, PostProcessor* out) {
  LW_ASSIGN_OR_RETURN(const bool trim_offsets, processor.boolean_or("trim_offsets", true));
  LW_ASSIGN_OR_RETURN(const bool add_prefix_space, processor.boolean_or("add_prefix_space", true));
  if (trim_offsets) out->trims.push_back(add_prefix_space);
  return {};
}

/// <s> a </s>, <s> a </s></s> b </s>, all of type 0; trims offsets as ByteLevel does.
Status read_roberta(const base::JsonFields& processor, PostProcessor* out) {
  LW_RETURN_IF_ERROR(read_bert(processor, out));
  const TemplatePiece sep = out->specials.single.back();
  std::vector<TemplatePiece>& pair = out->specials.pair;
  pair.insert(pair.begin() + 2, sep);
  for (TemplatePiece& piece : pair) piece.type_id = 0;
  return read_byte_level(processor, out);
}

Status read_sequence_of_processors(const base::JsonFields& processor, PostProcessor* out);

struct Kind {
  std::string_view type;
  Status (*read)(const base::JsonFields& processor, PostProcessor* out);
  bool is_template;
};

constexpr Kind kKinds[] = {
    {"TemplateProcessing", read_template, true},      {"BertProcessing", read_bert, true},
    {"RobertaProcessing", read_roberta, true},        {"ByteLevel", read_byte_level, false},
    {"Sequence", read_sequence_of_processors, false},
};

Result<const Kind*> find_kind(const base::JsonFields& processor) {
  LW_ASSIGN_OR_RETURN(const std::string type, processor.string("type"));
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return &kind;
  }
  return unsupported("post_processor '" + type + "' is not supported");
}

Status read_sequence_of_processors(const base::JsonFields& processor, PostProcessor* out) {
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> list, processor.objects("processors"));
  int templates = 0;
  for (const base::JsonFields& step : list) {
    LW_ASSIGN_OR_RETURN(const Kind* kind, find_kind(step));
    templates += kind->is_template ? 1 : 0;
    if (templates > 1 || kind->read == read_sequence_of_processors) {
      return unsupported(processor.path("processors") + ": '" + std::string(kind->type) +
                         "' is not supported there");
    }
    LW_RETURN_IF_ERROR(kind->read(step, out));
  }
  return {};
}

}  // namespace

Result<PostProcessor> read_post_processing(const base::JsonFields& file) {
  PostProcessor result;
  if (file.find("truncation")) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields truncation, file.object("truncation"));
    const base::JsonValue* side = truncation.find("direction");
    result.truncates_left = side != nullptr && side->is("Left");
  }
  if (!file.find("post_processor")) return result;
  LW_ASSIGN_OR_RETURN(const base::JsonFields processor, file.object("post_processor"));
  LW_ASSIGN_OR_RETURN(const Kind* kind, find_kind(processor));
  LW_RETURN_IF_ERROR(kind->read(processor, &result));
  return result;
}

}  // namespace lanewise::text

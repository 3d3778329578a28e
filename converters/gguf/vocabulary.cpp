#include "converters/gguf/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr size_t kMostTokens = size_t{1} << 22;  // as in runtime/text
constexpr int64_t kMostTypes = static_cast<int64_t>(GgufTokenType::kByte);

/// Names that end a text in llama.cpp.
constexpr auto kEnds = std::to_array<std::string_view>({
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
    "[e~[",
});

/// A role for code completion: the keys with its id, and the names that have it otherwise.
struct FimRole {
  std::array<const char*, 2> keys;
  std::array<std::string_view, 8> names;
  bool ends;  ///< whether it ends a text
};
constexpr FimRole kFimRoles[] = {
    {{"fim_pre_token_id", "prefix_token_id"},
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uFF5Cfim\u2581begin\uFF5C>", "<PRE>",
      "\u2581<PRE>", "<|code_prefix|>", "<|prefix|>"},
     false},
    {{"fim_suf_token_id", "suffix_token_id"},
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uFF5Cfim\u2581hole\uFF5C>", "<SUF>",
      "\u2581<SUF>", "<|code_suffix|>", "<|suffix|>"},
     false},
    {{"fim_mid_token_id", "middle_token_id"},
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uFF5Cfim\u2581end\uFF5C>", "<MID>",
      "\u2581<MID>", "<|code_middle|>", "<|middle|>"},
     false},
    {{"fim_pad_token_id", nullptr},
     {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "", "", ""},
     true},
    {{"fim_rep_token_id", nullptr},
     {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "", "", ""},
     true},
    {{"fim_sep_token_id", nullptr}, {"<|file_sep|>", "", "", "", "", "", "", ""}, true},
};

class VocabularyReader {
 public:
  explicit VocabularyReader(const GgufFields& fields) : fields_(fields) {}

  Result<GgufVocabulary> read() {
    LW_ASSIGN_OR_RETURN(vocabulary_.model, fields_.text("model"));
    LW_RETURN_IF_ERROR(read_tokens());
    LW_RETURN_IF_ERROR(read_scores());
    LW_RETURN_IF_ERROR(read_types());
    LW_RETURN_IF_ERROR(read_specials());
    LW_RETURN_IF_ERROR(find_fim_tokens());
    find_ends();
    leave_out_ends();
    vocabulary_.ends.assign(ends_.begin(), ends_.end());
    return std::move(vocabulary_);
  }

 private:
  Status read_tokens() {
    LW_ASSIGN_OR_RETURN(const auto texts, fields_.strings("tokens"));
    if (texts.empty() || texts.size() > kMostTokens) {
      return fields_.wrong("tokens", "1 to " + std::to_string(kMostTokens) + " strings");
    }
    vocabulary_.tokens.reserve(texts.size());
    ids_.reserve(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) LW_RETURN_IF_ERROR(add_token(texts[i], i));
    for (const auto& [text, id] : ids_) at(id).text = text;
    return {};
  }

  Status add_token(std::string_view text, size_t id) {
    const std::string where =
        "metadata " + in_quotes(fields_.key("tokens")) + ": token " + std::to_string(id);
    const Status status = text::check_utf8(text);
    if (!status.ok()) return data_loss(where + ": " + status.message());
    std::string key = text.empty() ? "[EMPTY_" + std::to_string(id) + "]" : std::string(text);
    const auto [before, added] = ids_.emplace(std::move(key), static_cast<int32_t>(id));
    if (!added) {
      return data_loss(where + " is " + in_quotes(text) + ", like token " +
                       std::to_string(before->second));
    }
    vocabulary_.tokens.emplace_back();
    return {};
  }

  Status check_count(const char* name, size_t count) const {
    const size_t expected = vocabulary_.tokens.size();
    if (count == expected) return {};
    return data_loss("metadata " + in_quotes(fields_.key(name)) + " has " + std::to_string(count) +
                     " elements, expected one for each of the " + std::to_string(expected) +
                     " tokens");
  }

  Status read_scores() {
    if (!fields_.has("scores")) return {};
    LW_ASSIGN_OR_RETURN(const std::vector<double> scores, fields_.numbers("scores"));
    LW_RETURN_IF_ERROR(check_count("scores", scores.size()));
    for (size_t i = 0; i < scores.size(); ++i) {
      vocabulary_.tokens[i].score = static_cast<float>(scores[i]);
      if (!std::isfinite(vocabulary_.tokens[i].score)) {
        return data_loss("metadata " + in_quotes(fields_.key("scores")) + ": the score of token " +
                         std::to_string(i) + " is not finite");
      }
    }
    return {};
  }

  Status read_types() {
    if (!fields_.has("token_type")) return {};
    LW_ASSIGN_OR_RETURN(const std::vector<double> types, fields_.numbers("token_type"));
    LW_RETURN_IF_ERROR(check_count("token_type", types.size()));
    for (size_t i = 0; i < types.size(); ++i) {
      const double type = types[i];
      if (!(type >= 0 && type <= static_cast<double>(kMostTypes) && type == std::floor(type))) {
        return data_loss("metadata " + in_quotes(fields_.key("token_type")) +
                         ": the type of token " + std::to_string(i) + " is not one of 0 to " +
                         std::to_string(kMostTypes));
      }
      vocabulary_.tokens[i].type = static_cast<GgufTokenType>(static_cast<int32_t>(type));
    }
    return {};
  }

  Status read_id(const std::string& name, int32_t fallback, int32_t* id) {
    const auto count = static_cast<int64_t>(vocabulary_.tokens.size());
    LW_ASSIGN_OR_RETURN(const int64_t found, fields_.integer_or(name, fallback, 0, count - 1));
    *id = found < count ? static_cast<int32_t>(found) : kNoGgufToken;
    return {};
  }

  Status read_specials() {
    const bool pieces = vocabulary_.model == "llama";
    const bool words = vocabulary_.model == "bert";
    const auto usual = [&](int32_t of_pieces, int32_t of_words) {
      return pieces ? of_pieces : words ? of_words : kNoGgufToken;
    };
    const int32_t bos = usual(1, 101);
    if (words) LW_RETURN_IF_ERROR(read_id("cls_token_id", bos, &vocabulary_.bos));
    LW_RETURN_IF_ERROR(read_id("bos_token_id", words ? vocabulary_.bos : bos, &vocabulary_.bos));
    LW_RETURN_IF_ERROR(read_id("eos_token_id", usual(2, kNoGgufToken), &vocabulary_.eos));
    LW_RETURN_IF_ERROR(read_id("unknown_token_id", usual(0, 100), &vocabulary_.unk));
    // The former misspelling of `separator`.
    LW_RETURN_IF_ERROR(read_id("seperator_token_id", usual(kNoGgufToken, 102), &vocabulary_.sep));
    LW_RETURN_IF_ERROR(read_id("padding_token_id", usual(kNoGgufToken, 0), &vocabulary_.pad));
    LW_RETURN_IF_ERROR(read_id("mask_token_id", usual(kNoGgufToken, 103), &vocabulary_.mask));
    LW_RETURN_IF_ERROR(read_id("eot_token_id", kNoGgufToken, &eot_));
    return read_id("eom_token_id", kNoGgufToken, &eom_);
  }

  Status find_fim_tokens() {
    for (const FimRole& role : kFimRoles) {
      int32_t id = kNoGgufToken;
      for (const char* key : role.keys) {
        if (key != nullptr) LW_RETURN_IF_ERROR(read_id(key, id, &id));
      }
      for (const std::string_view name : role.names) {
        if (id != kNoGgufToken || name.empty()) continue;
        id = id_of(name);
        if (id != kNoGgufToken) at(id).type = GgufTokenType::kControl;
      }
      if (role.ends && id != kNoGgufToken) ends_.insert(id);
    }
    return {};
  }

  void find_ends() {
    for (const std::string_view name : kEnds) {
      const int32_t id = id_of(name);
      if (id == kNoGgufToken) continue;
      at(id).type = GgufTokenType::kControl;
      ends_.insert(id);
    }
    for (const int32_t id : {vocabulary_.eos, eot_, eom_}) {
      if (id != kNoGgufToken) ends_.insert(id);
    }
  }

  /// Formats in which a name above ends a part of a message only.
  void leave_out_ends() {
    for (const char* name : {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}) {
      const int32_t id = id_of(name);
      if (id != kNoGgufToken) at(id).type = GgufTokenType::kUserDefined;
    }
    const auto ends = [&](const char* name) { return ends_.contains(id_of(name)); };
    const bool calls = ends("<|call|>") || ends("<|calls|>");
    if (calls && (ends("<|return|>") || ends("<|flush|>")) && ends("<|end|>")) {
      ends_.erase(id_of("<|end|>"));
      at(id_of("<|end|>")).type = GgufTokenType::kUserDefined;
    }
    if (ends("<|tool_response>") && ends("</s>")) {
      ends_.erase(id_of("</s>"));
      at(id_of("</s>")).type = GgufTokenType::kNormal;
    }
  }

  int32_t id_of(std::string_view text) const {
    const auto found = ids_.find(std::string(text));
    return found == ids_.end() ? kNoGgufToken : found->second;
  }
  GgufToken& at(int32_t id) { return vocabulary_.tokens[static_cast<size_t>(id)]; }

  const GgufFields& fields_;
  GgufVocabulary vocabulary_;
  std::unordered_map<std::string, int32_t> ids_;
  std::set<int32_t> ends_;
  int32_t eot_ = kNoGgufToken;
  int32_t eom_ = kNoGgufToken;
};

}  // namespace

Result<GgufVocabulary> read_gguf_vocabulary(const GgufFields& fields) {
  return VocabularyReader(fields).read();
}

bool is_found_first(GgufTokenType type) {
  return type == GgufTokenType::kControl || type == GgufTokenType::kUserDefined ||
         type == GgufTokenType::kUnknown;
}

void strip_phi3_tokens(std::string_view name, GgufVocabulary* vocabulary) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower.find("phi-3") == lower.npos && lower.find("phi3") == lower.npos) return;
  constexpr auto kOthers = std::to_array<std::string_view>({"<unk>", "<s>", "<|endoftext|>"});
  for (GgufToken& token : vocabulary->tokens) {
    token.strips_right =
        is_found_first(token.type) && std::ranges::find(kOthers, token.text) == kOthers.end();
  }
}

}  // namespace lanewise::converters

#include "runtime/text/decoders/token_decoders.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/pattern_json.hpp"
#include "runtime/text/pre_tokenizers/metaspace.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

/// The clean-up of WordPiece and CTC, applied in this order to one token and the space before it.
constexpr std::pair<std::string_view, std::string_view> kCleanUps[] = {
    {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
    {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
    {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

void clean_up_token(std::string* token) {
  // Every pattern starts with a space.
  if (token->find(' ') == std::string::npos) return;
  for (const auto& [from, to] : kCleanUps) *token = replaced(*token, from, to);
}

std::string utf8_of(char32_t character) {
  std::string utf8;
  append_utf8(character, &utf8);
  return utf8;
}

class Metaspace final : public Decoder {
 public:
  Metaspace(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) (*tokens)[i] = decoded((*tokens)[i], i == 0);
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    token->bytes = decoded(token->bytes, token->first);
    return {};
  }

 private:
  std::string decoded(const std::string& token, bool first) const {
    return replaced(token, replacement_, first && prepends_ ? "" : " ");
  }

  std::string replacement_;
  bool prepends_;
};

class Fuse final : public Decoder {
 public:
  Status decode(std::vector<std::string>* tokens) const override {
    std::string text;
    for (const std::string& token : *tokens) text += token;
    *tokens = {std::move(text)};
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    token->fused = true;
    return {};
  }
};

class Strip final : public Decoder {
 public:
  Strip(std::string content, int32_t start, int32_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (std::string& token : *tokens) {
      strip_start(&token);
      for (int32_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
        token.resize(token.size() - content_.size());
      }
    }
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    if (stop_ > 0) return needs_neighbours("Strip");
    // Of a text only the first token begins with its beginning.
    if (!token->fused || token->first) strip_start(&token->bytes);
    return {};
  }

 private:
  void strip_start(std::string* token) const {
    for (int32_t i = 0; i < start_ && token->starts_with(content_); ++i) {
      token->erase(0, content_.size());
    }
  }

  std::string content_;
  int32_t start_;
  int32_t stop_;
};

class Replace final : public Decoder {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (std::string& token : *tokens) LW_RETURN_IF_ERROR(replace_in(&token));
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    // Bytes that are not characters contain nothing to replace.
    return valid_utf8_prefix(token->bytes) == token->bytes.size() ? replace_in(&token->bytes)
                                                                  : Status();
  }

 private:
  Status replace_in(std::string* token) const {
    std::vector<Match> matches;
    LW_RETURN_IF_ERROR(pattern_.find_all(*token, &matches));
    std::string result;
    for (const Match& match : matches) {
      const std::string_view part =
          std::string_view(*token).substr(match.begin, match.end - match.begin);
      result += match.matched ? std::string_view(content_) : part;
    }
    *token = std::move(result);
    return {};
  }

  Regex pattern_;
  std::string content_;
};

class Bpe final : public Decoder {
 public:
  explicit Bpe(std::string suffix) : suffix_(std::move(suffix)) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) {
      const std::string_view space = i + 1 < tokens->size() ? " " : "";
      (*tokens)[i] = replaced((*tokens)[i], suffix_, space);
    }
    return {};
  }

  Status decode_one(TokenBytes*) const override { return needs_neighbours("BPEDecoder"); }

 private:
  std::string suffix_;
};

/// Keeps one of several equal tokens in a row and drops `blank`.
class Ctc final : public Decoder {
 public:
  Ctc(std::string blank, std::string delimiter, bool cleanup)
      : blank_(std::move(blank)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}

  Status decode(std::vector<std::string>* tokens) const override {
    tokens->erase(std::unique(tokens->begin(), tokens->end()), tokens->end());
    for (std::string& token : *tokens) {
      token = replaced(token, blank_, "");
      if (!cleanup_) continue;
      clean_up_token(&token);
      token = replaced(token, delimiter_, " ");
    }
    std::erase(*tokens, "");
    return {};
  }

  Status decode_one(TokenBytes*) const override { return needs_neighbours("CTC"); }

 private:
  std::string blank_;
  std::string delimiter_;
  bool cleanup_;
};

/// Removes the prefix of continuing pieces; puts a space before all other tokens but the first.
class WordPieces final : public Decoder {
 public:
  WordPieces(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  Status decode(std::vector<std::string>* tokens) const override {
    for (size_t i = 0; i < tokens->size(); ++i) decode_word(i == 0, &(*tokens)[i]);
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    decode_word(token->first, &token->bytes);
    return {};
  }

 private:
  void decode_word(bool first, std::string* token) const {
    if (!first && token->starts_with(prefix_)) {
      token->erase(0, prefix_.size());
    } else if (!first) {
      token->insert(0, 1, ' ');
    }
    if (cleanup_) clean_up_token(token);
  }

  std::string prefix_;
  bool cleanup_;
};

}  // namespace

Result<DecoderPtr> read_metaspace_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const char32_t replacement, read_character(fields, "replacement", 0x2581));
  LW_ASSIGN_OR_RETURN(const PrependScheme scheme, read_prepend_scheme(fields));
  return DecoderPtr(
      std::make_unique<Metaspace>(utf8_of(replacement), scheme != PrependScheme::kNever));
}

Result<DecoderPtr> read_fuse_decoder(const base::JsonFields&) {
  return DecoderPtr(std::make_unique<Fuse>());
}

Result<DecoderPtr> read_strip_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const char32_t content, read_character(fields, "content", U' '));
  LW_ASSIGN_OR_RETURN(const int32_t start, fields.count_or("start", 0));
  LW_ASSIGN_OR_RETURN(const int32_t stop, fields.count_or("stop", 0));
  return DecoderPtr(std::make_unique<Strip>(utf8_of(content), start, stop));
}

Result<DecoderPtr> read_replace_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(Regex pattern, read_pattern(fields));
  LW_ASSIGN_OR_RETURN(std::string content, fields.string("content"));
  return DecoderPtr(std::make_unique<Replace>(std::move(pattern), std::move(content)));
}

Result<DecoderPtr> read_bpe_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(std::string suffix, fields.string_or("suffix", "</w>"));
  return DecoderPtr(std::make_unique<Bpe>(std::move(suffix)));
}

Result<DecoderPtr> read_wordpiece_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(std::string prefix, fields.string_or("prefix", "##"));
  LW_ASSIGN_OR_RETURN(const bool cleanup, fields.boolean_or("cleanup", true));
  return DecoderPtr(std::make_unique<WordPieces>(std::move(prefix), cleanup));
}

Result<DecoderPtr> read_ctc_decoder(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(std::string blank, fields.string_or("pad_token", "<pad>"));
  LW_ASSIGN_OR_RETURN(std::string delimiter, fields.string_or("word_delimiter_token", "|"));
  LW_ASSIGN_OR_RETURN(const bool cleanup, fields.boolean_or("cleanup", true));
  return DecoderPtr(std::make_unique<Ctc>(std::move(blank), std::move(delimiter), cleanup));
}

}  // namespace lanewise::text

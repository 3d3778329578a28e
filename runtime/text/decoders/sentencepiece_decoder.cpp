#include "runtime/text/decoders/sentencepiece_decoder.hpp"

#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/decoders/byte_decoders.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";           // U+2581
constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

struct Settings {
  std::set<std::string, std::less<>> control;
  std::set<std::string, std::less<>> separate;
  std::string unk;
  std::string unk_surface;
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool strip = false;
};

/// The state of decoding one run of pieces.
class Decoding {
 public:
  explicit Decoding(const Settings* settings) : settings_(*settings) {}

  void add(std::string_view piece) {
    if (settings_.byte_fallback) {
      if (const std::optional<uint8_t> byte = byte_of_token(piece)) {
        bytes_.push_back(static_cast<char>(*byte));
        return;
      }
    }
    flush_bytes();
    if (space_seen_ || !text_.empty()) at_start_ = false;
    space_seen_ = false;
    if (settings_.control.contains(piece)) return;
    if (piece == settings_.unk) {
      text_ += settings_.unk_surface;
    } else {
      add_normal(piece);
    }
  }

  std::string finish() {
    flush_bytes();
    return std::move(text_);
  }

 private:
  void add_normal(std::string_view piece) {
    const bool drops = settings_.add_dummy_prefix || settings_.remove_extra_whitespaces;
    if (at_start_ && drops && piece.starts_with(kSpaceSymbol)) {
      piece.remove_prefix(kSpaceSymbol.size());
      // If extra white space is removed, all spaces at the start are.
      space_seen_ = !settings_.remove_extra_whitespaces;
    }
    for (size_t at = 0; at < piece.size();) {
      const size_t found = piece.find(kSpaceSymbol, at);
      text_ += piece.substr(at, found - at);
      if (found == piece.npos) break;
      text_ += ' ';
      at = found + kSpaceSymbol.size();
    }
  }

  /// Each byte that is not part of a character becomes U+FFFD.
  void flush_bytes() {
    for (std::string_view rest = bytes_; !rest.empty();) {
      const size_t valid = valid_utf8_prefix(rest);
      text_ += rest.substr(0, valid);
      rest.remove_prefix(valid);
      if (rest.empty()) break;
      text_ += kReplacementCharacter;
      rest.remove_prefix(1);
    }
    bytes_.clear();
  }

  const Settings& settings_;
  std::string text_;
  std::string bytes_;
  bool at_start_ = true;
  bool space_seen_ = false;
};

std::string_view stripped(std::string_view text) {
  const auto is_space = [&](size_t i) {
    return (code_point_class(decode_at(text, i).value) & kSpace) != 0;
  };
  while (!text.empty() && is_space(0)) {
    text.remove_prefix(static_cast<size_t>(decode_at(text, 0).length));
  }
  while (!text.empty() && is_space(previous_code_point(text, text.size()))) {
    text = text.substr(0, previous_code_point(text, text.size()));
  }
  return text;
}

class SentencePiece final : public Decoder {
 public:
  explicit SentencePiece(Settings settings) : settings_(std::move(settings)) {}

  Status decode(std::vector<std::string>* tokens) const override {
    std::string text;
    auto decoding = std::make_unique<Decoding>(&settings_);
    for (const std::string& token : *tokens) {
      if (settings_.separate.contains(token)) {
        text += decoding->finish() + token + " ";
        decoding = std::make_unique<Decoding>(&settings_);
      } else {
        decoding->add(token);
      }
    }
    text += decoding->finish();
    if (settings_.strip) text = std::string(stripped(text));
    *tokens = {std::move(text)};
    return {};
  }

  Status decode_one(TokenBytes* token) const override {
    const std::string piece = std::exchange(token->bytes, {});
    token->fused = true;
    if (settings_.separate.contains(piece) || settings_.control.contains(piece)) return {};
    if (piece == settings_.unk) return {};
    if (settings_.byte_fallback) {
      if (const std::optional<uint8_t> byte = byte_of_token(piece)) {
        token->bytes.assign(1, static_cast<char>(*byte));
        return {};
      }
    }
    token->bytes = replaced(piece, kSpaceSymbol, " ");
    const bool drops = settings_.add_dummy_prefix || settings_.remove_extra_whitespaces;
    if (token->first && drops && token->bytes.starts_with(' ')) token->bytes.erase(0, 1);
    return {};
  }

 private:
  Settings settings_;
};

Status read_set(const base::JsonFields& fields, const char* key,
                std::set<std::string, std::less<>>* to) {
  if (!fields.find(key)) return {};
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> list, fields.strings(key));
  to->insert(list.begin(), list.end());
  return {};
}

}  // namespace

Result<DecoderPtr> read_sentencepiece_decoder(const base::JsonFields& fields) {
  Settings settings;
  LW_RETURN_IF_ERROR(read_set(fields, "control", &settings.control));
  LW_RETURN_IF_ERROR(read_set(fields, "separate", &settings.separate));
  LW_ASSIGN_OR_RETURN(settings.unk, fields.string_or("unk", "<unk>"));
  LW_ASSIGN_OR_RETURN(settings.unk_surface, fields.string_or("unk_surface", " \xE2\x81\x87 "));
  LW_ASSIGN_OR_RETURN(settings.byte_fallback, fields.boolean_or("byte_fallback", false));
  LW_ASSIGN_OR_RETURN(settings.add_dummy_prefix, fields.boolean_or("add_dummy_prefix", true));
  LW_ASSIGN_OR_RETURN(settings.remove_extra_whitespaces,
                      fields.boolean_or("remove_extra_whitespaces", true));
  LW_ASSIGN_OR_RETURN(settings.strip, fields.boolean_or("strip", false));
  return DecoderPtr(std::make_unique<SentencePiece>(std::move(settings)));
}

}  // namespace lanewise::text

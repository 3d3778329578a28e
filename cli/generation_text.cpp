#include "cli/generation_text.hpp"

#include <array>
#include <span>

#include "cli/json_text.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

/// In the order of FinishReason.
constexpr std::array<std::string_view, 4> kReasons = {"eos", "length", "stop", "cancelled"};

std::string joined(std::span<const int32_t> ids, std::string_view separator) {
  std::string text;
  for (const int32_t id : ids) {
    if (!text.empty()) text += separator;
    text += std::to_string(id);
  }
  return text;
}

Result<std::string> decoded(const Hypothesis& hypothesis, const GeneratedText& text,
                            const std::vector<int32_t>& source) {
  if (!text.continues) return text.tokenizer->decode(hypothesis.ids);
  return text.tokenizer->decode_after(source, hypothesis.ids);
}

/// The members of a hypothesis, without braces.
Status append_members(std::string& json, const Hypothesis& hypothesis, const GeneratedText& text,
                      const std::vector<int32_t>& source) {
  json += "\"text\": ";
  if (!text.tokenizer) {
    json += "null";
  } else {
    LANEWISE_ASSIGN_OR_RETURN(const std::string decoding, decoded(hypothesis, text, source));
    append_json_string(json, decoding);
  }
  json += ", \"ids\": [" + joined(hypothesis.ids, ", ") + "], \"score\": ";
  append_float(json, hypothesis.score);
  json += ", \"finish_reason\": \"";
  json += kReasons[static_cast<size_t>(hypothesis.finish_reason)];
  json += '"';
  return {};
}

}  // namespace

Result<std::string> to_json(const Generation& generation, const GeneratedText& text,
                            const std::vector<int32_t>& source) {
  std::string json = "{";
  LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses.front(), text, source));
  for (size_t i = 1; i < generation.hypotheses.size(); ++i) {
    json += i == 1 ? ", \"alternatives\": [{" : ", {";
    LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses[i], text, source));
    json += '}';
  }
  if (generation.hypotheses.size() > 1) json += ']';
  return json + "}";
}

Result<std::string> to_plain(const Generation& generation, const GeneratedText& text,
                             const std::vector<int32_t>& source) {
  const Hypothesis& best = generation.hypotheses.front();
  if (!text.tokenizer) return joined(best.ids, " ");
  LANEWISE_ASSIGN_OR_RETURN(std::string line, decoded(best, text, source));
  if (text.continues) return line;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

std::string left_out_json(const Status& why) {
  std::string json = R"({"text": null, "error": )";
  append_json_string(json, why.message());
  return json + "}";
}

}  // namespace lanewise::cli

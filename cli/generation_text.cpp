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

/// The members of a hypothesis, without braces.
Status append_members(std::string& json, const Hypothesis& hypothesis,
                      const std::optional<Tokenizer>& tokenizer) {
  json += "\"text\": ";
  if (!tokenizer) {
    json += "null";
  } else {
    LANEWISE_ASSIGN_OR_RETURN(const std::string text, tokenizer->decode(hypothesis.ids));
    append_json_string(json, text);
  }
  json += ", \"ids\": [" + joined(hypothesis.ids, ", ") + "], \"score\": ";
  append_float(json, hypothesis.score);
  json += ", \"finish_reason\": \"";
  json += kReasons[static_cast<size_t>(hypothesis.finish_reason)];
  json += '"';
  return {};
}

}  // namespace

Result<std::string> to_json(const Generation& generation,
                            const std::optional<Tokenizer>& tokenizer) {
  std::string json = "{";
  LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses.front(), tokenizer));
  for (size_t i = 1; i < generation.hypotheses.size(); ++i) {
    json += i == 1 ? ", \"alternatives\": [{" : ", {";
    LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses[i], tokenizer));
    json += '}';
  }
  if (generation.hypotheses.size() > 1) json += ']';
  return json + "}";
}

Result<std::string> to_plain(const Generation& generation,
                             const std::optional<Tokenizer>& tokenizer) {
  const Hypothesis& best = generation.hypotheses.front();
  if (!tokenizer) return joined(best.ids, " ");
  LANEWISE_ASSIGN_OR_RETURN(std::string text, tokenizer->decode(best.ids));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

std::string left_out_json(const Status& why) {
  std::string json = R"({"text": null, "error": )";
  append_json_string(json, why.message());
  return json + "}";
}

}  // namespace lanewise::cli

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

/// The members `id`, `token` and `logprob`.
void append_token(std::string& json, int32_t id, float logprob, const GeneratedText& text) {
  json += "\"id\": " + std::to_string(id) + ", \"token\": ";
  if (text.tokenizer) {
    append_json_string(json, text.tokenizer->token(id));
  } else {
    json += "null";
  }
  json += ", \"logprob\": ";
  append_json_float(json, logprob);
}

void append_logprobs(std::string& json, const Hypothesis& hypothesis, const GeneratedText& text) {
  json += ", \"logprobs\": [";
  for (size_t i = 0; i < hypothesis.logprobs.size(); ++i) {
    const TokenLogprob& token = hypothesis.logprobs[i];
    json += i > 0 ? ", {" : "{";
    append_token(json, token.id, token.logprob, text);
    json += ", \"top\": [";
    for (size_t k = 0; k < token.top.size(); ++k) {
      json += k > 0 ? ", {" : "{";
      append_token(json, token.top[k].id, token.top[k].logprob, text);
      json += '}';
    }
    json += "]}";
  }
  json += ']';
}

/// The members of a hypothesis, without braces.
Status append_members(std::string& json, const Hypothesis& hypothesis, const GeneratedText& text,
                      const std::vector<int32_t>& source, std::string_view echo) {
  json += "\"text\": ";
  if (!text.tokenizer) {
    json += "null";
  } else {
    LANEWISE_ASSIGN_OR_RETURN(const std::string decoding, text_of(hypothesis, text, source));
    append_json_string(json, std::string(echo) + decoding);
  }
  json += ", \"ids\": [" + joined(hypothesis.ids, ", ") + "], \"score\": ";
  append_float(json, hypothesis.score);
  json += ", \"finish_reason\": \"";
  json += kReasons[static_cast<size_t>(hypothesis.finish_reason)];
  json += '"';
  if (text.logprobs) append_logprobs(json, hypothesis, text);
  return {};
}

}  // namespace

Result<std::string> text_of(const Hypothesis& hypothesis, const GeneratedText& text,
                            const std::vector<int32_t>& source) {
  LANEWISE_ASSIGN_OR_RETURN(std::string whole,
                            text.continues ? text.tokenizer->decode_after(source, hypothesis.ids)
                                           : text.tokenizer->decode(hypothesis.ids));
  whole.resize(text_before_stop(whole, text.stop_strings).size());
  if (text.trims && whole.starts_with(' ')) whole.erase(0, 1);
  return whole;
}

Result<std::string> to_json(const Generation& generation, const GeneratedText& text,
                            const std::vector<int32_t>& source, std::string_view echo) {
  std::string json = "{";
  LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses.front(), text, source, echo));
  for (size_t i = 1; i < generation.hypotheses.size(); ++i) {
    json += i == 1 ? ", \"alternatives\": [{" : ", {";
    LANEWISE_RETURN_IF_ERROR(append_members(json, generation.hypotheses[i], text, source, echo));
    json += '}';
  }
  if (generation.hypotheses.size() > 1) json += ']';
  return json + "}";
}

Result<std::string> to_plain(const Generation& generation, const GeneratedText& text,
                             const std::vector<int32_t>& source, std::string_view echo) {
  const Hypothesis& best = generation.hypotheses.front();
  if (!text.tokenizer) return joined(best.ids, " ");
  LANEWISE_ASSIGN_OR_RETURN(std::string line, text_of(best, text, source));
  line.insert(0, echo);
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

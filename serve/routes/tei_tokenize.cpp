#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/answering.hpp"

namespace lanewise::serve {
namespace {

/// A token of a text, or one that the tokenizer adds, which has no place in it.
void append_simple_token(JsonWriter& json, const Tokenizer& tokenizer, int32_t id,
                         const ByteRange& place, std::string_view text) {
  const bool special = place == ByteRange{};
  const auto begin = static_cast<size_t>(place.begin);
  const auto length = static_cast<size_t>(place.end - place.begin);
  json.begin_object().key("id").integer(id);
  json.key("text").string(special ? tokenizer.token(id) : text.substr(begin, length));
  json.key("special").boolean(special).key("start");
  special ? json.null() : json.integer(place.begin);
  json.key("stop");
  special ? json.null() : json.integer(place.end);
  json.end_object();
}

}  // namespace

Reply tei_tokenize(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kTei, body, [&](Fields& fields) -> Result<Reply> {
    const std::string name = fields.text("model").value_or("");
    const std::vector<std::string> texts =
        fields.text_or_texts("inputs").value_or(std::vector<std::string>());
    if (texts.empty() || texts.size() > static_cast<size_t>(served.limits->texts)) {
      fields.fail("inputs", "expected a string, or a list of 1 to " +
                                std::to_string(served.limits->texts) + " strings");
    }
    EncodeOptions options;
    options.add_special_tokens = fields.flag("add_special_tokens").value_or(true);
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(
        const Tokenizer tokenizer,
        on_model(served, exchange, name, [](ServedModel& model) { return model.tokenizer(); }));
    JsonWriter json;
    json.begin_array();
    for (const std::string& text : texts) {
      LANEWISE_ASSIGN_OR_RETURN(const Encoding encoding, tokenizer.encode(text, options));
      exchange.prompt_tokens += static_cast<int64_t>(encoding.ids.size());
      json.begin_array();
      for (size_t i = 0; i < encoding.ids.size(); ++i) {
        append_simple_token(json, tokenizer, encoding.ids[i], encoding.offsets[i], text);
      }
      json.end_array();
    }
    return json_reply(json.end_array().take());
  });
}

}  // namespace lanewise::serve

#include <array>
#include <bit>
#include <cstring>

#include "lanewise/status_macros.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/answering.hpp"

namespace lanewise::serve {
namespace {

constexpr int64_t kMostDimensions = 1 << 20;

/// The bytes of the numbers, least significant first, in base64: what the clients of OpenAI decode.
std::string base64_of(std::span<const float> values) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  const size_t count = values.size() * sizeof(float);
  std::string text;
  text.reserve((count + 2) / 3 * 4);
  for (size_t i = 0; i < count; i += 3) {
    const size_t left = count - i;
    const unsigned bits =
        bytes[i] << 16U | (left > 1 ? bytes[i + 1] << 8U : 0U) | (left > 2 ? bytes[i + 2] : 0U);
    text += kDigits[bits >> 18U & 63U];
    text += kDigits[bits >> 12U & 63U];
    text += left > 1 ? kDigits[bits >> 6U & 63U] : '=';
    text += left > 2 ? kDigits[bits & 63U] : '=';
  }
  return text;
}

std::string embeddings_json(const std::vector<TextVector>& vectors, const std::string& model,
                            bool base64) {
  JsonWriter json;
  json.begin_object().key("object").string("list").key("data").begin_array();
  int64_t tokens = 0;
  for (size_t i = 0; i < vectors.size(); ++i) {
    json.begin_object().key("object").string("embedding");
    json.key("index").integer(static_cast<int64_t>(i)).key("embedding");
    base64 ? json.string(base64_of(vectors[i].values)) : json.numbers(vectors[i].values);
    json.end_object();
    tokens += vectors[i].tokens;
  }
  json.end_array().key("model").string(model).key("usage").begin_object();
  json.key("prompt_tokens").integer(tokens).key("total_tokens").integer(tokens);
  json.end_object().end_object();
  return json.take();
}

}  // namespace

Reply openai_embeddings(const Served& served, Exchange& exchange, std::string_view body) {
  return answer_fields(ErrorStyle::kOpenAi, body, [&](Fields& fields) -> Result<Reply> {
    const std::string name = fields.text("model").value_or("");
    TextInputs inputs = fields.inputs("input", served.limits->texts);
    const bool base64 =
        fields.choice("encoding_format", {"float", "base64"}).value_or("float") == "base64";
    const EmbedChoice choice{.dimension =
                                 fields.integer("dimensions", 1, kMostDimensions).value_or(0)};
    if (choice.dimension > 0 && !inputs.ids.empty()) {
      fields.fail("dimensions", "not supported for token ids");
    }
    fields.ignore({"user"});
    LANEWISE_RETURN_IF_ERROR(fields.finish());
    LANEWISE_ASSIGN_OR_RETURN(const std::shared_ptr<ServedModel> model,
                              model_called(served, exchange, name));
    auto vectors = inputs.ids.empty() ? model->texts().embed(std::move(inputs.texts), choice,
                                                             {.field = "input"}, exchange)
                                      : model->texts().embed_ids(std::move(inputs.ids), exchange);
    if (!vectors.ok()) return vectors.status();
    return json_reply(embeddings_json(*vectors, model->name(), base64));
  });
}

}  // namespace lanewise::serve

// Decoders' routes: the texts that the library generates for the same prompts.

#include <string>

#include "lanewise/generator.hpp"
#include "lanewise/tokenizer.hpp"
#include "lanewise/translator.hpp"
#include "tests/converters/bundled_model.hpp"
#include "tests/serve/serving.hpp"

namespace lanewise::serve {
namespace {

const Json kHi = Json::parse(R"([{"role": "user", "content": "hi user"}])");
const std::string kHiPrompt = "<|im_start|>user\nhi user<|im_end|>\n<|im_start|>assistant\n";

class DecoderRoutes : public ServingTest {
 protected:
  /// What the library generates for `prompt`.
  Generation direct(const Model& model, const std::string& prompt, bool special,
                    GenerationOptions options, std::string* text = nullptr) {
    const Tokenizer tokenizer = expect_ok(Tokenizer::of(model));
    EncodeOptions encode;
    encode.add_special_tokens = special;
    const std::vector<int32_t> ids = expect_ok(tokenizer.encode(prompt, encode)).ids;
    Generator generator = expect_ok(Generator::create(model, kOneThread));
    Generation found = expect_ok(generator.generate({&ids, 1}, options)).front();
    if (text != nullptr) {
      *text = expect_ok(tokenizer.decode_after(ids, found.hypotheses.front().ids));
    }
    return found;
  }

  Json chat(Json more) {
    more["messages"] = kHi;
    const Answer answer = post("/v1/chat/completions", more);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
};

/// The objects of server-sent events; the last event must be [DONE].
std::vector<Json> events_of(const std::string& body) {
  std::vector<Json> events;
  bool done = false;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at);
    EXPECT_NE(end, std::string::npos) << body;
    if (end == std::string::npos) break;
    const std::string event = body.substr(at, end - at);
    EXPECT_EQ(event.rfind("data: ", 0), 0U) << event;
    EXPECT_FALSE(done) << event;
    done = event == "data: [DONE]";
    if (!done) events.push_back(Json::parse(event.substr(6), nullptr, false));
    at = end + 2;
  }
  EXPECT_TRUE(done) << body;
  return events;
}

std::string without_first_space(std::string text) {
  if (text.starts_with(' ')) text.erase(0, 1);
  return text;
}

TEST_F(DecoderRoutes, ChatAnswersWhatTheLibraryGenerates) {
  const Model model = start_letters();
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 12;
  std::string text;
  const Generation expected = direct(model, kHiPrompt, false, options, &text);
  const Json answer = chat({{"model", "letters"}, {"max_completion_tokens", 12}});
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(answer["model"], "letters");
  EXPECT_EQ(answer["choices"].size(), 1U);
  EXPECT_EQ(answer["choices"][0]["message"]["role"], "assistant");
  EXPECT_EQ(answer["choices"][0]["message"]["content"], without_first_space(text));
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["completion_tokens"], expected.hypotheses.front().ids.size());
}

TEST_F(DecoderRoutes, StreamsTheSameText) {
  start_letters();
  for (const Json& more : {Json({{"max_tokens", 40}}), Json({{"max_tokens", 40}, {"stop", {"a"}}}),
                           Json({{"max_tokens", 40}, {"temperature", 2}, {"seed", 3}})}) {
    const std::string whole = chat(more)["choices"][0]["message"]["content"];
    Json request = more;
    request["messages"] = kHi;
    request["stream"] = true;
    request["stream_options"] = {{"include_usage", true}};
    const Answer answer = post("/v1/chat/completions", request);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const std::vector<Json> events = events_of(answer.body);
    ASSERT_GE(events.size(), 3U);
    EXPECT_EQ(events[0]["choices"][0]["delta"]["role"], "assistant");
    std::string text;
    for (const Json& event : events) {
      if (event["choices"].empty()) continue;
      text += event["choices"][0]["delta"].value("content", "");
    }
    EXPECT_EQ(text, whole) << more;
    EXPECT_FALSE(events[events.size() - 2]["choices"][0]["finish_reason"].is_null());
    EXPECT_GT(events.back()["usage"]["completion_tokens"].get<int>(), 0);
  }
}

TEST_F(DecoderRoutes, SamplesBySeed) {
  const Model model = start_letters();
  const Json request = {{"max_tokens", 20}, {"temperature", 1.5}, {"top_p", 0.9}, {"seed", 7}};
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 20;
  options.temperature = 1.5;
  options.top_p = 0.9;
  options.seed = 7;
  std::string text;
  direct(model, kHiPrompt, false, options, &text);
  EXPECT_EQ(chat(request)["choices"][0]["message"]["content"], without_first_space(text));
  Json three = request;
  three["n"] = 3;
  const Json answer = chat(three);
  ASSERT_EQ(answer["choices"].size(), 3U);
  EXPECT_EQ(answer["choices"][2]["index"], 2);
  EXPECT_NE(answer["choices"][1]["message"], answer["choices"][2]["message"]);
}

TEST_F(DecoderRoutes, WritesJsonBySchema) {
  start_letters();
  const Json schema = {{"enum", {"er", "hi"}}};
  const Json answer =
      chat({{"max_tokens", 40},
            {"response_format",
             {{"type", "json_schema"}, {"json_schema", {{"name", "x"}, {"schema", schema}}}}}});
  const std::string text = answer["choices"][0]["message"]["content"];
  EXPECT_TRUE(text == "\"er\"" || text == "\"hi\"") << text;
  Json request = {{"messages", kHi}, {"response_format", {{"type", "json_schema"}}}};
  EXPECT_TRUE(is_refused(post("/v1/chat/completions", request), 400, {"json_schema"}));
  request["response_format"] = {
      {"type", "json_schema"},
      {"json_schema", {{"name", "x"}, {"schema", {{"type", "nonsense"}}}}}};
  EXPECT_TRUE(is_refused(post("/v1/chat/completions", request), 400, {"response_format"}));
}

TEST_F(DecoderRoutes, Logprobs) {
  const Model model = start_letters();
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 5;
  options.top_logprobs = 2;
  const Generation expected = direct(model, kHiPrompt, false, options);
  const Json answer = chat({{"max_tokens", 5}, {"logprobs", true}, {"top_logprobs", 2}});
  const Json& found = answer["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(found.size(), expected.hypotheses.front().logprobs.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i]["logprob"].get<float>(), expected.hypotheses.front().logprobs[i].logprob);
    EXPECT_EQ(found[i]["top_logprobs"].size(), 2U);
  }
}

TEST_F(DecoderRoutes, Completions) {
  const Model model = start_letters();
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 16;
  std::string hi;
  std::string user;
  direct(model, "hi", true, options, &hi);
  direct(model, "user", true, options, &user);
  const Json found = post("/v1/completions", {{"prompt", {"hi", "user"}}}).json();
  ASSERT_EQ(found["choices"].size(), 2U) << found;
  EXPECT_EQ(found["object"], "text_completion");
  EXPECT_EQ(found["choices"][0]["text"], hi);
  EXPECT_EQ(found["choices"][1]["text"], user);
  EXPECT_EQ(found["choices"][1]["index"], 1);
  const Tokenizer tokenizer = expect_ok(Tokenizer::of(model));
  const auto ids = expect_ok(tokenizer.encode("user")).ids;
  EXPECT_EQ(post("/v1/completions", {{"prompt", ids}}).json()["choices"][0]["text"], user);
  const Answer streamed = post("/v1/completions", {{"prompt", "hi"}, {"stream", true}});
  std::string text;
  for (const Json& event : events_of(streamed.body)) {
    text += event["choices"][0].value("text", "");
  }
  EXPECT_EQ(text, hi);
}

TEST_F(DecoderRoutes, RefusesWhatItCannotDo) {
  start_letters();
  const auto refused = [&](const Json& more, const std::string& part) {
    Json request = {{"messages", kHi}};
    request.update(more);
    EXPECT_TRUE(is_refused(post("/v1/chat/completions", request), 400, {part})) << more;
  };
  refused({{"messages", Json::array()}}, "messages");
  refused({{"messages", "hi"}}, "messages");
  refused({{"temperature", "hot"}}, "temperature: expected a number from 0");
  refused({{"temperature", -1}}, "temperature");
  refused({{"max_tokens", 0}}, "max_tokens");
  refused({{"n", 2}, {"temperature", 0}}, "n: ");
  refused({{"n", 2}, {"stream", true}}, "n: ");
  refused({{"logit_bias", {{"x", 1}}}}, "logit_bias");
  refused({{"logit_bias", {{"999999", 1}}}}, "999999");
  refused({{"tool_choice", "required"}}, "tool_choice");
  refused({{"audio", {{"voice", "x"}}}}, "audio: this field is not supported");
  const std::string long_text(5000, 'a');
  refused({{"messages", {{{"role", "user"}, {"content", long_text}}}}}, "context has 400");
  EXPECT_TRUE(is_refused(post("/v1/completions", {{"prompt", "hi"}, {"echo", true}}), 400,
                         {"echo: only false"}));
  EXPECT_TRUE(is_refused(post("/v1/completions", {{"prompt", Json::array()}}), 400, {"prompt"}));
  EXPECT_TRUE(is_refused(post("/v1/embeddings", {{"input", "hi"}}), 400, {}));
}

TEST(TranslateRoute, TranslatesAsTheLibraryDoes) {
  auto models = std::make_unique<Models>();
  ASSERT_TRUE(models->add("g2p", bundled_model(), kOneThread, Limits()).ok());
  ServerOptions options;
  options.port = 0;
  const auto server = expect_ok(Server::start(std::move(models), options));
  httplib::Client client("127.0.0.1", server->port());
  Translator translator = expect_ok(Translator::create(bundled_model(), kOneThread));
  const std::vector<std::string_view> words{"transformer", "attention"};
  const auto expected = expect_ok(translator.translate(words, bundled_model().info().generation));
  const auto found =
      client.Post("/translate", R"({"inputs": ["transformer", "attention"]})", "application/json");
  ASSERT_TRUE(found);
  const Json json = Json::parse(found->body, nullptr, false);
  ASSERT_EQ(json.size(), 2U) << found->body;
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(json[i]["translation_text"], expected[i].texts.front());
  }
  const auto refused = client.Post(
      "/translate", R"({"inputs": "a", "parameters": {"tgt_lang": "fr"}})", "application/json");
  ASSERT_TRUE(refused);
  EXPECT_TRUE(is_refused({.status = refused->status, .body = refused->body}, 400, {"tgt_lang"}));
}

}  // namespace
}  // namespace lanewise::serve

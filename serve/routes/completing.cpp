#include "serve/routes/completing.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <utility>

#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/json/writer.hpp"

namespace lanewise::serve {
namespace {

std::string_view reason_of(FinishReason reason) {
  return reason == FinishReason::kLength ? "length" : "stop";
}

/// `chatcmpl-` or `cmpl-` and a number that no other answer has.
std::string new_id(CompletionKind kind) {
  static const uint64_t s_start = [] {
    std::random_device random;
    return uint64_t{random()} << 32U | random();
  }();
  static std::atomic<uint64_t> s_count{0};
  constexpr std::string_view kHex = "0123456789abcdef";
  // An odd multiplier: different counts stay different.
  uint64_t number = s_start ^ (s_count.fetch_add(1) * 0x9E3779B97F4A7C15U);
  std::string id = kind == CompletionKind::kChat ? "chatcmpl-" : "cmpl-";
  for (int i = 0; i < 16; ++i, number >>= 4U) id += kHex[number & 15U];
  return id;
}

/// What all objects of an answer begin with.
struct Heading {
  CompletionKind kind;
  std::string id;
  int64_t created;
  std::string model;

  bool chat() const noexcept { return kind == CompletionKind::kChat; }
  JsonWriter begin(bool chunk) const {
    JsonWriter json;
    json.begin_object().key("id").string(id).key("object");
    json.string(!chat() ? "text_completion" : chunk ? "chat.completion.chunk" : "chat.completion");
    json.key("created").integer(created).key("model").string(model);
    return json;
  }
};

void append_usage(JsonWriter& json, const Exchange& exchange) {
  json.key("usage").begin_object();
  json.key("prompt_tokens").integer(exchange.prompt_tokens);
  json.key("completion_tokens").integer(exchange.generated_tokens);
  json.key("total_tokens").integer(exchange.prompt_tokens + exchange.generated_tokens);
  json.end_object();
}

/// An answer has no space before its first word: the template has written what stands there.
std::string_view trimmed(std::string_view text, bool chat) {
  if (chat && text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

void append_chat_token(JsonWriter& json, const Tokenizer& tokenizer, int32_t id, float logprob) {
  const Result<std::string> text = tokenizer.decode({&id, 1}, /*skip_special_tokens=*/false);
  json.key("token").string(text.ok() ? *text : "").key("logprob").number(logprob);
  json.key("bytes").begin_array();
  if (text.ok()) {
    for (const char c : *text) json.integer(static_cast<unsigned char>(c));
  }
  json.end_array();
}

void append_chat_logprobs(JsonWriter& json, const Tokenizer& tokenizer,
                          const Hypothesis& hypothesis) {
  json.begin_object().key("content").begin_array();
  for (const TokenLogprob& token : hypothesis.logprobs) {
    json.begin_object();
    append_chat_token(json, tokenizer, token.id, token.logprob);
    json.key("top_logprobs").begin_array();
    for (const LikelyToken& likely : token.top) {
      json.begin_object();
      append_chat_token(json, tokenizer, likely.id, likely.logprob);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void append_choice(JsonWriter& json, const Heading& heading, const Tokenizer& tokenizer,
                   int64_t index, const std::string& text, const Hypothesis& hypothesis) {
  json.begin_object().key("index").integer(index);
  if (heading.chat()) {
    json.key("message").begin_object().key("role").string("assistant");
    json.key("content").string(trimmed(text, true)).end_object();
  } else {
    json.key("text").string(text);
  }
  json.key("logprobs");
  if (hypothesis.logprobs.empty()) {
    json.null();
  } else {
    append_chat_logprobs(json, tokenizer, hypothesis);
  }
  json.key("finish_reason").string(reason_of(hypothesis.finish_reason)).end_object();
}

/// Prompts that are being continued, each with its options.
struct Started {
  std::vector<std::vector<int32_t>> prompts;
  std::vector<std::string> stop_strings;
  std::vector<std::unique_ptr<Continuation>> continuations;
};

Result<std::optional<Constraint>> constraint_of(GenerationWork& work, const SearchFields& search) {
  if (!search.json_schema) return std::optional<Constraint>();
  Result<Constraint> made = work.json_constraint(*search.json_schema);
  // A schema that is too large is the client's fault, and coming again does not help.
  if (!made.ok()) return invalid_argument("response_format: " + made.status().message());
  return std::optional<Constraint>(std::move(made).value());
}

/// Checks what the prompts have and may get together.
Status check_tokens(const CompletionRequest& request, const Limits& limits, Exchange& exchange) {
  const int64_t context = request.model->info().max_tokens;
  int64_t sum = 0;
  for (const std::vector<int32_t>& prompt : request.prompts) {
    const auto tokens = static_cast<int64_t>(prompt.size());
    const int64_t room = std::max<int64_t>(context - tokens, 0);
    exchange.prompt_tokens += tokens;
    sum +=
        tokens + request.search.choices * std::min(request.search.max_tokens.value_or(room), room);
  }
  if (sum <= limits.tokens) return {};
  return invalid_argument("max_tokens: prompts and what may follow have " + std::to_string(sum) +
                          " tokens, at most " + std::to_string(limits.tokens) +
                          " are allowed in a request");
}

Result<Started> start_all(GenerationWork& work, CompletionRequest request) {
  LANEWISE_ASSIGN_OR_RETURN(const std::optional<Constraint> constraint,
                            constraint_of(work, request.search));
  LANEWISE_ASSIGN_OR_RETURN(const GenerationOptions options,
                            search_options(request.search, request.model->info()));
  Started started;
  started.stop_strings = options.stop_strings;
  for (std::vector<int32_t>& prompt : request.prompts) {
    started.prompts.push_back(prompt);
    LANEWISE_ASSIGN_OR_RETURN(
        std::unique_ptr<Continuation> continuation,
        work.start(std::move(prompt), options, constraint, request.search.stream));
    started.continuations.push_back(std::move(continuation));
  }
  return started;
}

Result<Reply> answer_at_once(Exchange& exchange, const GenerationWork& work, const Heading& heading,
                             Started started) {
  const Tokenizer& tokenizer = work.tokenizer();
  JsonWriter json = heading.begin(/*chunk=*/false);
  json.key("choices").begin_array();
  int64_t index = 0;
  for (size_t i = 0; i < started.continuations.size(); ++i) {
    LANEWISE_ASSIGN_OR_RETURN(const Generation found, started.continuations[i]->finish(exchange));
    for (const Hypothesis& hypothesis : found.hypotheses) {
      LANEWISE_ASSIGN_OR_RETURN(std::string text,
                                tokenizer.decode_after(started.prompts[i], hypothesis.ids));
      text.resize(text_before_stop(text, started.stop_strings).size());
      exchange.generated_tokens += static_cast<int64_t>(hypothesis.ids.size());
      append_choice(json, heading, tokenizer, index++, text, hypothesis);
    }
  }
  json.end_array();
  append_usage(json, exchange);
  Reply reply;
  reply.body = json.end_object().take();
  return reply;
}

/// Writes an answer as server-sent events.
class EventStream {
 public:
  EventStream(std::shared_ptr<ServedModel> model, Heading heading, Started started, TextStream text,
              bool usage, Exchange& exchange)
      : model_(std::move(model)),
        heading_(std::move(heading)),
        started_(std::move(started)),
        text_(std::move(text)),
        usage_(usage),
        exchange_(exchange) {}

  /// False if the client has gone.
  bool write_all(const WritePiece& write) {
    write_ = &write;
    if (heading_.chat() && !event(chunk("", /*first=*/true, {}))) return false;
    const Result<Generation> found = stream_text();
    if (gone_) return false;
    if (!found.ok()) return event(error_reply(ErrorStyle::kOpenAi, found.status()).body);
    const Hypothesis& hypothesis = found->hypotheses.front();
    exchange_.generated_tokens = static_cast<int64_t>(hypothesis.ids.size());
    if (!event(chunk("", false, reason_of(hypothesis.finish_reason)))) return false;
    if (usage_ && !event(usage_chunk())) return false;
    return event("[DONE]");
  }

 private:
  Result<Generation> stream_text() {
    Continuation& continuation = *started_.continuations.front();
    std::vector<int32_t> tokens;
    while (!gone_) {
      tokens.clear();
      LANEWISE_ASSIGN_OR_RETURN(const bool more, continuation.next(exchange_, tokens));
      for (const int32_t token : tokens) {
        LANEWISE_ASSIGN_OR_RETURN(const std::string_view piece, text_.add(token));
        show(piece);
      }
      if (!more) break;
    }
    LANEWISE_ASSIGN_OR_RETURN(const std::string_view rest, text_.finish());
    show(rest);
    return continuation.finish(exchange_);
  }

  void show(std::string_view piece) {
    if (piece.empty()) return;
    const std::string_view shown = trimmed(piece, heading_.chat() && begins_);
    begins_ = false;
    if (!shown.empty() && !gone_) event(chunk(shown, false, {}));
  }

  std::string chunk(std::string_view piece, bool first, std::string_view reason) const {
    JsonWriter json = heading_.begin(/*chunk=*/true);
    json.key("choices").begin_array().begin_object().key("index").integer(0);
    if (heading_.chat()) {
      json.key("delta").begin_object();
      if (first) json.key("role").string("assistant");
      if (first || reason.empty()) json.key("content").string(piece);
      json.end_object();
    } else {
      json.key("text").string(piece);
    }
    json.key("logprobs").null().key("finish_reason");
    reason.empty() ? json.null() : json.string(reason);
    return json.end_object().end_array().end_object().take();
  }

  std::string usage_chunk() const {
    JsonWriter json = heading_.begin(/*chunk=*/true);
    json.key("choices").begin_array().end_array();
    append_usage(json, exchange_);
    return json.end_object().take();
  }

  bool event(const std::string& data) {
    gone_ = gone_ || !(*write_)("data: " + data + "\n\n");
    return !gone_;
  }

  const std::shared_ptr<ServedModel> model_;  // first: the continuations end before its work
  Heading heading_;
  Started started_;
  TextStream text_;
  bool usage_;
  Exchange& exchange_;
  const WritePiece* write_ = nullptr;
  bool begins_ = true;
  bool gone_ = false;
};

Result<Reply> answer_in_events(std::shared_ptr<ServedModel> model, Exchange& exchange,
                               const GenerationWork& work, Heading heading, Started started,
                               bool usage) {
  LANEWISE_ASSIGN_OR_RETURN(
      TextStream text,
      TextStream::create(work.tokenizer(), started.prompts.front(), started.stop_strings));
  const auto events = std::make_shared<EventStream>(
      std::move(model), std::move(heading), std::move(started), std::move(text), usage, exchange);
  Reply reply;
  reply.type = "text/event-stream";
  reply.stream = [events](const WritePiece& write) { return events->write_all(write); };
  return reply;
}

}  // namespace

Result<Reply> complete(const Served& served, Exchange& exchange, CompletionRequest request) {
  std::shared_ptr<ServedModel> model = request.model;
  Heading heading{.kind = request.kind,
                  .id = new_id(request.kind),
                  .created = seconds_since_1970(),
                  .model = model->name()};
  const bool streams = request.search.stream;
  const bool usage = request.search.stream_usage;
  LANEWISE_ASSIGN_OR_RETURN(GenerationWork* const work, model->generation());
  LANEWISE_RETURN_IF_ERROR(check_tokens(request, *served.limits, exchange));
  LANEWISE_ASSIGN_OR_RETURN(Started started, start_all(*work, std::move(request)));
  if (!streams) return answer_at_once(exchange, *work, heading, std::move(started));
  return answer_in_events(std::move(model), exchange, *work, std::move(heading), std::move(started),
                          usage);
}

}  // namespace lanewise::serve

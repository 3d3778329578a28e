#include "serve/http/reply.hpp"

#include "serve/json/writer.hpp"

namespace lanewise::serve {
namespace {

struct Kind {
  int status;
  std::string_view openai_type;
  std::string_view openai_code;  // empty: null
  std::string_view tei_type;
};

constexpr Kind kKinds[] = {
    {401, "invalid_request_error", "invalid_api_key", "Unauthorized"},
    {404, "invalid_request_error", "not_found", "Validation"},
    {413, "invalid_request_error", "request_too_large", "Validation"},
    {424, "invalid_request_error", "unsupported_model", "Backend"},
    {429, "requests", "rate_limit_exceeded", "Overloaded"},
    {503, "server_error", "unavailable", "Unhealthy"},
    {504, "server_error", "timeout", "Backend"},
};

Kind kind_of(int status) {
  for (const Kind& kind : kKinds) {
    if (kind.status == status) return kind;
  }
  if (status < 500) return {status, "invalid_request_error", "", "Validation"};
  return {status, "server_error", "", "Backend"};
}

int status_of(StatusCode code, ErrorStyle style) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kInvalidArgument:
      return 400;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kUnsupported:
      // What text-embeddings-inference answers where the model cannot do what the route is for.
      return style == ErrorStyle::kTei ? 424 : 400;
    case StatusCode::kResourceExhausted:
    case StatusCode::kIo:  // a model that cannot be opened, perhaps later
      return 503;
    case StatusCode::kCancelled:
      return 504;
    case StatusCode::kDataLoss:
    case StatusCode::kInternal:
      break;
  }
  return 500;
}

}  // namespace

std::string_view field_of(std::string_view message) noexcept {
  const size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.");
  if (end == 0 || end == std::string_view::npos || message[end] != ':') return {};
  return message.substr(0, end);
}

Reply error_reply(ErrorStyle style, int status, std::string_view message) {
  const Kind kind = kind_of(status);
  JsonWriter json;
  json.begin_object().key("error");
  if (style == ErrorStyle::kTei) {
    json.string(message).key("error_type").string(kind.tei_type).end_object();
  } else {
    json.begin_object().key("message").string(message).key("type").string(kind.openai_type);
    json.key("param");
    const std::string_view field = field_of(message);
    field.empty() ? json.null() : json.string(field);
    json.key("code");
    kind.openai_code.empty() ? json.null() : json.string(kind.openai_code);
    json.end_object().end_object();
  }
  Reply reply;
  reply.status = status;
  reply.body = json.take();
  if (status == 429 || status == 503) reply.retry_after = 1;
  return reply;
}

Reply error_reply(ErrorStyle style, const Status& status) {
  return error_reply(style, status_of(status.code(), style), status.message());
}

}  // namespace lanewise::serve

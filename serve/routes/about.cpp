#include "serve/abilities.hpp"
#include "serve/json/writer.hpp"
#include "serve/routes/routes.hpp"

namespace lanewise::serve {
namespace {

constexpr std::string_view kOpenApi =
#include "openapi_json.inc"
    ;

}  // namespace

Reply openai_models(const Served& served, Exchange&, std::string_view) {
  JsonWriter json;
  json.begin_object().key("object").string("list").key("data").begin_array();
  for (const auto& model : served.models->all()) {
    json.begin_object().key("id").string(model->name()).key("object").string("model");
    json.key("created").integer(model->created()).key("owned_by").string("lanewise");
    if (const auto open = model->peek()) {
      json.key("paths").begin_array();
      for (const std::string_view path : paths_of(*open)) json.string(path);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().end_object();
  Reply reply;
  reply.body = json.take();
  return reply;
}

Reply health(const Served& served, Exchange&, std::string_view) {
  Reply reply;
  if (served.draining()) return error_reply(ErrorStyle::kTei, 503, "the server is ending");
  reply.body = R"({"status":"ok"})";
  return reply;
}

Reply metrics(const Served& served, Exchange&, std::string_view) {
  Reply reply;
  reply.type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = served.metrics_text();
  return reply;
}

Reply openapi(const Served&, Exchange&, std::string_view) {
  Reply reply;
  reply.body = kOpenApi;
  return reply;
}

}  // namespace lanewise::serve

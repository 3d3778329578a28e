#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/cache_flags.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lines.hpp"
#include "cli/open_model.hpp"
#include "lanewise/status_macros.hpp"
#include "serve/server.hpp"

namespace lanewise::cli {
namespace {

constexpr std::chrono::milliseconds kLookForSignal{100};
constexpr long long kMostPort = 65535;
constexpr long long kMostSeconds = 86400;

struct ServeOptions {
  std::vector<std::string> models;
  serve::ServerOptions server;
  std::string api_key_file;
  CacheFlags cache;
  long long timeout_seconds = 600;
  bool load_on_use = false;
};

Result<std::unique_ptr<serve::Models>> load_models(const ServeOptions& options,
                                                   const Shell& shell) {
  auto models = std::make_unique<serve::Models>();
  const SessionOptions session = options.cache.over(shell.session_options());
  for (const std::string& operand : options.models) {
    const serve::NamedPath named = serve::named_path(operand);
    serve::ModelSource source{
        .name = named.name,
        .path = named.path,
        .open = [path = named.path, &shell] { return open_model(path, shell); },
        .on_failure =
            [name = named.name](const Status& status) {
              print_warning("the model '" + name + "' cannot be opened: " + status.message());
            }};
    LANEWISE_RETURN_IF_ERROR(
        models->add(std::move(source), session, options.server.limits, options.load_on_use));
  }
  return models;
}

Result<serve::ApiKeys> read_keys(const std::string& path) {
  LANEWISE_ASSIGN_OR_RETURN(const std::string text, LineReader::read_all(path));
  Result<serve::ApiKeys> keys = serve::ApiKeys::parse(text);
  if (!keys.ok()) return keys.status().with_context("'" + path + "'");
  return keys;
}

/// `http://127.0.0.1:8080`
std::string address_of(const std::string& host, int port) {
  const bool six = host.find(':') != std::string::npos;
  return "http://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void renew_models(serve::Server& server, const Shell& shell) {
  const std::vector<serve::Server::Renewal> renewals = server.renew_models();
  for (const serve::Server::Renewal& one : renewals) {
    if (one.status.ok()) {
      shell.note("the model '" + one.name + "' has been opened again");
    } else {
      print_warning("the model '" + one.name + "' stays as it was: " + one.status.message());
    }
  }
  if (renewals.empty()) shell.note("no open model has changed");
}

Status serve_models(ServeOptions options, Shell& shell) {
  catch_interrupts_patiently();
  catch_reload_signals();
  if (!options.api_key_file.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(options.server.keys, read_keys(options.api_key_file));
  }
  options.server.limits.request_time = std::chrono::seconds(options.timeout_seconds);
  if (!shell.common.quiet) options.server.log = print_on_stderr;
  LANEWISE_ASSIGN_OR_RETURN(auto models, load_models(options, shell));
  const std::string host = options.server.host;
  LANEWISE_ASSIGN_OR_RETURN(const auto server,
                            serve::Server::start(std::move(models), std::move(options.server)));
  print_on_stderr("listening on " + address_of(host, server->port()));
  while (!interrupted()) {
    std::this_thread::sleep_for(kLookForSignal);
    if (take_reload_signal()) renew_models(*server, shell);
  }
  shell.note("answering the requests that have come; another signal ends at once");
  server->drain();
  return cancelled("interrupted");
}

void add_limits(CLI::App& command, ServeOptions& options) {
  const std::string group = "Limits; what is beyond them is refused";
  serve::Limits& limits = options.server.limits;
  command
      .add_option("--max-requests", limits.requests,
                  "Requests at once, others get status 429; default: 256")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--max-connections", limits.connections,
                  "Connections at once, others get status 503; default: 512")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N")
      ->group(group);
  command.add_option("--max-body-bytes", limits.body_bytes, "Of a request; default: 8388608")
      ->check(whole_number(1, 1LL << 40))
      ->type_name("N")
      ->group(group);
  command
      .add_option("--max-tokens", limits.tokens,
                  "Tokens of a request: those it has and those it asks for; default: 1000000")
      ->check(whole_number(1, 1LL << 40))
      ->type_name("N")
      ->group(group);
  command.add_option("--timeout", options.timeout_seconds, "Seconds of a request; default: 600")
      ->check(whole_number(1, kMostSeconds))
      ->type_name("S")
      ->group(group);
}

}  // namespace

Command make_serve(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "serve", "Answer requests over HTTP");
  const auto options = std::make_shared<ServeOptions>();
  command
      ->add_option("MODEL", options->models,
                   "Converted models, or checkpoint folders or files; NAME=PATH gives one a name, "
                   "which is else that of its file or folder")
      ->required()
      ->type_name("");
  command
      ->add_option("--host", options->server.host,
                   "Name or address to listen at; default: 127.0.0.1, this machine alone")
      ->type_name("H");
  command->add_option("--port", options->server.port, "Default: 8080; 0: any free one, see stderr")
      ->check(whole_number(0, kMostPort))
      ->type_name("P");
  command
      ->add_option("--api-key-file", options->api_key_file,
                   "Keys, one a line: clients need one of them (Authorization: Bearer KEY)")
      ->type_name("FILE");
  command->add_flag("--load-on-use", options->load_on_use,
                    "Open each model at the first request for it, not at the start");
  options->cache.add_to(*command, /*with_bytes=*/true);
  add_limits(*command, *options);
  command->footer(
      "Paths: /v1/embeddings, /v1/completions, /v1/chat/completions and /v1/models as OpenAI's;\n"
      "/embed, /embed_sparse, /embed_all, /rerank, /predict, /similarity and /tokenize as those "
      "of\n"
      "text-embeddings-inference; /translate; /health, /metrics, /openapi.json; / is a page that\n"
      "tries the models. Each request is a line of JSON on stderr. SIGTERM and Ctrl-C end the\n"
      "server once it has answered the requests that have come; SIGHUP opens models again whose\n"
      "files have changed.\n\n"
      "  lanewise serve minilm.lw smollm2.lw --port 8000\n"
      "  curl localhost:8000/embed -H 'Content-Type: application/json' \\\n"
      "    -d '{\"inputs\": \"A sentence.\"}'");
  return {command, [options, &shell] { return serve_models(*options, shell); }};
}

}  // namespace lanewise::cli

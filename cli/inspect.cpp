#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/open_model.hpp"
#include "lanewise/files.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The model being inspected.
struct Subject {
  Model model;
  ModelContents contents;
  std::string path;
  bool is_file;                   ///< a model file, not a checkpoint that is converted in memory
  CheckpointContents checkpoint;  ///< unless is_file
};

struct InspectOptions {
  std::string model;
  bool graph = false;
  bool tensors = false;
  std::string dot;
  bool json = false;
  bool verify = false;
};

int64_t weight_bytes(const ModelContents& contents) {
  int64_t bytes = 0;
  for (const TensorInfo& tensor : contents.tensors) bytes += tensor.bytes;
  return bytes;
}

/// 0 for a folder, whose model is only in memory.
int64_t file_bytes(const std::string& path) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) ? facts.st_size : 0;
}

std::string outputs_line(const ModelInfo& info) {
  std::string text;
  for (const OutputInfo& output : info.outputs) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} [{}, {}]", output.name, output.per_token ? "tokens" : "sequences",
                        output.features);
  }
  return text;
}

/// A string from an untrusted file, made safe for a terminal.
std::string field(const Json& object, const char* name) {
  const auto found = object.find(name);
  const bool is_text = found != object.end() && found->is_string();
  return in_quotes(is_text ? found->get_ref<const std::string&>() : "?");
}

/// The files that the model was made from, a line each.
void append_sources(std::string& text, std::string_view provenance) {
  const Json json = Json::parse(provenance, nullptr, false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_array()) return;
  std::string_view title = "made from";
  for (const Json& source : json["files"]) {
    if (!source.is_object()) continue;
    text += fmt::format("{:<12}{}, SHA-256 {}\n", std::exchange(title, ""), field(source, "name"),
                        field(source, "sha256"));
  }
}

double number(const Json& object, const char* name, double otherwise = 0.0) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

/// The error of quantisation relative to f32, as measured when the model was converted.
void append_quantization(std::string& text, std::string_view quantization) {
  const Json json = Json::parse(quantization, nullptr, false);
  if (!json.is_object()) return;
  text += fmt::format("{:<12}{}, calibrated with {}", "quantized", field(json, "weights"),
                      field(json, "calibration"));
  const auto wide = json.find("wide");
  if (wide != json.end() && wide->is_array() && !wide->empty()) {
    text += fmt::format(", {} weights as {}", wide->size(), field(json, "wide_type"));
  }
  text += '\n';
  if (!json.contains("output")) return;
  text += fmt::format("{:<12}{}, {:.0f} rows: cosine to f32 {:.5f} on average, {:.5f} at worst; ",
                      "accuracy", field(json, "output"), number(json, "rows"),
                      number(json, "mean_cosine"), number(json, "worst_cosine"));
  // JSON has no infinity; it is written as null.
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  text += fmt::format("relative error {:.4f}", number(json, "relative_error", kInfinity));
  if (json.contains("same_token")) {
    text +=
        fmt::format("; the same most likely token in {:.2f} %", 100 * number(json, "same_token"));
  }
  text += '\n';
}

/// Prompts that are more than a name, and settings of a checkpoint that are not supported.
void append_texts(std::string& text, const ModelInfo& info) {
  std::string_view title = "prompts";
  for (const Prompt& prompt : info.prompts) {
    if (prompt.text.empty()) continue;
    text += fmt::format("{:<12}{}: {}{}\n", std::exchange(title, ""), in_quotes(prompt.name),
                        in_quotes(prompt.text),
                        prompt.name == info.default_prompt ? ", the default" : "");
  }
  title = "unsupported";
  for (const UnsupportedOption& option : info.generation.unsupported) {
    text += fmt::format("{:<12}{}\n", std::exchange(title, ""), in_quotes(option.reason));
  }
}

/// How many tensors a checkpoint has of each type: `211 Q4_1, 61 f32`.
std::string stored_types(const CheckpointContents& checkpoint) {
  std::map<std::string, size_t> counts;
  for (const StoredTensorInfo& tensor : checkpoint.tensors) ++counts[tensor.type];
  std::vector<std::pair<std::string, size_t>> types(counts.begin(), counts.end());
  std::ranges::stable_sort(types, std::greater<>(), &std::pair<std::string, size_t>::second);
  std::string text;
  for (const auto& [type, count] : types) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, type);
  }
  return text;
}

std::string summary(const Subject& subject) {
  const auto& [model, contents, path, is_file, checkpoint] = subject;
  const ModelInfo& info = model.info();
  std::string text;
  const auto row = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:<12}{}\n", name, value);
  };
  row("model", path);
  if (!checkpoint.architecture.empty())
    row("format", "GGUF, architecture " + checkpoint.architecture);
  row("family", info.family);
  row("task", info.task);
  row("weights",
      fmt::format("{} parameters, {}, {}", rounded(static_cast<double>(contents.parameters)),
                  contents.weights_type, rounded_bytes(weight_bytes(contents))));
  if (!is_file) row("stored as", stored_types(checkpoint));
  const int64_t bytes = file_bytes(path);
  row("file", is_file ? rounded_bytes(bytes) : "a checkpoint, converted in memory");
  row("outputs", outputs_line(info));
  row("limits",
      fmt::format("{} tokens per sequence; texts are truncated to {}{}", info.max_tokens,
                  info.max_text_tokens,
                  info.max_text_characters > 0
                      ? fmt::format(", before that to {} characters", info.max_text_characters)
                      : std::string()));
  row("vocabulary",
      fmt::format(
          "{} ids{}{}", info.vocabulary_size,
          info.token_types > 0 ? fmt::format(", {} token types", info.token_types) : std::string(),
          contents.has_tokenizer ? ", with a tokenizer" : ", no tokenizer"));
  if (!checkpoint.tokenizer.empty()) row("tokenizer", checkpoint.tokenizer);
  append_texts(text, info);
  append_quantization(text, contents.quantization);
  append_sources(text, contents.provenance);
  return text;
}

std::string tensor_lines(const ModelContents& contents) {
  std::string text;
  for (const TensorInfo& tensor : contents.tensors) {
    text += fmt::format("{:<6}{:<10}{:<24}{:>10}  {}\n", name_of(tensor.type), tensor.format,
                        to_string(tensor.shape), rounded_bytes(tensor.bytes), tensor.name);
  }
  return text;
}

/// The graph that runs; for a checkpoint also its family's textbook graph.
Result<std::string> graph_text(const Subject& subject) {
  LANEWISE_ASSIGN_OR_RETURN(const ModelGraph graph, ModelGraph::of(subject.model));
  LANEWISE_ASSIGN_OR_RETURN(const std::string fused, graph.to_text());
  if (subject.is_file) return fused;
  LANEWISE_ASSIGN_OR_RETURN(const ModelGraph before, textbook_graph(subject.path));
  LANEWISE_ASSIGN_OR_RETURN(const std::string textbook, before.to_text());
  return "before fusion:\n" + textbook + "\nafter fusion:\n" + fused;
}

Json outputs_json(const ModelInfo& info) {
  Json outputs = Json::array();
  for (const OutputInfo& output : info.outputs) {
    outputs.push_back({{"name", output.name},
                       {"rows", output.per_token ? "tokens" : "sequences"},
                       {"features", output.features}});
  }
  return outputs;
}

Json tensors_json(const ModelContents& contents) {
  Json tensors = Json::array();
  for (const TensorInfo& tensor : contents.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"type", std::string(name_of(tensor.type))},
                       {"format", tensor.format},
                       {"shape", tensor.shape},
                       {"bytes", tensor.bytes}});
  }
  return tensors;
}

Json stored_tensors_json(const CheckpointContents& checkpoint) {
  Json tensors = Json::array();
  for (const StoredTensorInfo& tensor : checkpoint.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"read_as", tensor.read_as},
                       {"type", tensor.type},
                       {"shape", tensor.shape}});
  }
  return tensors;
}

Result<std::string> to_json(const Subject& subject, const InspectOptions& options) {
  const auto& [model, contents, path, is_file, checkpoint] = subject;
  const ModelInfo& info = model.info();
  Json json;
  json["model"] = path;
  if (!checkpoint.architecture.empty()) json["architecture"] = checkpoint.architecture;
  json["family"] = info.family;
  json["task"] = info.task;
  json["parameters"] = contents.parameters;
  json["weights"] = contents.weights_type;
  json["weight_bytes"] = weight_bytes(contents);
  json["file_bytes"] = is_file ? file_bytes(path) : 0;
  json["vocabulary_size"] = info.vocabulary_size;
  json["token_types"] = info.token_types;
  json["max_tokens"] = info.max_tokens;
  json["max_text_tokens"] = info.max_text_tokens;
  if (info.max_text_characters > 0) json["max_text_characters"] = info.max_text_characters;
  json["tokenizer"] = contents.has_tokenizer;
  json["outputs"] = outputs_json(info);
  json["provenance"] = Json::parse(contents.provenance, nullptr, false);
  if (json["provenance"].is_discarded()) json["provenance"] = nullptr;
  json["quantization"] = Json::parse(contents.quantization, nullptr, false);
  if (json["quantization"].is_discarded()) json["quantization"] = nullptr;
  if (options.graph) {
    LANEWISE_ASSIGN_OR_RETURN(const ModelGraph graph, ModelGraph::of(model));
    LANEWISE_ASSIGN_OR_RETURN(const std::string text, graph.to_json());
    json["graph"] = Json::parse(text);
  }
  if (options.tensors) json["tensors"] = tensors_json(contents);
  if (options.tensors && !is_file) json["stored_tensors"] = stored_tensors_json(checkpoint);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// As graph_text(), for Graphviz. Both graphs are in one drawing.
Result<std::string> graph_dot(const Subject& subject, const Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(const ModelGraph fused, ModelGraph::of(subject.model));
  if (subject.is_file) {
    shell.note("a converted model has only the graph after fusion; its checkpoint has both");
    return fused.to_dot();
  }
  LANEWISE_ASSIGN_OR_RETURN(const ModelGraph textbook, textbook_graph(subject.path));
  const GraphDrawing drawings[] = {{"before fusion", textbook}, {"after fusion", fused}};
  return to_dot(drawings);
}

Status write_dot(const std::string& path, const std::string& dot) {
  LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  LANEWISE_RETURN_IF_ERROR(file.write(dot));
  return file.commit();
}

/// Reads all tensors of a model file.
Status verify(const InspectOptions& options, const Model& model, bool is_file, Shell& shell) {
  if (!is_file) {
    return {StatusCode::kInvalidArgument,
            in_quotes(options.model) + " is a checkpoint; only model files have checksums"};
  }
  const Status verified = lanewise::verify(model);
  if (!verified.ok()) return verified.with_context(in_quotes(options.model));
  LANEWISE_ASSIGN_OR_RETURN(const ModelContents contents, lanewise::inspect(model));
  const size_t count = contents.tensors.size();
  if (options.json) {
    return shell.out.write(Json({{"model", options.model}, {"verified", count}}).dump() + "\n");
  }
  return shell.out.line(fmt::format("{} tensors have their checksums", count));
}

Status inspect(const InspectOptions& options, Shell& shell) {
  if (!options.dot.empty()) LANEWISE_RETURN_IF_ERROR(check_writable(options.dot));
  LANEWISE_ASSIGN_OR_RETURN(Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(ModelContents contents, inspect(model));
  LANEWISE_ASSIGN_OR_RETURN(const bool is_file, is_model_file(options.model));
  CheckpointContents checkpoint;
  if (!is_file) {
    LANEWISE_ASSIGN_OR_RETURN(checkpoint, describe_checkpoint(options.model));
  }
  if (options.verify) return verify(options, model, is_file, shell);
  const Subject subject{std::move(model), std::move(contents), options.model, is_file,
                        std::move(checkpoint)};
  if (!options.dot.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(const std::string dot, graph_dot(subject, shell));
    LANEWISE_RETURN_IF_ERROR(write_dot(options.dot, dot));
  }
  if (options.json) {
    LANEWISE_ASSIGN_OR_RETURN(const std::string json, to_json(subject, options));
    return shell.out.write(json);
  }
  if (options.tensors) LANEWISE_RETURN_IF_ERROR(shell.out.write(tensor_lines(subject.contents)));
  if (options.graph) {
    LANEWISE_ASSIGN_OR_RETURN(const std::string text, graph_text(subject));
    LANEWISE_RETURN_IF_ERROR(shell.out.write(text));
  }
  const bool asked_for_parts = options.tensors || options.graph || !options.dot.empty();
  return asked_for_parts ? Status() : shell.out.write(summary(subject));
}

}  // namespace

Command make_inspect(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "inspect", "Describe a model");
  const auto options = std::make_shared<InspectOptions>();
  add_model(*command, options->model);
  command->add_flag("--graph", options->graph,
                    "The operators in order; of a checkpoint before and after fusion");
  command->add_flag("--tensors", options->tensors, "The weights: type, format, shape, size, name");
  command
      ->add_option("--dot", options->dot,
                   "Write the graph for Graphviz; of a checkpoint before and after fusion")
      ->type_name("FILE");
  command->add_flag("--verify", options->verify,
                    "Read all tensors of a model file and compare their checksums");
  command->add_flag("--json", options->json,
                    "Print one JSON object; --graph and --tensors add theirs to it");
  command->footer(
      "Without flags a summary: family, task, parameters, outputs, limits, where it came from.\n\n"
      "  lanewise inspect all-MiniLM-L6-v2/ --dot graph.dot && dot -Tsvg graph.dot -o graph.svg");
  return {command, [options, &shell] { return inspect(*options, shell); }};
}

}  // namespace lanewise::cli

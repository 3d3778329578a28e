#include "lanewise/convert.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct ConvertCommandOptions {
  std::string source;
  std::string destination;
  std::string weights;
  std::optional<int> group;
  std::string calibrate;
  std::optional<double> max_error;
  std::string config;
  std::string as;
  std::string base;
  bool ema = false;
  bool dry_run = false;
  std::string to_checkpoint;
};

/// In the current folder: the name of the source folder, or of the file without its extension, and
/// `.lw`.
std::string default_destination(const std::string& source) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // Canonical, because `.` and `folder/` have names too.
  fs::path path = fs::weakly_canonical(fs::path(source), ignored);
  if (ignored) path = source;
  const bool is_folder = fs::is_directory(path, ignored);
  const std::string name = is_folder ? path.filename().string() : path.stem().string();
  return (name.empty() || name == "/" ? "model" : name) + ".lw";
}

Status describe(const std::string& path, double seconds, const Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(const Model model, Model::open(path));
  LANEWISE_ASSIGN_OR_RETURN(const ModelContents contents, inspect(model));
  std::error_code ignored;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path, ignored));
  shell.note(fmt::format("{} for {}, {} parameters as {}, {}, converted in {:.1f} s",
                         model.info().family, model.info().task,
                         rounded(static_cast<double>(contents.parameters)), contents.weights_type,
                         rounded_bytes(ignored ? 0 : bytes), seconds));
  return {};
}

/// `name` with each number between dots as `*`: one pattern for a tensor of all layers.
std::string pattern_of(const std::string& name) {
  std::string pattern;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    pattern += (begin == 0 ? "" : ".") + (number ? "*" : part);
    begin = end + 1;
  }
  return pattern;
}

/// A line for each pattern of names with its types and shapes.
std::string tensor_lines(const std::vector<StoredTensorInfo>& tensors) {
  struct Group {
    std::map<std::pair<std::string, std::string>, size_t> kinds;  // by type, and what they become
    std::string read_as;
  };
  std::map<std::string, Group> groups;
  for (const StoredTensorInfo& tensor : tensors) {
    Group& group = groups[pattern_of(tensor.name)];
    ++group.kinds[{tensor.type + " " + to_string(tensor.shape), tensor.becomes}];
    if (tensor.read_as != tensor.name) group.read_as = pattern_of(tensor.read_as);
  }
  std::string text;
  for (const auto& [name, group] : groups) {
    const std::string read_as = group.read_as.empty() ? "" : " -> " + in_quotes(group.read_as);
    for (const auto& [kind, count] : group.kinds) {
      text += fmt::format("{:>5} x {:<28} {}{}: {}\n", count, kind.first, in_quotes(name), read_as,
                          kind.second);
    }
  }
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + in_quotes(name);
  return text;
}

/// What would be converted.
Status dry_run(const ConvertCommandOptions& options, const ConvertOptions& convert_options,
               Shell& shell) {
  LANEWISE_ASSIGN_OR_RETURN(const CheckpointContents contents,
                            describe_checkpoint(options.source, convert_options));
  std::string text;
  const auto row = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<14}{}\n", name, value);
  };
  row("architecture", contents.architecture.empty() ? "" : contents.architecture + " (GGUF)");
  row("family", contents.family);
  row("class", joined(contents.classes));
  row("task", contents.task);
  for (const OutputInfo& output : contents.outputs) {
    row("output", fmt::format("{} [{}, {}]", output.name, output.per_token ? "tokens" : "sequences",
                              output.features));
  }
  row("tokenizer", contents.tokenizer.empty() ? "none" : contents.tokenizer);
  for (const std::string& file : contents.files) row("file", file);
  row("tensors", std::to_string(contents.tensors.size()));
  row("model file", "about " + rounded_bytes(contents.model_bytes));
  return shell.out.write(text + tensor_lines(contents.tensors));
}

/// A checkpoint is written with the values of the source.
void check_usage_of_export(const ConvertCommandOptions& options) {
  if (options.dry_run) wrong_usage("--dry-run writes nothing, not even --to-checkpoint");
  if (!options.destination.empty()) wrong_usage("--to-checkpoint writes no model file (--output)");
  if (!options.weights.empty()) wrong_usage("--weights is not for --to-checkpoint");
}

void check_usage(const ConvertCommandOptions& options) {
  if (!options.to_checkpoint.empty()) check_usage_of_export(options);
  const bool int4 = options.weights == "int4";
  if (options.group && !int4) wrong_usage("--group is for --weights int4");
  if (int4 || options.weights == "int8") return;
  if (!options.calibrate.empty()) wrong_usage("--calibrate is for --weights int8 and int4");
  if (options.max_error) wrong_usage("--max-error is for --weights int8 and int4");
}

/// What concerns opening the source.
ConvertOptions source_options(const ConvertCommandOptions& options, const Shell& shell) {
  ConvertOptions convert_options = cli::convert_options(shell);
  convert_options.config = options.config;
  convert_options.as = options.as;
  convert_options.base = options.base;
  convert_options.ema = options.ema;
  return convert_options;
}

Status write_checkpoint(const ConvertCommandOptions& options, Shell& shell) {
  LANEWISE_RETURN_IF_ERROR(
      export_checkpoint(options.source, options.to_checkpoint, source_options(options, shell)));
  return shell.out.line(options.to_checkpoint);
}

Status convert_command(const ConvertCommandOptions& options, Shell& shell) {
  check_usage(options);
  if (!options.to_checkpoint.empty()) return write_checkpoint(options, shell);
  const std::string destination =
      options.destination.empty() ? default_destination(options.source) : options.destination;
  if (!options.dry_run) LANEWISE_RETURN_IF_ERROR(check_writable(destination));
  catch_interrupts();
  ConvertOptions convert_options = source_options(options, shell);
  convert_options.weights = options.weights;
  if (options.group) convert_options.group = *options.group;
  convert_options.calibrate = options.calibrate;
  convert_options.max_error = options.max_error;
  convert_options.cancel = &interrupted();
  if (options.dry_run) return dry_run(options, convert_options, shell);
  const auto begin = std::chrono::steady_clock::now();
  LANEWISE_RETURN_IF_ERROR(convert(options.source, destination, convert_options));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(destination, ignored)) {
    LANEWISE_RETURN_IF_ERROR(describe(destination, time.count(), shell));
  }
  return shell.out.line(destination);
}

/// "keep, f32, bf16, int8 or int4; default: keep for GGUF, GPTQ and AWQ, else f32"
std::string weights_help(std::span<const std::string_view> choices) {
  std::string text;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
    text += choices[i];
  }
  return text + "; default: keep for GGUF, GPTQ and AWQ, else f32";
}

}  // namespace

Command make_convert(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "convert", "Convert a PyTorch checkpoint to a model file");
  const auto options = std::make_shared<ConvertCommandOptions>();
  command->add_option("SRC", options->source, "A checkpoint folder or file")
      ->required()
      ->type_name("");
  command
      ->add_option("-o,--output", options->destination,
                   "The model file; default: SRC's name and .lw, in the current folder")
      ->type_name("FILE");
  command->add_option("--weights", options->weights, weights_help(weight_choices()))
      ->type_name("TYPE")
      ->check(
          CLI::IsMember(std::vector<std::string>(weight_choices().begin(), weight_choices().end()))
              .description(""));
  command
      ->add_option(
          "--group", options->group,
          "int4: number of inputs that share a scale, 32, 64 or 128; default: 32, for decoders "
          "alone in 4.5 bits a weight")
      ->type_name("N")
      ->check(CLI::IsMember({"32", "64", "128"}).description(""));
  command
      ->add_option(
          "--calibrate", options->calibrate,
          "int8, int4: one text per line, like those the model will read; default: built-in")
      ->type_name("FILE");
  command
      ->add_option("--max-error", options->max_error,
                   "int8, int4: keep sensitive weights at higher precision until the relative\n"
                   "error of the outputs is at most E; default: 0.04 for int8, 0.11 for int4")
      ->check(positive_number())
      ->type_name("E");
  add_as(*command, options->as);
  command->add_option("--config", options->config, "A config.json to use instead of SRC's")
      ->type_name("FILE");
  command
      ->add_option("--base", options->base,
                   "The base model of an adapter (LoRA); default: the folder that it names")
      ->type_name("FOLDER");
  command->add_flag("--ema", options->ema,
                    "The averaged weights of a training checkpoint instead of the plain ones");
  command
      ->add_option("--to-checkpoint", options->to_checkpoint,
                   "Write a folder for Transformers instead of a model file: safetensors, config,\n"
                   "tokenizer; adapters are merged, quantised weights unpacked")
      ->type_name("DIR");
  command->add_flag("--dry-run", options->dry_run,
                    "Write nothing; list the family, the tokenizer and the stored tensors");
  command->footer(
      "Prints the name of the model file, and lists unused parts of the checkpoint on stderr.\n"
      "FILE is replaced only on success.\n\n"
      "  lanewise convert all-MiniLM-L6-v2 -o minilm.lw");
  return {command, [options, &shell] { return convert_command(*options, shell); }};
}

}  // namespace lanewise::cli

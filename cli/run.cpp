#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "lanewise/session.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/messages.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/file/sink.hpp"

namespace lanewise::cli {
namespace {

struct RunCommandOptions {
  std::string model;
  std::string inputs;
  std::string outputs;
};

Result<TensorMap> parse_tensors(std::span<const std::byte> bytes, const std::string& label) {
  LW_ASSIGN_OR_RETURN(const file::SafetensorsView view, file::SafetensorsView::parse(bytes, label));
  TensorMap tensors;
  for (const file::TensorEntry& entry : view.tensors()) {
    LW_ASSIGN_OR_RETURN(tensors[entry.name], file::copy_tensor(view.view(entry)));
  }
  return tensors;
}

Result<TensorMap> read_tensors_from_stdin() {
  file::AlignedBuffer buffer;
  std::vector<std::byte> part(size_t{1} << 20);
  while (true) {
    if (interrupted()) return cancelled("interrupted");
    const ssize_t count = ::read(STDIN_FILENO, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file::os_error("read", "standard input", errno);
    if (count == 0) return parse_tensors(buffer.bytes(), "standard input");
    LW_RETURN_IF_ERROR(buffer.append(std::span(part).first(static_cast<size_t>(count))));
  }
}

Result<TensorMap> read_tensors(const std::string& path) {
  if (path == "-") return read_tensors_from_stdin();
  LW_ASSIGN_OR_RETURN(const file::MappedFile file, file::MappedFile::open(path));
  return parse_tensors(file.bytes(), path);
}

Status write_tensors(file::AtomicFile& file, const TensorMap& tensors) {
  std::vector<file::SafetensorsInput> inputs;
  for (const auto& [name, tensor] : tensors) inputs.push_back({name, tensor.view()});
  // Without filler: the file is for other programs.
  LW_RETURN_IF_ERROR(file::write_safetensors(file, {}, inputs, 1));
  return file.commit();
}

Status run(const RunCommandOptions& options, Shell& shell) {
  catch_interrupts();
  LW_ASSIGN_OR_RETURN(file::AtomicFile file, file::AtomicFile::create(options.outputs));
  LW_ASSIGN_OR_RETURN(const TensorMap inputs, read_tensors(options.inputs));
  LW_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LW_ASSIGN_OR_RETURN(Session session, Session::create(model, shell.session_options()));
  RunOptions run_options;
  run_options.cancel = &interrupted();
  LW_ASSIGN_OR_RETURN(const TensorMap outputs, session.run(inputs, run_options));
  return write_tensors(file, outputs);
}

}  // namespace

Command make_run(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "run", "Run a model on tensors, by Transformers' names");
  const auto options = std::make_shared<RunCommandOptions>();
  add_model(*command, options->model);
  command
      ->add_option("--inputs", options->inputs,
                   "input_ids [B, T] i64 or i32; optional attention_mask, token_type_ids; `-` is "
                   "stdin")
      ->required()
      ->type_name("IN.safetensors");
  command->add_option("--outputs", options->outputs, "Every output that the model has, f32")
      ->required()
      ->type_name("OUT.safetensors");
  command->footer(
      "Zeros of attention_mask may stand at either end of a row; outputs are zero there. "
      "Positions\n"
      "count the real tokens of a row from 0. `lanewise inspect MODEL` lists the outputs.");
  return {command, [options, &shell] { return run(*options, shell); }};
}

}  // namespace lanewise::cli

#include <memory>
#include <string>
#include <vector>

#include "base/status_macros.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "cli/tensor_files.hpp"
#include "lanewise/session.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/file/safetensors.hpp"
#include "runtime/file/sink.hpp"

namespace lanewise::cli {
namespace {

struct RunCommandOptions {
  std::string model;
  std::string as;
  std::string inputs;
  std::string outputs;
};

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
  LW_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
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
  add_as(*command, options->as);
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
      "attention_mask may have zeros at either end of a row; outputs are zero there. "
      "Positions\n"
      "count the real tokens of a row from 0. `lanewise inspect MODEL` lists the outputs.");
  return {command, [options, &shell] { return run(*options, shell); }};
}

}  // namespace lanewise::cli

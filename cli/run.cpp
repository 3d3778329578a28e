#include <memory>
#include <string>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/open_model.hpp"
#include "cli/tensor_files.hpp"
#include "lanewise/files.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct RunCommandOptions {
  std::string model;
  std::string as;
  std::string inputs;
  std::string outputs;
};

Status run(const RunCommandOptions& options, Shell& shell) {
  catch_interrupts();
  LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(options.outputs));
  LANEWISE_ASSIGN_OR_RETURN(const TensorMap inputs, read_tensors(options.inputs));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell, options.as));
  LANEWISE_ASSIGN_OR_RETURN(Session session, Session::create(model, shell.session_options()));
  RunOptions run_options;
  run_options.cancel = &interrupted();
  LANEWISE_ASSIGN_OR_RETURN(const TensorMap outputs, session.run(inputs, run_options));
  LANEWISE_RETURN_IF_ERROR(write_safetensors(file, outputs));
  return file.commit();
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

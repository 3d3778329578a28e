#pragma once

namespace lanewise::cli {

/// The program `lanewise`: finds the command among the arguments and runs it. Returns the exit
/// status; errors have been printed.
int run_program(int argc, char** argv);

}  // namespace lanewise::cli

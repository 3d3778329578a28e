#include "cli/record_writer.hpp"

#include "cli/command.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

void check_record_output(const OutputOptions& options, const std::string& input, bool json) {
  options.check_usage(input, json);
  if (!options.given() || options.ends_with(".jsonl")) return;
  if (!options.ends_with(".txt")) {
    wrong_usage("--output " + in_quotes(options.path()) +
                ": expected a name that ends in .jsonl or .txt");
  }
  if (json) wrong_usage("--json writes .jsonl files");
}

Result<RecordWriter> RecordWriter::create(bool json, const OutputOptions& options,
                                          const std::string& model, const std::string& input,
                                          Shell& shell) {
  std::optional<OutputFile> file;
  if (options.given()) {
    LANEWISE_ASSIGN_OR_RETURN(file, OutputFile::create(options, model, input, shell));
  }
  return RecordWriter(json || options.ends_with(".jsonl"), json || !options.given(),
                      std::move(file), shell.out);
}

Status RecordWriter::write(std::string_view record) {
  if (prints_) LANEWISE_RETURN_IF_ERROR(out_->line(record));
  if (!file_) return {};
  line_.assign(record) += '\n';
  return file_->write(line_);
}

}  // namespace lanewise::cli

#include "cli/output_file.hpp"

#include <fmt/format.h>

#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

Result<OutputFile> OutputFile::create(const OutputOptions& options, const std::string& model,
                                      const std::string& input, Shell& shell, Header header) {
  OutputFile file;
  file.header_ = header ? std::move(header) : [](int64_t) { return std::string(); };
  if (!options.resumes()) {
    LANEWISE_ASSIGN_OR_RETURN(file.whole_, AtomicFile::create(options.path()));
    LANEWISE_RETURN_IF_ERROR(file.whole_->write(file.header_(0)));
    return file;
  }
  LANEWISE_ASSIGN_OR_RETURN(const std::string run, describe_run(options, model, input));
  LANEWISE_ASSIGN_OR_RETURN(file.partial_, PartialFile::open(options.path(), run, file.header_(0)));
  if (file.done().left_out > 0) shell.left_out = true;
  if (const int64_t texts = file.done().texts; texts > 0) {
    shell.note(fmt::format("{}: resuming after {} texts", in_quotes(options.path()), texts));
  }
  return file;
}

Status OutputFile::write(std::string_view bytes) {
  if (partial_) return partial_->write(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  return whole_->write(bytes);
}

Status OutputFile::reach(const Checkpoint& checkpoint) {
  return partial_ ? partial_->reach(checkpoint) : Status();
}

Status OutputFile::commit() {
  if (partial_) return partial_->commit(header_(partial_->bytes()));
  const std::string header = header_(bytes_);
  // A pipe has no beginning to go back to.
  if (bytes_ > 0 && !header.empty()) LANEWISE_RETURN_IF_ERROR(whole_->overwrite(0, header));
  return whole_->commit();
}

void OutputFile::report_unfinished(const Shell& shell) {
  if (!partial_) return;
  shell.note(fmt::format("{} has the results of {} texts; the same command resumes behind them",
                         in_quotes(partial_->part()), partial_->leave()));
}

}  // namespace lanewise::cli

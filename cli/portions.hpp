#pragma once

#include "cli/output_file.hpp"
#include "cli/progress.hpp"
#include "cli/resume_record.hpp"
#include "cli/shell.hpp"
#include "lanewise/status.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

template <typename Source, typename Next>
Status write_all_portions(Source& source, OutputFile* file, Shell& shell, Checkpoint& counts,
                          const Next& next) {
  while (true) {
    LANEWISE_ASSIGN_OR_RETURN(const bool more, next());
    LANEWISE_RETURN_IF_ERROR(shell.out.flush());
    if (!more) return file != nullptr ? file->commit() : Status();
    if (file == nullptr || !file->resumes()) continue;
    Checkpoint at = source.position();
    at.truncated = counts.truncated;
    at.left_out = counts.left_out;
    LANEWISE_RETURN_IF_ERROR(file->reach(at));
  }
}

/// Reads a source to its end, and writes what becomes of it to stdout and `file`, which may be null:
/// from where earlier runs were ended, and so that another one can go on if this one is.
///
/// source   TextSource or QuestionFile
/// counts   of truncated texts and such that are left out, which `next` keeps
/// next     does a portion of the source; false at its end
template <typename Source, typename Next>
Status write_portions(Source& source, OutputFile* file, Shell& shell, Progress& progress,
                      Checkpoint& counts, const Next& next) {
  if (file != nullptr && file->resumes()) {
    counts = file->done();
    source.keep_portions_short();
    LANEWISE_RETURN_IF_ERROR(source.skip(counts));
    progress.begin_at(counts.texts, source.part_done());
  }
  Status status = write_all_portions(source, file, shell, counts, next);
  progress.wipe();
  if (!status.ok() && file != nullptr) file->report_unfinished(shell);
  return status;
}

}  // namespace lanewise::cli

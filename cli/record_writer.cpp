#include "cli/record_writer.hpp"

#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

Result<RecordWriter> RecordWriter::create(bool json, const std::string& file, Output& out) {
  std::optional<AtomicFile> opened;
  if (!file.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(opened, AtomicFile::create(file));
  }
  return RecordWriter(json, std::move(opened), out);
}

Status RecordWriter::write(const Format& json, const Format& plain) {
  if (!json_ && !file_) return out_->line(plain());
  const std::string line = json();
  if (file_) LANEWISE_RETURN_IF_ERROR(file_->write(line + "\n"));
  return json_ ? out_->line(line) : Status();
}

Status RecordWriter::commit() { return file_ ? file_->commit() : Status(); }

}  // namespace lanewise::cli

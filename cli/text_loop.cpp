#include "cli/text_loop.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/on_error.hpp"
#include "cli/portions.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

TextLoop::TextLoop(TextSource source, OutputFile* file, Shell& shell)
    : source_(std::move(source)), file_(file), shell_(shell), progress_(shell) {
  run_.cancel = &interrupted();
}

Status TextLoop::run(const std::function<Status(Texts)>& handle) {
  return write_portions(source_, file_, shell_, progress_, counts_, [&]() -> Result<bool> {
    LANEWISE_ASSIGN_OR_RETURN(const Texts texts, source_.next());
    const Status status = texts.empty() ? Status() : handle(texts);
    // Tasks count the texts of one call.
    const int64_t before = source_.texts_before();
    if (!status.ok() && before > 0)
      return status.with_context(fmt::format("after {} texts", before));
    LANEWISE_RETURN_IF_ERROR(status);
    return !texts.empty();
  });
}

Status TextLoop::run_unchecked(const std::function<Status(Texts)>& handle) {
  return write_portions(source_, file_, shell_, progress_, counts_, [&]() -> Result<bool> {
    LANEWISE_ASSIGN_OR_RETURN(const Texts texts, source_.next_unchecked());
    if (!texts.empty()) LANEWISE_RETURN_IF_ERROR(handle(texts));
    return !texts.empty();
  });
}

std::function<void(int64_t done)> TextLoop::progress(int64_t begin) {
  return [this, begin](int64_t done) {
    progress_.update(source_.texts_before() + begin + done, source_.part_before(begin + done));
  };
}

void TextLoop::leave_out(const Status& why) {
  cli::leave_out(why, shell_);
  ++counts_.left_out;
}

void TextLoop::report_truncation(const ModelInfo& info) const {
  cli::report_truncation(shell_, counts_.truncated, info.max_text_tokens);
}

void report_truncation(const Shell& shell, int64_t cut, int64_t most) {
  if (cut == 0) return;
  const bool one = cut == 1;
  shell.note(fmt::format("{} {} longer than {} tokens and {} truncated", cut,
                         one ? "text was" : "texts were", most, one ? "was" : "were"));
}

void add_top(CLI::App& command, int64_t& top, const std::string& what) {
  constexpr long long kMost = 1'000'000'000;
  command.add_option("--top", top, what + "; default: 5")
      ->check(whole_number(1, kMost))
      ->type_name("K");
}

}  // namespace lanewise::cli

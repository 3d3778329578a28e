#include "cli/generating.hpp"

#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/generation_text.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/text_loop.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {

Generating::Generating(const Model& model, Generator generator, GenerationOptions search,
                       std::optional<Tokenizer> target, GenerationStyle style,
                       OnErrorOption on_error, RecordWriter records, Shell& shell)
    : model_(model),
      generator_(std::move(generator)),
      search_(std::move(search)),
      text_{.tokenizer = std::move(target),
            .continues = model.info().target_vocabulary_size == 0,
            .stop_strings = search_.stop_strings,
            .logprobs = search_.top_logprobs >= 0},
      style_(style),
      on_error_(std::move(on_error)),
      records_(std::move(records)),
      shell_(shell) {
  run_.cancel = &interrupted();
}

Status Generating::texts(const TextOptions& options, const SourceLanguageOption& source_language) {
  const Result<Tokenizer> own = Tokenizer::of(model_);
  if (own.status().code() == StatusCode::kNotFound) {
    return unsupported("the model has no tokenizer; give token ids with --input-ids");
  }
  if (!own.ok()) return own.status();
  LANEWISE_ASSIGN_OR_RETURN(const Tokenizer tokenizer, source_language.apply(*own));
  LANEWISE_ASSIGN_OR_RETURN(TextSource input, TextSource::open(options));
  TextLoop loop(std::move(input), records_.file(), shell_);
  const auto leave_out = [&](const Status& why) { loop.leave_out(why); };
  return loop.run_unchecked([&](TextLoop::Texts texts) -> Status {
    Portion portion{.first = loop.accepted_before()};
    for (size_t i = 0; i < texts.size(); ++i) {
      auto read = source_of_text(tokenizer, texts[i], model_.info(), too_long());
      const bool whole = read.ok() && !read->truncated;
      if (!add(std::move(read), loop.source().where(i), leave_out, portion)) break;
      LANEWISE_RETURN_IF_ERROR(add_prompt(whole ? std::optional(texts[i]) : std::nullopt, portion));
    }
    LANEWISE_RETURN_IF_ERROR(run(portion, loop.progress()));
    return portion.stopped;
  });
}

Status Generating::rows(Sources rows) {
  Portion portion;
  const auto leave_out = [&](const Status& why) { cli::leave_out(why, shell_); };
  for (size_t i = 0; i < rows.size(); ++i) {
    auto read = source_of_ids(std::move(rows[i]), model_.info(), too_long());
    if (!add(std::move(read), fmt::format("source {}", i + 1), leave_out, portion)) break;
    LANEWISE_RETURN_IF_ERROR(add_prompt(std::nullopt, portion));
  }
  Progress progress(shell_);
  LANEWISE_RETURN_IF_ERROR(run(portion, [&](int64_t done) { progress.update(done, 0.0); }));
  LANEWISE_RETURN_IF_ERROR(portion.stopped);
  return records_.file() != nullptr ? records_.file()->commit() : Status();
}

TooLong Generating::too_long() const {
  return on_error_.truncates() ? TooLong::kTruncate : TooLong::kRefuse;
}

/// Returns false if reading must stop.
bool Generating::add(Result<Source> read, const std::string& where, const LeaveOut& leave_out,
                     Portion& portion) {
  if (read.ok()) {
    if (read->truncated) {
      shell_.note(fmt::format("{}: truncated to the {} tokens that the model accepts", where,
                              model_.info().max_tokens));
    }
    portion.sources.push_back(std::move(read->ids));
    portion.entries.emplace_back();
    return true;
  }
  Status why = read.status().with_context(where);
  if (!on_error_.skips()) {
    portion.stopped = std::move(why);
    return false;
  }
  leave_out(why);
  portion.entries.push_back(std::move(why));
  return true;
}

/// Keeps the text of the source that was just added, if there was one and it is wanted: `text`, or
/// without one that of its tokens.
Status Generating::add_prompt(std::optional<std::string_view> text, Portion& portion) const {
  if (!style_.echo || portion.prompts.size() == portion.sources.size()) return {};
  if (text) {
    portion.prompts.emplace_back(*text);
    return {};
  }
  LANEWISE_ASSIGN_OR_RETURN(std::string decoded, text_.tokenizer->decode(portion.sources.back()));
  portion.prompts.push_back(std::move(decoded));
  return {};
}

Status Generating::run(const Portion& portion, const ShowDone& show_done) {
  // Samples depend on the number of a source, not on where portions end.
  generator_.set_first_source(static_cast<uint64_t>(portion.first));
  if (style_.stream) return run_streamed(portion);
  std::vector<Generation> generations;
  if (!portion.sources.empty()) {
    GenerationCallbacks callbacks;
    callbacks.progress = show_done;
    LANEWISE_ASSIGN_OR_RETURN(
        generations, generator_.generate(portion.sources, search_, callbacks, run_, constraints_));
  }
  if (interrupted()) return cancelled("interrupted");
  size_t next = 0;
  for (const Status& entry : portion.entries) {
    if (entry.ok()) {
      LANEWISE_RETURN_IF_ERROR(print(generations[next], portion.sources[next],
                                     style_.echo ? portion.prompts[next] : std::string()));
      ++next;
    } else {
      LANEWISE_RETURN_IF_ERROR(print_left_out(entry));
    }
  }
  return shell_.out.flush();
}

Status Generating::print(const Generation& generation, const std::vector<int32_t>& source,
                         const std::string& echo) {
  LANEWISE_ASSIGN_OR_RETURN(const std::string line,
                            records_.json() ? to_json(generation, text_, source, echo)
                                            : to_plain(generation, text_, source, echo));
  return records_.write(line);
}

/// Prints a line in any case: input and output correspond by line number.
Status Generating::print_left_out(const Status& why) {
  return records_.write(records_.json() ? left_out_json(why) : std::string());
}

/// Sources one by one.
Status Generating::run_streamed(const Portion& portion) {
  size_t next = 0;
  for (const Status& entry : portion.entries) {
    if (entry.ok()) {
      generator_.set_first_source(static_cast<uint64_t>(portion.first) + next);
      LANEWISE_RETURN_IF_ERROR(
          stream(portion.sources[next], style_.echo ? portion.prompts[next] : std::string()));
      ++next;
    } else {
      LANEWISE_RETURN_IF_ERROR(print_left_out(entry));
    }
    LANEWISE_RETURN_IF_ERROR(shell_.out.flush());
  }
  return {};
}

/// Prints each piece of text as soon as it is final, then a line end.
Status Generating::stream(const std::vector<int32_t>& source, const std::string& echo) {
  const std::span<const int32_t> prompt(source.data(), text_.continues ? source.size() : 0);
  LANEWISE_ASSIGN_OR_RETURN(TextStream stream,
                            TextStream::create(*text_.tokenizer, prompt, text_.stop_strings));
  LANEWISE_RETURN_IF_ERROR(shell_.out.write(echo));
  Status written;
  const auto show = [&](const Result<std::string_view>& piece) {
    written = piece.ok() ? shell_.out.write(*piece) : piece.status();
    if (written.ok()) written = shell_.out.flush();
    return written.ok() && !shell_.out.reader_gone();
  };
  GenerationCallbacks callbacks;
  callbacks.on_token = [&](int64_t, int32_t token) { return show(stream.add(token)); };
  LANEWISE_ASSIGN_OR_RETURN(
      const auto generations,
      generator_.generate({&source, 1}, search_, callbacks, run_, constraints_));
  if (interrupted()) return cancelled("interrupted");
  LANEWISE_RETURN_IF_ERROR(written);
  show(stream.finish());
  LANEWISE_RETURN_IF_ERROR(written);
  return shell_.out.line("");
}

}  // namespace lanewise::cli

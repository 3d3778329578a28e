#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/generation_text.hpp"
#include "cli/on_error.hpp"
#include "cli/record_writer.hpp"
#include "cli/shell.hpp"
#include "cli/source_language.hpp"
#include "cli/texts.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/grammar.hpp"
#include "lanewise/model.hpp"
#include "lanewise/sources.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {

/// How results are printed.
struct GenerationStyle {
  bool stream = false;  ///< print each piece of text as soon as it is final
  bool echo = false;    ///< the prompt stands before what continues it
};

/// One run of `lanewise generate`: the state shared by all portions of the input. Results are in
/// the order of the sources, one line each; a source that the model cannot take gets the line
/// specified by --on-error.
class Generating {
 public:
  using Sources = std::vector<std::vector<int32_t>>;

  /// `target`, the tokenizer of the decoder's output, is optional unless style.stream. The model
  /// outlives this.
  Generating(const Model& model, Generator generator, GenerationOptions search,
             std::optional<Tokenizer> target, GenerationStyle style, OnErrorOption on_error,
             RecordWriter records, Shell& shell);

  /// What all generated texts must be.
  void constrain(const Constraint& constraint) { constraints_.assign(1, constraint); }

  Status texts(const TextOptions& options, const SourceLanguageOption& source_language);
  Status rows(Sources rows);

 private:
  /// Sources that run together, and their positions among those that were left out.
  struct Portion {
    int64_t first = 0;  // the number of its first source among all
    Sources sources;
    std::vector<std::string> prompts;  // of the sources, to echo; else empty
    std::vector<Status> entries;       // ok for a source, else why it was left out
    Status stopped;                    // the reason for ending the input
  };

  using LeaveOut = std::function<void(const Status& why)>;
  using ShowDone = std::function<void(int64_t done)>;

  bool add(Result<Source> read, const std::string& where, const LeaveOut& leave_out,
           Portion& portion);
  Status add_prompt(std::optional<std::string_view> text, Portion& portion) const;
  Status run(const Portion& portion, const ShowDone& show_done);
  Status run_streamed(const Portion& portion);
  Status stream(const std::vector<int32_t>& source, const std::string& echo);
  Status print(const Generation& generation, const std::vector<int32_t>& source,
               const std::string& echo);
  Status print_left_out(const Status& why);
  TooLong too_long() const;

  const Model& model_;
  Generator generator_;
  const GenerationOptions search_;
  std::vector<Constraint> constraints_;  // one or none
  const GeneratedText text_;
  const GenerationStyle style_;
  const OnErrorOption on_error_;
  RecordWriter records_;
  Shell& shell_;
  RunOptions run_;
};

}  // namespace lanewise::cli

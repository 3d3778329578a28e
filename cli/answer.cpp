#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/output_options.hpp"
#include "cli/portions.hpp"
#include "cli/progress.hpp"
#include "cli/questions.hpp"
#include "cli/record_writer.hpp"
#include "lanewise/answerer.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct AnswerOptions {
  std::string model;
  std::string question;
  std::string context;
  std::string input;
  OutputOptions output;
  bool json = false;
};

void check_usage(const AnswerOptions& options) {
  const bool one = !options.question.empty() || !options.context.empty();
  if (one && !options.input.empty())
    wrong_usage("give --question and --context or --input, not both");
  if (!options.input.empty()) return;
  if (options.question.empty() || options.context.empty()) {
    wrong_usage("give --question and --context, or --input");
  }
}

void append_json(std::string& line, const Answer& answer) {
  line += "{\"answer\": ";
  append_json_string(line, answer.text);
  line += fmt::format(", \"start\": {}, \"end\": {}, \"score\": ", answer.begin, answer.end);
  append_json_float(line, answer.score);
  line += '}';
}

void append_plain(std::string& line, const Answer& answer) {
  append_float(line, answer.score);
  line += fmt::format("\t{}\t{}\t{}", answer.begin, answer.end, answer.text);
}

Status write_answers(std::span<const Answer> answers, RecordWriter& records) {
  std::string line;
  for (const Answer& answer : answers) {
    line.clear();
    records.json() ? append_json(line, answer) : append_plain(line, answer);
    LANEWISE_RETURN_IF_ERROR(records.write(line));
  }
  return {};
}

Status answer_file(Answerer& answerer, QuestionFile& file, RecordWriter& records, Shell& shell) {
  RunOptions run;
  run.cancel = &interrupted();
  Progress progress(shell);
  Checkpoint counts;
  return write_portions(file, records.file(), shell, progress, counts, [&]() -> Result<bool> {
    LANEWISE_ASSIGN_OR_RETURN(const std::span<const Question> questions, file.next());
    if (questions.empty()) return false;
    Result<std::vector<Answer>> answers = answerer.answer(questions, run);
    if (!answers.ok() && file.before() > 0) {
      return answers.status().with_context(fmt::format("after {} questions", file.before()));
    }
    LANEWISE_RETURN_IF_ERROR(answers.status());
    progress.wipe();
    LANEWISE_RETURN_IF_ERROR(write_answers(*answers, records));
    progress.update(file.before() + static_cast<int64_t>(questions.size()), file.part_done());
    return true;
  });
}

Status answer_one(const AnswerOptions& options, Answerer& answerer, RecordWriter& records) {
  RunOptions run;
  run.cancel = &interrupted();
  const Question question{options.question, options.context};
  LANEWISE_ASSIGN_OR_RETURN(const std::vector<Answer> answers,
                            answerer.answer({&question, 1}, run));
  LANEWISE_RETURN_IF_ERROR(write_answers(answers, records));
  return records.file() != nullptr ? records.file()->commit() : Status();
}

Status answer(const AnswerOptions& options, Shell& shell) {
  check_usage(options);
  check_record_output(options.output, options.input, options.json);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(options.output.check());
  std::unique_ptr<QuestionFile> file;
  if (!options.input.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(QuestionFile opened, QuestionFile::open(options.input));
    file = std::make_unique<QuestionFile>(std::move(opened));
  }
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(Answerer answerer, Answerer::create(model, shell.session_options()));
  LANEWISE_ASSIGN_OR_RETURN(
      RecordWriter records,
      RecordWriter::create(options.json, options.output, options.model, options.input, shell));
  if (file != nullptr) return answer_file(answerer, *file, records, shell);
  return answer_one(options, answerer, records);
}

}  // namespace

Command make_answer(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "answer", "Answer questions by parts of texts");
  const auto options = std::make_shared<AnswerOptions>();
  add_model(*command, options->model);
  command->add_option("--question", options->question, "The question")->type_name("TEXT");
  command->add_option("--context", options->context, "The text that contains the answer")
      ->type_name("TEXT");
  command
      ->add_option("--input", options->input,
                   "Read JSON lines with question and context from FILE; `-` is stdin")
      ->type_name("FILE");
  options->output.add_to(*command, kRecordOutputHelp);
  command->add_flag("--json", options->json,
                    "Print one object per question: answer, start, end, score");
  command->footer(
      "start and end count bytes of the context. A long context is read in windows that overlap.\n"
      "Without --json, prints one line per question: score, start, end and answer, separated by\n"
      "tabs.\n\n"
      "  lanewise answer squad.lw --question \"Where does Ada live?\" --context \"Ada lives in "
      "London.\"");
  return {command, [options, &shell] { return answer(*options, shell); }};
}

}  // namespace lanewise::cli

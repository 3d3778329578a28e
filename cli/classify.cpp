#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/output_options.hpp"
#include "cli/record_writer.hpp"
#include "cli/text_loop.hpp"
#include "cli/texts.hpp"
#include "lanewise/classifier.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

struct ClassifyOptions {
  std::string model;
  TextOptions texts;
  OutputOptions output;
  std::string pair;
  int64_t top = 5;
  bool json = false;
};

/// One run of the command.
class Classifying {
 public:
  Classifying(const ClassifyOptions& options, TextSource source, RecordWriter records,
              Classifier classifier, Shell& shell)
      : options_(options),
        records_(std::move(records)),
        loop_(std::move(source), records_.file(), shell),
        classifier_(std::move(classifier)) {}
  Classifying(const Classifying&) = delete;
  Classifying& operator=(const Classifying&) = delete;

  Status all(const ModelInfo& info) {
    LANEWISE_RETURN_IF_ERROR(loop_.write(
        records_, [this](TextLoop::Texts texts) { return classify(texts); },
        [this](std::string& line, std::string_view text, const Classification& result) {
          append(line, text, result);
        }));
    loop_.report_truncation(info);
    return {};
  }

 private:
  Result<std::vector<Classification>> classify(TextLoop::Texts texts) {
    if (options_.pair.empty()) {
      return classifier_.classify(texts, loop_.run_options(), loop_.progress());
    }
    std::vector<TextPair> pairs;
    pairs.reserve(texts.size());
    for (const std::string_view text : texts) pairs.push_back({text, options_.pair});
    return classifier_.classify_pairs(pairs, loop_.run_options(), loop_.progress());
  }

  void append(std::string& line, std::string_view text, const Classification& result) const {
    const auto count = std::min(result.labels.size(), static_cast<size_t>(options_.top));
    const auto labels = std::span(result.labels).first(count);
    records_.json() ? append_json(line, text, labels) : append_plain(line, text, labels);
  }

  void append_json(std::string& line, std::string_view text,
                   std::span<const LabelScore> labels) const {
    line += "{\"text\": ";
    append_json_string(line, text);
    line += ", \"labels\": [";
    const char* separator = "{\"label\": ";
    for (const LabelScore& label : labels) {
      line += std::exchange(separator, ", {\"label\": ");
      append_json_string(line, classifier_.labels()[static_cast<size_t>(label.label)]);
      line += ", \"score\": ";
      append_json_float(line, label.score);
      line += '}';
    }
    line += "]}";
  }

  void append_plain(std::string& line, std::string_view text,
                    std::span<const LabelScore> labels) const {
    line += text;
    for (const LabelScore& label : labels) {
      line.append("\t").append(classifier_.labels()[static_cast<size_t>(label.label)]) += ' ';
      append_float(line, label.score);
    }
  }

  const ClassifyOptions& options_;
  RecordWriter records_;
  TextLoop loop_;
  Classifier classifier_;
};

Status classify(const ClassifyOptions& options, Shell& shell) {
  options.texts.check_usage();
  check_record_output(options.output, options.texts.input(), options.json);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(check_utf8(options.pair).with_context("--pair"));
  LANEWISE_RETURN_IF_ERROR(options.output.check());
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(Classifier classifier,
                            Classifier::create(model, shell.session_options()));
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter records,
                            RecordWriter::create(options.json, options.output, options.model,
                                                 options.texts.input(), shell));
  return Classifying(options, std::move(source), std::move(records), std::move(classifier), shell)
      .all(model.info());
}

}  // namespace

Command make_classify(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "classify", "Assign labels to texts");
  const auto options = std::make_shared<ClassifyOptions>();
  add_model(*command, options->model);
  options->texts.add_to(*command);
  options->output.add_to(*command, kRecordOutputHelp);
  command
      ->add_option("--pair", options->pair,
                   "Classify pairs: each text together with this one, such as a hypothesis")
      ->type_name("TEXT");
  add_top(*command, options->top, "Print the K best labels of a text");
  command->add_flag("--json", options->json, "Print one object per text: text, labels");
  command->footer(
      "Without --json, prints one line per text: the text, and each label with its score after a\n"
      "tab. Input lines end with \\n or \\r\\n; an empty line is a text. Without TEXT and "
      "--input,\n"
      "lines come from stdin.\n\n"
      "  lanewise classify sentiment.lw \"What a day.\"\n"
      "  lanewise classify nli.lw \"It rains.\" --pair \"The street is wet.\" --json");
  return {command, [options, &shell] { return classify(*options, shell); }};
}

}  // namespace lanewise::cli

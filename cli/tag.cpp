#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_model.hpp"
#include "cli/output_options.hpp"
#include "cli/record_writer.hpp"
#include "cli/text_loop.hpp"
#include "cli/texts.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/token_tagger.hpp"

namespace lanewise::cli {
namespace {

struct TagOptions {
  std::string model;
  TextOptions texts;
  OutputOptions output;
  bool json = false;
};

std::string_view text_of(std::string_view text, const Entity& entity) {
  return text.substr(static_cast<size_t>(entity.begin),
                     static_cast<size_t>(entity.end - entity.begin));
}

void append_tagging_json(std::string& line, std::string_view text, const Tagging& tagging) {
  line += "{\"text\": ";
  append_json_string(line, text);
  line += ", \"entities\": [";
  const char* separator = "{\"label\": ";
  for (const Entity& entity : tagging.entities) {
    line += std::exchange(separator, ", {\"label\": ");
    append_json_string(line, entity.label);
    line += fmt::format(", \"start\": {}, \"end\": {}, \"text\": ", entity.begin, entity.end);
    append_json_string(line, text_of(text, entity));
    line += ", \"score\": ";
    append_json_float(line, entity.score);
    line += '}';
  }
  line += "]}";
}

void append_tagging(std::string& line, std::string_view text, const Tagging& tagging) {
  line += text;
  for (const Entity& entity : tagging.entities) {
    line.append("\t").append(entity.label) += ' ';
    append_float(line, entity.score);
    line.append(" ").append(text_of(text, entity));
  }
}

Status tag(const TagOptions& options, Shell& shell) {
  options.texts.check_usage();
  check_record_output(options.output, options.texts.input(), options.json);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(options.output.check());
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(TokenTagger tagger,
                            TokenTagger::create(model, shell.session_options()));
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter records,
                            RecordWriter::create(options.json, options.output, options.model,
                                                 options.texts.input(), shell));
  TextLoop loop(std::move(source), records.file(), shell);
  LANEWISE_RETURN_IF_ERROR(loop.write(
      records,
      [&](TextLoop::Texts texts) { return tagger.tag(texts, loop.run_options(), loop.progress()); },
      records.json() ? append_tagging_json : append_tagging));
  loop.report_truncation(model.info());
  return {};
}

}  // namespace

Command make_tag(CLI::App& program, Shell& shell) {
  CLI::App* command = add_command(program, shell, "tag", "Find names and other entities in texts");
  const auto options = std::make_shared<TagOptions>();
  add_model(*command, options->model);
  options->texts.add_to(*command);
  options->output.add_to(*command, kRecordOutputHelp);
  command->add_flag("--json", options->json, "Print one object per text: text, entities");
  command->footer(
      "Neighbouring tokens with the same label are one entity, unless the second begins with B-.\n"
      "start and end count bytes. Without --json, prints one line per text: the text, and label,\n"
      "score and text of each entity after a tab. Without TEXT and --input, lines come from "
      "stdin.\n"
      "\n"
      "  lanewise tag names.lw \"Ada Lovelace lived in London.\" --json");
  return {command, [options, &shell] { return tag(*options, shell); }};
}

}  // namespace lanewise::cli

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
#include "lanewise/mask_filler.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

struct FillMaskOptions {
  std::string model;
  TextOptions texts;
  OutputOptions output;
  int64_t top = 5;
  bool json = false;
};

void append_json(std::string& line, std::span<const TokenScore> tokens) {
  line += '[';
  const char* separator = "{\"token\": ";
  for (const TokenScore& token : tokens) {
    line += std::exchange(separator, ", {\"token\": ");
    append_json_string(line, token.token);
    line += fmt::format(", \"id\": {}, \"score\": ", token.id);
    append_json_float(line, token.score);
    line += '}';
  }
  line += ']';
}

void append_filled_json(std::string& line, std::string_view text, const FilledText& filled) {
  line += "{\"text\": ";
  append_json_string(line, text);
  line += ", \"masks\": [";
  for (size_t i = 0; i < filled.masks.size(); ++i) {
    if (i > 0) line += ", ";
    append_json(line, filled.masks[i]);
  }
  line += "]}";
}

void append_filled(std::string& line, std::string_view text, const FilledText& filled) {
  line += text;
  for (const std::vector<TokenScore>& mask : filled.masks) {
    const char* separator = "\t";
    for (const TokenScore& token : mask) {
      line.append(std::exchange(separator, ", ")).append(token.token) += ' ';
      append_float(line, token.score);
    }
  }
}

Status fill_mask(const FillMaskOptions& options, Shell& shell) {
  options.texts.check_usage();
  check_record_output(options.output, options.texts.input(), options.json);
  catch_interrupts();
  LANEWISE_RETURN_IF_ERROR(options.output.check());
  LANEWISE_ASSIGN_OR_RETURN(TextSource source, TextSource::open(options.texts));
  LANEWISE_ASSIGN_OR_RETURN(const Model model, open_model(options.model, shell));
  LANEWISE_ASSIGN_OR_RETURN(MaskFiller filler, MaskFiller::create(model, shell.session_options()));
  LANEWISE_ASSIGN_OR_RETURN(RecordWriter records,
                            RecordWriter::create(options.json, options.output, options.model,
                                                 options.texts.input(), shell));
  TextLoop loop(std::move(source), records.file(), shell);
  LANEWISE_RETURN_IF_ERROR(loop.write(
      records,
      [&](TextLoop::Texts texts) {
        return filler.fill(texts, options.top, loop.run_options(), loop.progress());
      },
      records.json() ? append_filled_json : append_filled));
  loop.report_truncation(model.info());
  return {};
}

}  // namespace

Command make_fill_mask(CLI::App& program, Shell& shell) {
  CLI::App* command =
      add_command(program, shell, "fill-mask", "Find tokens for the masks in texts");
  const auto options = std::make_shared<FillMaskOptions>();
  add_model(*command, options->model);
  options->texts.add_to(*command);
  options->output.add_to(*command, kRecordOutputHelp);
  add_top(*command, options->top, "Print the K best tokens for a mask");
  command->add_flag("--json", options->json, "Print one object per text: text, masks");
  command->footer(
      "A mask is written as the tokenizer does it, [MASK] for BERT; a text may have several.\n"
      "Without --json, prints one line per text: the text, and after a tab the tokens of a mask\n"
      "with their probabilities. Without TEXT and --input, lines come from stdin.\n\n"
      "  lanewise fill-mask bert.lw \"Paris is the [MASK] of France.\"");
  return {command, [options, &shell] { return fill_mask(*options, shell); }};
}

}  // namespace lanewise::cli

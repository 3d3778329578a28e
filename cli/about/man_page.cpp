#include "cli/about/man_page.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>

// A page is roff with the macros of man(7): a line that begins with a dot is a request, a backslash
// begins an escape.

namespace lanewise::cli {
namespace {

/// Removes the first character of UTF-8 from `text`, which is not empty, and returns its code point.
char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const int ones = std::countl_one(first);
  const size_t bytes = ones == 0 ? 1 : static_cast<size_t>(ones);
  char32_t code_point = first & (0xFFU >> (ones + 1));
  for (const char c : text.substr(1, bytes - 1)) code_point = code_point << 6 | (c & 0x3F);
  text.remove_prefix(std::min(bytes, text.size()));
  return code_point;
}

/// `text` with nothing in it that roff interprets. Text between backquotes becomes bold.
std::string roff(std::string_view text) {
  std::string escaped;
  bool bold = false;
  bool line_begins = true;
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (line_begins && (c == '.' || c == '\'')) escaped += "\\&";
    line_begins = c == '\n';
    switch (c) {
      case '\\':
        escaped += "\\e";
        break;
      // Unescaped, these would become a hyphen and typographic quotes and accents, with which an
      // example no longer runs.
      case '-':
        escaped += "\\-";
        break;
      case '\'':
        escaped += "\\(aq";
        break;
      case '^':
        escaped += "\\(ha";
        break;
      case '~':
        escaped += "\\(ti";
        break;
      case '`':
        bold = !bold;
        escaped += bold ? "\\fB" : "\\fR";
        break;
      default:
        if (c < 0x80) {
          escaped += static_cast<char>(c);
        } else {
          escaped += fmt::format("\\[u{:04X}]", static_cast<uint32_t>(c));
        }
    }
  }
  return escaped;
}

/// `text` is paragraphs of words and, indented by two spaces, lines of examples.
std::string paragraphs(std::string_view text) {
  std::string page = ".PP\n";
  bool example = false;
  const auto set_example = [&](bool on) {
    if (on != example) page += on ? ".EX\n" : ".EE\n";
    example = on;
  };
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    set_example(line.starts_with("  "));
    page += line.empty() ? ".PP\n" : roff(line) + "\n";
  }
  set_example(false);
  return page;
}

std::string described_option(const CLI::Option& option) {
  CLI::Formatter formatter;
  formatter.label("REQUIRED", "");
  return fmt::format(".TP\n\\fB{}\\fR\\fI{}\\fR\n{}\n",
                     roff(formatter.make_option_name(&option, option.get_positional())),
                     roff(formatter.make_option_opts(&option)), roff(option.get_description()));
}

std::string described_options(const std::vector<const CLI::Option*>& options) {
  std::string page;
  for (const CLI::Option* option : options) page += described_option(*option);
  return page;
}

std::vector<const CLI::Option*> options_of_group(const CLI::App& app, const std::string& group) {
  return app.get_options([&](const CLI::Option* option) {
    return option->get_group() == group && option->nonpositional();
  });
}

std::vector<const CLI::Option*> operands(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

/// The heading of the options that every command has.
std::string common_group(const CLI::App& command) {
  return command.get_option("--threads")->get_group();
}

/// `lanewise embed [OPTIONS] MODEL [TEXT...]`
std::string synopsis(const CLI::App& command) {
  const CLI::Formatter formatter;
  std::string text = fmt::format("lanewise {} [OPTIONS]", command.get_name());
  for (const CLI::Option* operand : operands(command)) {
    text += " " + formatter.make_option_usage(operand);
  }
  return roff(text);
}

std::string described_command(const CLI::App& command) {
  std::string page =
      fmt::format(".SS \"{}\"\n{}\n", synopsis(command), roff(command.get_description()));
  page += described_options(operands(command));
  for (const std::string& group : command.get_groups()) {
    // No heading for options of no special group; none at all for those that are hidden.
    if (group.empty() || group == common_group(command)) continue;
    if (group != "Options") page += fmt::format(".PP\n{}:\n", roff(group));
    for (const CLI::Option* option : options_of_group(command, group)) {
      if (option != command.get_help_ptr()) page += described_option(*option);
    }
  }
  return page + paragraphs(command.get_footer());
}

}  // namespace

std::string man_page(const CLI::App& program) {
  std::string page =
      fmt::format(".TH LANEWISE 1 \"\" \"lanewise {}\" \"User Commands\"\n", LANEWISE_VERSION);
  page += ".SH NAME\nlanewise \\- runs Transformers on CPUs, from PyTorch checkpoints\n";
  page += ".SH SYNOPSIS\n.B lanewise\n[OPTIONS] COMMAND [ARGUMENTS]\n.SH DESCRIPTION\n";
  page += paragraphs(program.get_footer());
  page += ".SH OPTIONS\n" + described_options(options_of_group(program, "Options"));
  const std::vector<const CLI::App*> commands = program.get_subcommands({});
  page += ".SH OPTIONS OF EVERY COMMAND\n";
  page += described_options(options_of_group(*commands.front(), common_group(*commands.front())));
  page += ".SH COMMANDS\n";
  for (const CLI::App* command : commands) page += described_command(*command);
  page.pop_back();
  return page;
}

}  // namespace lanewise::cli

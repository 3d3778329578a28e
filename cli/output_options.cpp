#include "cli/output_options.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/brackets.hpp"
#include "cli/command.hpp"
#include "cli/digest.hpp"
#include "cli/shell.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/version.hpp"

namespace lanewise::cli {
namespace {

using RunDescription = nlohmann::ordered_json;

// --input and MODEL have fingerprints. --on-error may change, so that a run that a bad text stopped
// can leave it out.
constexpr std::array<std::string_view, 8> kNotCompared = {"--threads",     "--quiet",  "--input",
                                                          "--output",      "--resume", "--on-error",
                                                          "--cache-bytes", "--help"};

bool is_special(const std::string& path) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode);
}

/// The values of a flag, with fingerprints of files.
Result<std::string> value_of(const CLI::Option& option) {
  std::string value;
  for (const std::string& marked : option.results()) {
    const std::string part = without_marks(marked);
    value += value.empty() ? part : " " + part;
    if (!option.get_type_name().starts_with("FILE")) continue;
    LANEWISE_ASSIGN_OR_RETURN(const std::string fingerprint, fingerprint_of_file(part));
    value += " (" + fingerprint + ")";
  }
  return value;
}

/// Records lie on disk, where anything may happen to them.
std::string text_in(const RunDescription& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// `with --top 3`, or `without --top`.
std::string said(const RunDescription& flags, const std::string& name) {
  if (!flags.contains(name)) return "without " + name;
  const std::string value = text_in(flags, name);
  return "with " + name + (value == "true" ? "" : " " + value);
}

Status compare_flags(const RunDescription& begun, const RunDescription& now) {
  for (const auto* flags : {&begun, &now}) {
    for (const auto& [name, value] : flags->items()) {
      if (said(begun, name) == said(now, name)) continue;
      return invalid_argument(
          fmt::format("was begun {}, not {}", said(begun, name), said(now, name)));
    }
  }
  return {};
}

}  // namespace

void OutputOptions::add_to(CLI::App& command, const std::string& what) {
  command_ = &command;
  command.add_option("--output", path_, what)->type_name("FILE");
  command.add_flag("--resume", resume_,
                   "Keep results in FILE.part while running; if there are some, go on behind them");
}

void OutputOptions::check_usage(const std::string& input, bool prints) const {
  if (!resume_) return;
  if (!given()) wrong_usage("--resume needs --output");
  if (prints) wrong_usage("--resume prints nothing: omit --json, or choose a file by --output");
  if (input.empty() || input == "-") wrong_usage("--resume needs --input FILE");
  if (is_special(input)) wrong_usage("--resume needs an --input that can be read again");
  if (is_special(path_)) wrong_usage("--resume needs an --output that is a file");
}

Status OutputOptions::check() const { return given() ? check_writable(path_) : Status(); }

Result<std::string> describe_run(const OutputOptions& options, const std::string& model,
                                 const std::string& input) {
  RunDescription run;
  run["lanewise"] = version();
  run["command"] = options.command().get_name();
  LANEWISE_ASSIGN_OR_RETURN(run["model"], fingerprint_of_model(model));
  LANEWISE_ASSIGN_OR_RETURN(run["input"], fingerprint_of_file(input));
  run["flags"] = RunDescription::object();
  for (const CLI::Option* option : options.command().get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || !name.starts_with("--")) continue;
    if (std::ranges::find(kNotCompared, std::string_view(name)) != kNotCompared.end()) continue;
    LANEWISE_ASSIGN_OR_RETURN(run["flags"][name], value_of(*option));
  }
  return run.dump();
}

Status compare_runs(const std::string& begun, const std::string& now) {
  const auto before = RunDescription::parse(begun, nullptr, false);
  const auto after = RunDescription::parse(now, nullptr, false);
  const auto differ = [&](const char* key) { return text_in(before, key) != text_in(after, key); };
  if (!before.is_object() || !before.contains("flags") || !before["flags"].is_object()) {
    return invalid_argument("is not the record of a run");
  }
  if (differ("lanewise")) {
    return invalid_argument("was begun by version " + text_in(before, "lanewise"));
  }
  if (differ("command")) {
    return invalid_argument("was begun by `lanewise " + text_in(before, "command") + "`");
  }
  if (differ("model")) return invalid_argument("was begun with another model");
  if (differ("input")) return invalid_argument("was begun with another input");
  return compare_flags(before["flags"], after["flags"]);
}

}  // namespace lanewise::cli

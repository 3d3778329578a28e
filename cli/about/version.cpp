#include "lanewise/version.hpp"

#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/about/commit.hpp"
#include "cli/about/version.hpp"
#include "lanewise/cpu.hpp"

namespace lanewise::cli {
namespace {

std::vector<std::string_view> names_of_isas() {
  std::vector<std::string_view> names;
  for (const InstructionSet& set : instruction_sets()) names.push_back(set.name);
  return names;
}

nlohmann::ordered_json text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return text;
}

}  // namespace

std::string version_text() {
  const BuildInfo info = build_info();
  const auto line = [](std::string_view name, std::string_view value) {
    return fmt::format("\n{:<12}{}", name, value);
  };
  std::string text = "lanewise " LANEWISE_VERSION;
  if (!commit().empty()) text += line("commit", commit());
  text += line("compiler", info.compiler);
  text += line("OpenMP", info.openmp);
  text += line("oneDNN", info.onednn.empty() ? "without" : info.onednn);
  return text + line("compiled", fmt::format("{}", fmt::join(names_of_isas(), " ")));
}

std::string version_json() {
  const BuildInfo info = build_info();
  nlohmann::ordered_json json;
  json["version"] = LANEWISE_VERSION;
  json["commit"] = text_or_null(commit());
  json["compiler"] = info.compiler;
  json["openmp"] = info.openmp;
  json["onednn"] = text_or_null(info.onednn);
  json["compiled_isas"] = names_of_isas();
  return json.dump();
}

}  // namespace lanewise::cli

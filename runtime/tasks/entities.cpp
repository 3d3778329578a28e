#include "runtime/tasks/entities.hpp"

#include <string_view>

namespace lanewise::tasks {
namespace {

constexpr std::string_view kNoEntity = "O";

bool begins(std::string_view label) { return label.starts_with("B-"); }

/// The label without its prefix, by which neighbours are compared.
std::string_view tag_of(std::string_view label) {
  return begins(label) || label.starts_with("I-") ? label.substr(2) : label;
}

/// The label's part after the first `-`, whatever stands before it; Transformers names an entity so.
std::string_view name_of(std::string_view label) {
  const size_t dash = label.find('-');
  return dash == std::string_view::npos ? label : label.substr(dash + 1);
}

Entity entity_of(std::span<const TokenLabel> tokens) {
  double sum = 0;
  for (const TokenLabel& token : tokens) sum += token.score;
  return {.label = std::string(name_of(*tokens.front().label)),
          .begin = tokens.front().begin,
          .end = tokens.back().end,
          .score = static_cast<float>(sum / static_cast<double>(tokens.size()))};
}

}  // namespace

std::vector<Entity> entities_of(std::span<const TokenLabel> tokens) {
  std::vector<Entity> entities;
  for (size_t begin = 0; begin < tokens.size();) {
    const std::string_view tag = tag_of(*tokens[begin].label);
    size_t end = begin + 1;
    while (end < tokens.size() && tag_of(*tokens[end].label) == tag &&
           !begins(*tokens[end].label)) {
      ++end;
    }
    Entity entity = entity_of(tokens.subspan(begin, end - begin));
    if (entity.label != kNoEntity) entities.push_back(std::move(entity));
    begin = end;
  }
  return entities;
}

}  // namespace lanewise::tasks

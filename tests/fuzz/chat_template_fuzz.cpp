#include <cstdint>
#include <string>

#include "runtime/chat/template.hpp"
#include "tests/fuzz/require.hpp"

/// A template, and behind a zero byte the messages as JSON. Whatever the template does ends soon,
/// with the same text each time.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lanewise;
  const std::string_view whole = fuzz::text_of(data, size);
  const size_t end = whole.find('\0');
  const auto parsed = chat::ChatTemplate::parse(whole.substr(0, end));
  fuzz::require_message(parsed.status());
  if (!parsed.ok()) return 0;
  chat::ChatInput input;
  input.messages =
      end == std::string_view::npos
          ? R"([{"role": "system", "content": " É "}, {"role": "user", "content": "x"}])"
          : whole.substr(end + 1);
  input.tools = R"([{"type": "function", "function": {"name": "f", "parameters": {}}}])";
  input.special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  input.add_generation_prompt = true;
  const auto first = parsed->render(input);
  fuzz::require_message(first.status());
  if (whole.find("strftime_now") != std::string_view::npos) return 0;
  const auto second = parsed->render(input);
  fuzz::require(first.ok() == second.ok() && (!first.ok() || *first == *second));
  return 0;
}

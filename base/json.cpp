#include "base/json.hpp"

#include <string>

namespace lanewise::base {
namespace {

constexpr int kMaxDepth = 64;

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

constexpr std::string_view kPythonNumbers[] = {"NaN", "Infinity", "-Infinity"};

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/// The word of kPythonNumbers that `rest` begins with, or "".
std::string_view python_number(std::string_view rest) {
  for (const std::string_view word : kPythonNumbers) {
    if (rest.starts_with(word) && (rest.size() == word.size() || !is_word(rest[word.size()]))) {
      return word;
    }
  }
  return {};
}

/// Where the string that begins at `begin` ends, behind its quote.
size_t end_of_string(std::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

std::string standard_json(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  std::string standard;
  standard.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    std::string_view number;
    if (text[i] == '"') {
      end = end_of_string(text, i);
    } else if (text[i] == 'N' || text[i] == 'I' || text[i] == '-') {
      const bool inside_word = i > 0 && is_word(text[i - 1]);
      if (!inside_word) number = python_number(text.substr(i));
    }
    if (number.empty()) {
      standard.append(text.substr(i, end - i));
    } else {
      standard.append("\"").append(number).append("\"");
      end = i + number.size();
    }
    i = end;
  }
  return standard;
}

Status check_json(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return data_loss("JSON of " + std::to_string(text.size()) + " bytes, at most " +
                     std::to_string(max_bytes) + " are read");
  }
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) {
    return data_loss("not JSON");
  }
  if (nests_too_deep(text)) {
    return data_loss("JSON nests deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  return {};
}

}  // namespace lanewise::base

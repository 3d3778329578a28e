#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/text/regex.hpp"

#include <pcre2.h>

#include <array>
#include <new>

#include "base/status_macros.hpp"
#include "runtime/text/regex_syntax.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

// The limit on backtracking steps within one match. The patterns in use take a few per character,
// and the longest run that backtracks, white space, is bounded by the text; the limit stops
// patterns whose cost multiplies.
constexpr uint32_t kMatchLimit = 20'000'000;
constexpr uint32_t kHeapLimitKib = 64 * 1024;

struct FreeCode {
  void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const noexcept {
    pcre2_compile_context_free(context);
  }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const noexcept {
    pcre2_match_context_free(context);
  }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
};

template <typename Pointer>
Pointer* or_throw(Pointer* pointer) {
  if (!pointer) throw std::bad_alloc();
  return pointer;
}

PCRE2_SPTR as_pcre2(std::string_view text) noexcept {
  // PCRE2 before 10.43 requires a non-null pointer even for an empty subject.
  return reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : "");
}

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 128> buffer = {};
  pcre2_get_error_message(error, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct Regex::Compiled {
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> limits;
  std::string text;  // a literal, which has no compiled code

  /// The first match from `begin` on; if there is none, its begin is npos.
  Result<Match> next(std::string_view subject, size_t begin, pcre2_match_data* data) const {
    if (!code) {
      const size_t found = subject.find(text, begin);
      return Match{found, found + text.size(), found != std::string_view::npos};
    }
    const auto match = [&](uint32_t options) {
      return pcre2_match(code.get(), as_pcre2(subject), subject.size(), begin,
                         options | PCRE2_NO_UTF_CHECK, data, limits.get());
    };
    int found = match(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);
    if (found == PCRE2_ERROR_NOMATCH) return Match{0, 0, false};
    if (found < 0) {
      return resource_exhausted("the regular expression exceeded its limit of steps at byte " +
                                std::to_string(begin) + ": " + message_of(found));
    }
    const PCRE2_SIZE* where = pcre2_get_ovector_pointer(data);
    return Match{where[0], where[1], true};
  }
};

Result<Regex> Regex::compile(std::string_view pattern) {
  LW_ASSIGN_OR_RETURN(const std::string syntax, to_pcre2_syntax(pattern));
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      or_throw(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 100);
  int error = 0;
  PCRE2_SIZE where = 0;
  auto compiled = std::make_shared<Compiled>();
  compiled->code.reset(pcre2_compile(as_pcre2(syntax), syntax.size(),
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error, &where,
                                     context.get()));
  if (!compiled->code) {
    return unsupported("the regular expression '" + std::string(pattern) +
                       "' is not supported: " + message_of(error));
  }
  compiled->limits.reset(or_throw(pcre2_match_context_create(nullptr)));
  pcre2_set_match_limit(compiled->limits.get(), kMatchLimit);
  pcre2_set_heap_limit(compiled->limits.get(), kHeapLimitKib);
  // Without executable memory, PCRE2 falls back to its interpreter.
  pcre2_jit_compile(compiled->code.get(), PCRE2_JIT_COMPLETE);
  return Regex(std::move(compiled));
}

Result<Regex> Regex::literal(std::string_view text) {
  // An empty literal matches between all characters, as the empty expression does.
  if (text.empty()) return compile("");
  auto compiled = std::make_shared<Compiled>();
  compiled->text = text;
  return Regex(std::move(compiled));
}

Status Regex::find_all(std::string_view text, std::vector<Match>* out) const {
  out->clear();
  std::unique_ptr<pcre2_match_data, FreeMatchData> data;
  if (compiled_->code) {
    data.reset(or_throw(pcre2_match_data_create_from_pattern(compiled_->code.get(), nullptr)));
  }
  size_t done = 0;
  size_t search = 0;
  bool any = false;
  while (search <= text.size()) {
    LW_ASSIGN_OR_RETURN(const Match match, compiled_->next(text, search, data.get()));
    if (!match.matched) break;
    // Skip an empty match where the last match ended; otherwise the loop would not end.
    if (match.begin == match.end && any && match.end == done) {
      if (search >= text.size()) break;
      search += static_cast<size_t>(decode_at(text, search).length);
      continue;
    }
    if (done < match.begin) out->push_back({done, match.begin, false});
    out->push_back(match);
    done = search = match.end;
    any = true;
  }
  if (done < text.size()) out->push_back({done, text.size(), false});
  return {};
}

}  // namespace lanewise::text

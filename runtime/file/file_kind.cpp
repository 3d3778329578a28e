#include "runtime/file/file_kind.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/messages.hpp"

namespace lanewise::file {
namespace {

struct Kind {
  std::string_view start;
  std::string_view what;
};

constexpr std::string_view kLfs =
    "a Git LFS pointer, not the file itself, which 'git lfs pull' fetches";
constexpr std::string_view kPage =
    "a web page (HTML), perhaps a server's error or login page, not the file itself";

constexpr Kind kTexts[] = {
    {"version https://git-lfs.github.com/spec/", kLfs},
    {"version https://hawser.github.com/spec/", kLfs},
    {"<?xml", "XML, perhaps a server's error, not the file itself"},
    {"\xFF\xFE", "text in UTF-16 by its byte-order mark, expected UTF-8"},
    {"\xFE\xFF", "text in UTF-16 by its byte-order mark, expected UTF-8"},
};

constexpr Kind kBinaries[] = {
    {"GGUF", "a GGUF file (llama.cpp)"},
    {"\x89HDF\r\n\x1a\n", "an HDF5 file (TensorFlow or Keras), which is not supported"},
    {"\x1f\x8b", "compressed with gzip; unpack it first"},
    {"BZh", "compressed with bzip2; unpack it first"},
    {"\xfd"
     "7zXZ",
     "compressed with xz; unpack it first"},
    {"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"},
    {"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"},
    {"Rar!", "a RAR archive; unpack it first"},
    {"%PDF", "a PDF document"},
};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_alike(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool is_page(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return false;
  text.remove_prefix(first);
  return starts_alike(text, "<!doctype html") || starts_alike(text, "<html");
}

template <size_t kCount>
std::string_view known_start(const Kind (&kinds)[kCount], std::string_view text) {
  const auto* found = std::find_if(std::begin(kinds), std::end(kinds),
                                   [&](const Kind& kind) { return text.starts_with(kind.start); });
  return found == std::end(kinds) ? std::string_view() : found->what;
}

bool is_tar(std::string_view text) {
  constexpr size_t kMagicAt = 257;
  return text.size() > kMagicAt && text.substr(kMagicAt).starts_with("ustar");
}

/// torch.save() before PyTorch 1.6 begins with a pickle of this number.
bool is_python_pickle(std::string_view text) {
  constexpr std::string_view kTorch = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  constexpr size_t kHead = 32;
  return text.size() > 2 && text.substr(0, kHead).find(kTorch) == std::string_view::npos &&
         text[0] == '\x80' && text[1] >= 2 && text[1] <= 5 && text.back() == '.';
}

/// A server's error page, such as `Entry not found`, or a note.
bool is_short_text(std::string_view text) {
  constexpr size_t kMost = 1024;
  return !text.empty() && text.size() <= kMost && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

std::string kind_of_other_text(std::span<const std::byte> file) {
  const std::string_view text = text_of(file);
  if (is_page(text)) return std::string(kPage);
  return std::string(known_start(kTexts, text));
}

std::string kind_of_other_file(std::span<const std::byte> file) {
  const std::string_view text = text_of(file);
  std::string kind = kind_of_other_text(file);
  if (!kind.empty()) return kind;
  kind = known_start(kBinaries, text);
  if (!kind.empty()) return kind;
  if (is_tar(text)) return "a tar archive; unpack it first";
  if (is_python_pickle(text)) return "a plain Python pickle, not a file written by torch.save()";
  if (is_short_text(text)) return "a text: " + base::in_quotes(text);
  return "";
}

}  // namespace lanewise::file

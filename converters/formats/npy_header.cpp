#include "converters/formats/npy_header.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "base/messages.hpp"
#include "base/status_macros.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kMaxNpyDimensions = 64;  // numpy's own limit.

Status damaged(const std::string& what) { return data_loss("damaged .npy header: " + what); }

/// The literal of a dictionary with the keys descr, fortran_order and shape, in any order.
class NpyDictionary {
 public:
  explicit NpyDictionary(std::string_view text) : rest_(text) {}

  Result<NpyHeader> read() {
    if (!skip('{')) return damaged("expected a dictionary");
    while (!skip('}')) {
      LW_ASSIGN_OR_RETURN(const std::string_view key, text());
      if (!skip(':')) return damaged("expected ':'");
      LW_RETURN_IF_ERROR(value(key));
      if (!skip(',') && !is_next('}')) return damaged("expected ',' or '}'");
    }
    spaces();
    if (!rest_.empty()) return damaged("something follows the dictionary");
    if (!has_type_ || !has_order_ || !has_shape_) {
      return damaged("expected 'descr', 'fortran_order' and 'shape'");
    }
    return header_;
  }

 private:
  void spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }

  bool is_next(char c) {
    spaces();
    return rest_.starts_with(c);
  }

  bool skip(char c) {
    if (!is_next(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool skip_word(std::string_view word) {
    spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  Result<std::string_view> text() {
    spaces();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') return damaged("expected a text");
    const size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return damaged("unterminated string");
    const std::string_view found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return found;
  }

  Status value(std::string_view key) {
    if (key == "descr") return type();
    if (key == "fortran_order") return order();
    if (key == "shape") return shape();
    return damaged("unknown key " + base::in_quotes(key));
  }

  Status type() {
    if (is_next('[')) return unsupported("an array of records, expected one of numbers");
    LW_ASSIGN_OR_RETURN(const std::string_view descr, text());
    has_type_ = true;
    header_.big_endian = descr.starts_with('>');
    if (descr.empty() || std::string_view("<>|").find(descr.front()) == std::string_view::npos) {
      return damaged("type " + base::in_quotes(descr));
    }
    struct Known {
      std::string_view name;
      DataType type;
    };
    constexpr Known kKnown[] = {
        {"f4", DataType::kF32}, {"f2", DataType::kF16}, {"f8", DataType::kF64},
        {"i8", DataType::kI64}, {"i4", DataType::kI32}, {"i2", DataType::kI16},
        {"i1", DataType::kI8},  {"u1", DataType::kU8},  {"b1", DataType::kBool}};
    for (const Known& known : kKnown) {
      if (descr.substr(1) != known.name) continue;
      header_.type = known.type;
      return {};
    }
    if (descr.substr(1).starts_with('O')) {
      return unsupported("an array of Python objects, which are pickles, is not supported");
    }
    return unsupported("an array of type " + base::in_quotes(descr) +
                       ", expected f2, f4, f8, i1, i2, i4, i8, u1 or b1");
  }

  Status order() {
    has_order_ = true;
    header_.fortran_order = skip_word("True");
    return header_.fortran_order || skip_word("False") ? Status() : damaged("'fortran_order'");
  }

  /// (), (3,), (3, 4), and Python 2's (3L, 4L).
  Status shape() {
    has_shape_ = true;
    header_.shape.clear();
    if (!skip('(')) return damaged("'shape' is not a tuple");
    while (!skip(')')) {
      spaces();
      int64_t size = 0;
      const char* end = rest_.data() + rest_.size();
      const auto [stopped, error] = std::from_chars(rest_.data(), end, size);
      if (error != std::errc() || size < 0 || header_.shape.size() == kMaxNpyDimensions) {
        return damaged("'shape' must hold sizes of 0 or more");
      }
      rest_.remove_prefix(static_cast<size_t>(stopped - rest_.data()));
      skip_word("L");
      header_.shape.push_back(size);
      if (!skip(',') && !is_next(')')) return damaged("'shape' is not a tuple");
    }
    return {};
  }

  std::string_view rest_;
  NpyHeader header_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

}  // namespace

Result<NpyHeader> read_npy_header(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  constexpr size_t kVersionAt = kNpyMagic.size();
  constexpr size_t kLengthAt = kVersionAt + 2;
  if (!text.starts_with(kNpyMagic) || text.size() < kLengthAt) return damaged("not a .npy file");
  const auto version = static_cast<int>(file[kVersionAt]);
  if (version < 1 || version > 3) {
    return unsupported(".npy file of version " + std::to_string(version) + ", expected 1 to 3");
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t begin = kLengthAt + length_bytes;
  if (text.size() < begin) return damaged("cut off");
  size_t length = 0;
  for (size_t i = length_bytes; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(text[kLengthAt + i]);
  }
  if (length > text.size() - begin) {
    return damaged("of " + std::to_string(length) + " bytes, longer than the file or the limit");
  }
  LW_ASSIGN_OR_RETURN(NpyHeader header, NpyDictionary(text.substr(begin, length)).read());
  header.bytes = begin + length;
  return header;
}

}  // namespace lanewise::converters

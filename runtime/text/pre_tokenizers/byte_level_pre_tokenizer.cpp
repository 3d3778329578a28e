#include "runtime/text/pre_tokenizers/byte_level_pre_tokenizer.hpp"

#include <utility>

#include "base/status_macros.hpp"
#include "runtime/text/byte_level.hpp"
#include "runtime/text/pre_tokenizers/split.hpp"

namespace lanewise::text {
namespace {

/// English contractions; letters, numbers or others, each with an optional space before; white
/// space.
constexpr std::string_view kWordPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, PreTokenizerPtr split)
      : add_prefix_space_(add_prefix_space), split_(std::move(split)) {}

  Status split(Words* words) const override {
    if (add_prefix_space_) add_spaces(words);
    if (split_) LW_RETURN_IF_ERROR(split_->split(words));
    NormalizedText result;
    for (Range& range : words->ranges) {
      const size_t begin = result.bytes.size();
      append_byte_level(words->text, range.begin, range.end, &result);
      range = {begin, result.bytes.size()};
    }
    words->text = std::move(result);
    return {};
  }

 private:
  static void add_spaces(Words* words) {
    NormalizedText result;
    for (Range& range : words->ranges) {
      const size_t begin = result.bytes.size();
      if (words->text.bytes[range.begin] != ' ') {
        result.append(U' ', words->text.spans[range.begin]);
      }
      result.append(words->text, range.begin, range.end);
      range = {begin, result.bytes.size()};
    }
    words->text = std::move(result);
  }

  bool add_prefix_space_;
  PreTokenizerPtr split_;  // null: no splitting
};

class Bytes final : public PreTokenizer {
 public:
  Status split(Words* words) const override {
    Words result;
    for (const Range& range : words->ranges) {
      for (size_t i = range.begin; i < range.end; ++i) {
        const size_t begin = result.text.bytes.size();
        result.text.append(char32_t{static_cast<uint8_t>(words->text.bytes[i])},
                           words->text.spans[i]);
        result.ranges.push_back({begin, result.text.bytes.size()});
      }
    }
    *words = std::move(result);
    return {};
  }
};

}  // namespace

Result<PreTokenizerPtr> read_bytes_pre_tokenizer(const base::JsonFields&) {
  return PreTokenizerPtr(std::make_unique<Bytes>());
}

Result<PreTokenizerPtr> read_byte_level_pre_tokenizer(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const bool add_prefix_space, fields.boolean_or("add_prefix_space", true));
  LW_ASSIGN_OR_RETURN(const bool use_regex, fields.boolean_or("use_regex", true));
  PreTokenizerPtr split;
  if (use_regex) {
    LW_ASSIGN_OR_RETURN(Regex pattern, Regex::compile(kWordPattern));
    split = make_split(std::move(pattern), SplitBehavior::kIsolated, false);
  }
  return PreTokenizerPtr(std::make_unique<ByteLevel>(add_prefix_space, std::move(split)));
}

}  // namespace lanewise::text

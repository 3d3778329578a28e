// The regular expressions are those of the models' own tokenizer.json, in the spelling that gives
// the words that llama.cpp makes of a text: contractions are ASCII letters of either case.

#include "converters/gguf/pre_tokenizers.hpp"

#include <algorithm>

namespace lanewise::converters {
namespace {

#define LW_CONTRACTIONS "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])"
#define LW_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::string_view kGpt2Patterns[] = {kGpt2Pattern};

constexpr std::string_view kSingleDigits[] = {R"(\p{N})", kGpt2Pattern};

/// Also the pattern for files without a name.
constexpr std::string_view kDefault[] = {R"([\p{P}$+<=>^~|]+)", kGpt2Pattern, R"(\p{N}+)",
                                         "[0-9][0-9][0-9]"};

constexpr std::string_view kFalcon[] = {R"([\p{P}$+<=>^~|`]+)", kGpt2Pattern, "[0-9][0-9][0-9]"};

/// Up to three digits in a word.
constexpr std::string_view kLlama3[] = {LW_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                                                        R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|)" LW_SPACES};

/// One digit in a word.
constexpr std::string_view kQwen2[] = {LW_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                                       R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|)" LW_SPACES};

/// Letters that may be upper case, then letters that may be lower case: a letter but a-z or A-Z.
#define LW_UPPER R"((?:(?=\p{L})[^a-z]))"
#define LW_LOWER R"((?:(?=\p{L})[^A-Z]))"

constexpr std::string_view kTekken[] = {R"([^\r\n\p{L}\p{N}]?)" LW_UPPER "*" LW_LOWER
                                        R"(+|[^\r\n\p{L}\p{N}]?)" LW_UPPER "+" LW_LOWER
                                        R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" LW_SPACES};

constexpr std::string_view kGpt4o[] = {R"([^\r\n\p{L}\p{N}]?)" LW_UPPER "*" LW_LOWER
                                       "+(?:" LW_CONTRACTIONS R"()?|[^\r\n\p{L}\p{N}]?)" LW_UPPER
                                       "+" LW_LOWER "*(?:" LW_CONTRACTIONS
                                       R"()?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" LW_SPACES};

#undef LW_CONTRACTIONS
#undef LW_SPACES
#undef LW_UPPER
#undef LW_LOWER

constexpr GgufPreTokenizer kPreTokenizers[] = {
    {"default", kDefault},
    {"llama3", kLlama3, true, true},
    {"llama-v3", kLlama3, true, true},
    {"llama-bpe", kLlama3, true, true},
    {"falcon3", kLlama3, true, true},
    {"pixtral", kLlama3, true, true},
    {"midm-2.0", kLlama3, true, true},
    {"lfm2", kLlama3, true, true},
    {"dbrx", kLlama3},
    {"smaug-bpe", kLlama3},
    {"chatglm-bpe", kLlama3},
    {"glm4", kLlama3},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"megrez", kQwen2},
    {"stablelm2", kQwen2},
    {"hunyuan", kQwen2},
    {"grok-2", kQwen2},
    {"smollm", kSingleDigits},
    {"starcoder", kSingleDigits},
    {"refact", kSingleDigits},
    {"command-r", kSingleDigits},
    {"codeshell", kSingleDigits},
    {"exaone", kSingleDigits},
    {"minerva-7b", kSingleDigits},
    {"gpt-2", kGpt2Patterns},
    {"phi-2", kGpt2Patterns},
    {"gigachat", kGpt2Patterns},
    {"a.x-4.0", kGpt2Patterns},
    {"mellum", kGpt2Patterns},
    {"exaone4", kGpt2Patterns},
    {"mpt", kGpt2Patterns},
    {"olmo", kGpt2Patterns},
    {"jais", kGpt2Patterns},
    {"trillion", kGpt2Patterns},
    {"falcon", kFalcon},
    {"tekken", kTekken, true, true},
    {"gpt-4o", kGpt4o},
    {"llama4", kGpt4o},
    {"kanana2", kGpt4o},
};

}  // namespace

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  const auto* const found = std::ranges::find(kPreTokenizers, name, &GgufPreTokenizer::name);
  return found == std::end(kPreTokenizers) ? nullptr : found;
}

}  // namespace lanewise::converters

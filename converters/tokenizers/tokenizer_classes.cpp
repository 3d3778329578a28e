#include "converters/tokenizers/tokenizer_classes.hpp"

#include <algorithm>
#include <iterator>

#include "base/messages.hpp"

namespace lanewise::converters {
namespace {

constexpr std::string_view kBertClasses[] = {
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MobileBertTokenizer",
    "ConvBertTokenizer",
    "SqueezeBertTokenizer",
    "RetriBertTokenizer",
    "LxmertTokenizer",
    "LayoutLMTokenizer",
    "FunnelTokenizer",
    "SplinterTokenizer",
    "DPRReaderTokenizer",
    "DPRQuestionEncoderTokenizer",
    "DPRContextEncoderTokenizer",
};

constexpr std::string_view kRobertaClasses[] = {
    "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "LEDTokenizer", "MvpTokenizer",
};

constexpr ClassToken kBertTokens[] = {{"unk_token", "[UNK]"},
                                      {"sep_token", "[SEP]"},
                                      {"pad_token", "[PAD]"},
                                      {"cls_token", "[CLS]"},
                                      {"mask_token", "[MASK]"}};

constexpr ClassToken kRobertaTokens[] = {{"bos_token", "<s>"},
                                         {"eos_token", "</s>"},
                                         {"unk_token", "<unk>"},
                                         {"sep_token", "</s>"},
                                         {"pad_token", "<pad>"},
                                         {"cls_token", "<s>"},
                                         {"mask_token", "<mask>", /*lstrip=*/true}};

constexpr ClassToken kMpnetTokens[] = {{"bos_token", "<s>"},
                                       {"eos_token", "</s>"},
                                       {"unk_token", "[UNK]"},
                                       {"sep_token", "</s>"},
                                       {"pad_token", "<pad>"},
                                       {"cls_token", "<s>"},
                                       {"mask_token", "<mask>", /*lstrip=*/true}};

constexpr ClassToken kAlbertTokens[] = {{"bos_token", "[CLS]"},
                                        {"eos_token", "[SEP]"},
                                        {"unk_token", "<unk>"},
                                        {"sep_token", "[SEP]"},
                                        {"pad_token", "<pad>"},
                                        {"cls_token", "[CLS]"},
                                        {"mask_token", "[MASK]", /*lstrip=*/true}};

constexpr ClassToken kDebertaV2Tokens[] = {
    {"bos_token", "[CLS]"}, {"eos_token", "[SEP]"}, {"unk_token", "[UNK]"},  {"sep_token", "[SEP]"},
    {"pad_token", "[PAD]"}, {"cls_token", "[CLS]"}, {"mask_token", "[MASK]"}};

constexpr ClassToken kDebertaTokens[] = {{"bos_token", "[CLS]"},
                                         {"eos_token", "[SEP]"},
                                         {"unk_token", "[UNK]"},
                                         {"sep_token", "[SEP]"},
                                         {"pad_token", "[PAD]"},
                                         {"cls_token", "[CLS]"},
                                         {"mask_token", "[MASK]", /*lstrip=*/true}};

constexpr ClassToken kHerbertTokens[] = {{"unk_token", "<unk>"},
                                         {"sep_token", "</s>"},
                                         {"pad_token", "<pad>"},
                                         {"cls_token", "<s>"},
                                         {"mask_token", "<mask>"}};

constexpr ClassToken kGpt2Tokens[] = {
    {"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}, {"unk_token", "<|endoftext|>"}};

constexpr ClassToken kMarianTokens[] = {
    {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}};

constexpr ClassToken kM2m100Tokens[] = {{"bos_token", "<s>"},
                                        {"eos_token", "</s>"},
                                        {"unk_token", "<unk>"},
                                        {"sep_token", "</s>"},
                                        {"pad_token", "<pad>"}};

/// Why a class is not supported; usually its own Python code.
struct RefusedClass {
  std::string_view name;
  std::string_view reason = "it splits text in its own Python code";
};

// The classes that Transformers 4.57 and 5.24 run without the library tokenizers, except Marian's,
// M2M100's and ByT5's, which we support, and those for speech, pictures and molecules.
constexpr RefusedClass kRefusedClasses[] = {
    {"BertJapaneseTokenizer", "it splits text into words with MeCab, Sudachi or Juman++"},
    {"GPTNeoXJapaneseTokenizer"},
    {"GPTSanJapaneseTokenizer"},
    {"BartphoTokenizer"},
    {"BertGenerationTokenizer"},
    {"BertweetTokenizer"},
    {"BioGptTokenizer", "it splits text into words with Moses"},
    {"BlenderbotSmallTokenizer"},
    {"CTRLTokenizer"},
    {"CanineTokenizer"},
    {"CpmAntTokenizer", "it splits text into words with Jieba"},
    {"CpmTokenizer", "it splits text into words with Jieba"},
    {"ErnieMTokenizer"},
    {"EsmTokenizer"},
    {"FSMTTokenizer", "it splits text into words with Moses"},
    {"FlaubertTokenizer", "it splits text into words with Moses"},
    {"GPTSw3Tokenizer"},
    {"LukeTokenizer"},
    {"MLukeTokenizer"},
    {"MyT5Tokenizer"},
    {"PLBartTokenizer"},
    {"PerceiverTokenizer"},
    {"PhobertTokenizer"},
    {"ProphetNetTokenizer"},
    {"RoCBertTokenizer"},
    {"RoFormerTokenizer", "it splits text into words with Jieba"},
    {"TapasTokenizer"},
    {"TapexTokenizer"},
    {"TransfoXLTokenizer"},
    {"XLMProphetNetTokenizer"},
    {"XLMTokenizer", "it splits text into words with Moses"},
};

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_bert_class(std::string_view name) { return is_among(name, kBertClasses); }
bool is_mpnet_class(std::string_view name) { return name == "MPNetTokenizer"; }
bool is_roberta_class(std::string_view name) { return is_among(name, kRobertaClasses); }
bool is_gpt2_class(std::string_view name) { return name == "GPT2Tokenizer"; }

std::span<const ClassToken> class_tokens(std::string_view name) {
  if (is_bert_class(name)) return kBertTokens;
  if (is_mpnet_class(name)) return kMpnetTokens;
  const bool sentencepiece = name == "XLMRobertaTokenizer" || name == "CamembertTokenizer";
  if (is_roberta_class(name) || sentencepiece) return kRobertaTokens;
  if (name == "AlbertTokenizer") return kAlbertTokens;
  if (name == "DebertaTokenizer") return kDebertaTokens;
  if (name == "DebertaV2Tokenizer") return kDebertaV2Tokens;
  if (is_gpt2_class(name)) return kGpt2Tokens;
  if (name == "HerbertTokenizer") return kHerbertTokens;
  if (name == "MarianTokenizer") return kMarianTokens;
  if (name == "M2M100Tokenizer") return kM2m100Tokens;
  return {};
}

Status check_tokenizer_class(const std::string& name) {
  const auto* const found = std::ranges::find(kRefusedClasses, name, &RefusedClass::name);
  if (found == std::end(kRefusedClasses)) return {};
  return unsupported("tokenizer_class " + base::in_quotes(name) +
                     " is not supported: " + std::string(found->reason));
}

}  // namespace lanewise::converters

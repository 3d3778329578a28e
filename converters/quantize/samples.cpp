#include "converters/quantize/samples.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "lanewise/generator.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/model_data.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

// Long enough for every position that typical texts reach, short enough that attention, which is
// quadratic, does not dominate.
constexpr int64_t kMostTokens = 256;
constexpr int64_t kMostNewTokens = 64;

Result<std::vector<Sample>> tokenized(const text::Tokenizer& tokenizer, const ModelInfo& info,
                                      const std::vector<std::string>& texts, Refused refused) {
  const int64_t limit = info.max_text_tokens > 0 ? info.max_text_tokens : info.max_tokens;
  std::vector<Sample> samples;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto encoding = tokenizer.encode(texts[i], {.max_length = std::min(kMostTokens, limit)});
    if (!encoding.ok()) {
      const bool is_about_text = encoding.status().code() != StatusCode::kResourceExhausted;
      if (refused == Refused::kSkip && is_about_text) continue;
      return encoding.status().with_context("text " + std::to_string(i + 1));
    }
    Sample sample;
    for (const text::Token& token : encoding->tokens) sample.source.push_back(token.id);
    const bool known = std::all_of(sample.source.begin(), sample.source.end(),
                                   [&](int32_t id) { return id < info.vocabulary_size; });
    if (known && !sample.source.empty()) samples.push_back(std::move(sample));
  }
  return samples;
}

Status add_targets(const Model& model, std::vector<Sample>& samples) {
  GenerationOptions options = model.info().generation;
  options.unsupported.clear();  // any text will do
  const int32_t start = options.decoder_start_token_id != kNoToken ? options.decoder_start_token_id
                                                                   : options.bos_token_id;
  if (start == kNoToken) {
    samples.clear();
    return {};
  }
  options.beams = options.num_return_sequences = 1;
  options.temperature = 0.0;
  options.early_stopping = EarlyStopping::kNo;
  options.length_penalty = 1.0;
  options.min_length = options.min_new_tokens = 0;
  options.max_length = 0;
  const int64_t room = model.info().max_target_tokens - 1;  // beside the start token
  options.max_new_tokens = std::clamp<int64_t>(room, 1, kMostNewTokens);
  std::vector<std::vector<int32_t>> sources;
  sources.reserve(samples.size());
  for (const Sample& sample : samples) sources.push_back(sample.source);
  LW_ASSIGN_OR_RETURN(Generator generator, Generator::create(model));
  LW_ASSIGN_OR_RETURN(const auto generations, generator.generate(sources, options));
  for (size_t i = 0; i < samples.size(); ++i) {
    std::vector<int32_t> ids = generations[i].hypotheses.front().ids;
    ids.resize(std::min(ids.size(), static_cast<size_t>(room)));
    samples[i].target = {start};
    samples[i].target.insert(samples[i].target.end(), ids.begin(), ids.end());
  }
  return {};
}

}  // namespace

std::vector<std::string> builtin_texts() {
  static constexpr std::string_view kTexts[] = {
#include "converters/quantize/builtin_texts.inc"
  };
  return {std::begin(kTexts), std::end(kTexts)};
}

Result<std::vector<std::string>> read_texts(const std::string& path) {
  LW_ASSIGN_OR_RETURN(const file::MappedFile file, file::MappedFile::open(path));
  const std::span<const std::byte> bytes = file.bytes();
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<std::string> texts;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const Status status = text::check_utf8(line);
    if (!status.ok()) {
      return status.with_context(base::in_quotes(path) + ": line " + std::to_string(number));
    }
    if (!line.empty()) texts.emplace_back(line);
  }
  if (texts.empty()) {
    return invalid_argument(base::in_quotes(path) + " has no texts: expected one per line");
  }
  return texts;
}

Result<std::vector<Sample>> make_samples(const Model& model, const std::vector<std::string>& texts,
                                         Refused refused) {
  if (!model.data().has_tokenizer()) return std::vector<Sample>();
  LW_ASSIGN_OR_RETURN(const text::Tokenizer* tokenizer, model.data().open_tokenizer());
  LW_ASSIGN_OR_RETURN(std::vector<Sample> samples,
                      tokenized(*tokenizer, model.info(), texts, refused));
  if (model.info().target_vocabulary_size > 0 && !samples.empty()) {
    LW_RETURN_IF_ERROR(add_targets(model, samples));
  }
  return samples;
}

}  // namespace lanewise::converters

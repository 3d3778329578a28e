#include "lanewise/sources.hpp"

#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/batch.hpp"
#include "runtime/tasks/source_ids.hpp"
#include "runtime/tasks/tokenizer_data.hpp"

namespace lanewise {
namespace {

constexpr std::string_view kIds = "input_ids";
constexpr std::string_view kMask = "attention_mask";

}  // namespace

Result<Source> source_of_text(const Tokenizer& tokenizer, std::string_view text,
                              const ModelInfo& info, TooLong too_long) {
  return base::no_throw([&] {
    const internal::TokenizerData& data = tokenizer.data();
    return tasks::source_ids(data.tokenizer(), text, info, data.language(), too_long);
  });
}

Result<Source> source_of_ids(std::vector<int32_t> ids, const ModelInfo& info, TooLong too_long) {
  return base::no_throw([&] { return tasks::checked_source(std::move(ids), info, too_long); });
}

Result<std::vector<std::vector<int32_t>>> sources_of_tensors(const TensorMap& inputs) {
  return base::no_throw([&]() -> Result<std::vector<std::vector<int32_t>>> {
    for (const auto& [name, tensor] : inputs) {
      if (name == kIds || name == kMask) continue;
      return invalid_argument("unknown tensor " + base::in_quotes(name) +
                              "; known: input_ids, attention_mask");
    }
    const auto ids = inputs.find(kIds);
    if (ids == inputs.end()) return invalid_argument("tensor 'input_ids' is missing");
    LW_ASSIGN_OR_RETURN(const PaddedRows rows, PaddedRows::create(inputs, kIds, kMask));
    LW_ASSIGN_OR_RETURN(const std::vector<int32_t> all, rows.gather(ids->second, kIds));
    std::vector<std::vector<int32_t>> sources;
    auto begin = all.begin();
    for (const int32_t length : rows.lengths()) {
      sources.emplace_back(begin, begin + length);
      begin += length;
    }
    return sources;
  });
}

}  // namespace lanewise

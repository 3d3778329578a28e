#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ops/dispatch.hpp"
#include "runtime/generate/search.hpp"

namespace lanewise::generate::test {

/// The logits after a decoder's tokens: a substitute for a model.
using Model = std::function<std::vector<float>(const std::vector<int32_t>& tokens)>;

/// Runs the search to its end like a decoder: each row extends its parent's tokens by its own.
inline void run(Search& search, std::span<const int32_t> prompt, const Model& model) {
  std::vector<std::vector<int32_t>> rows;
  for (bool first = true; search.rows() > 0; first = false) {
    std::vector<std::vector<int32_t>> next;
    for (int row = 0; row < search.rows(); ++row) {
      if (first) {
        next.emplace_back(prompt.begin(), prompt.end());
      } else {
        next.push_back(rows.at(static_cast<size_t>(search.parent(row))));
        next.back().push_back(search.token(row));
      }
    }
    rows = std::move(next);
    for (int row = 0; row < search.rows(); ++row) {
      std::vector<float> logits = model(rows[static_cast<size_t>(row)]);
      search.score(row, logits.data());
    }
    search.advance();
  }
}

/// A search with a model's full length, on the best instruction set.
inline std::unique_ptr<Search> make(const GenerationOptions& options, int64_t vocabulary,
                                    std::span<const int32_t> prompt, uint64_t sequence = 0,
                                    int64_t max_new_tokens = 40) {
  return make_search(options, ops::best_isa(), vocabulary, prompt, max_new_tokens, sequence);
}

}  // namespace lanewise::generate::test

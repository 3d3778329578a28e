#include "lanewise/tokenizer.hpp"

#include <cstdlib>
#include <string>

#include "runtime/c/calls.hpp"
#include "runtime/c/handles.hpp"

using lanewise::Status;
using lanewise::c::call;
using lanewise::c::check_given;

// Callers read offsets as pairs of numbers.
static_assert(sizeof(lanewise::ByteRange) == 2 * sizeof(int32_t));

extern "C" {

lw_status lw_tokenizer_create(const lw_model* model, lw_tokenizer** tokenizer) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"model", model}, {"tokenizer", tokenizer}}));
    return lanewise::c::hand_over(lanewise::Tokenizer::of(model->model), tokenizer);
  });
}

void lw_tokenizer_free(lw_tokenizer* tokenizer) { delete tokenizer; }

lw_status lw_tokenize(const lw_tokenizer* tokenizer, const char* text, int special,
                      lw_tokens** tokens) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"tokenizer", tokenizer}, {"text", text}, {"tokens", tokens}}));
    const lanewise::EncodeOptions options{.add_special_tokens = special != 0};
    return lanewise::c::hand_over(tokenizer->tokenizer.encode(text, options), tokens);
  });
}

void lw_tokens_free(lw_tokens* tokens) { delete tokens; }

size_t lw_tokens_count(const lw_tokens* tokens) {
  return tokens == nullptr ? 0 : tokens->encoding.ids.size();
}

const int32_t* lw_tokens_ids(const lw_tokens* tokens) {
  return tokens == nullptr ? nullptr : tokens->encoding.ids.data();
}

const int32_t* lw_tokens_offsets(const lw_tokens* tokens) {
  if (tokens == nullptr || tokens->encoding.offsets.empty()) return nullptr;
  return &tokens->encoding.offsets.front().begin;
}

lw_status lw_detokenize(const lw_tokenizer* tokenizer, const int32_t* ids, size_t count,
                        int skip_special, char** text) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"tokenizer", tokenizer}, {"text", text}}));
    if (count > 0) LW_RETURN_IF_ERROR(check_given({{"ids", ids}}));
    LW_ASSIGN_OR_RETURN(const std::string decoded,
                        tokenizer->tokenizer.decode({ids, count}, skip_special != 0));
    auto* const copy = static_cast<char*>(std::malloc(decoded.size() + 1));
    if (copy == nullptr) return lanewise::resource_exhausted("no memory for a text");
    std::memcpy(copy, decoded.c_str(), decoded.size() + 1);
    *text = copy;
    return {};
  });
}

void lw_text_free(char* text) { std::free(text); }

}  // extern "C"

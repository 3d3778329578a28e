#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converters/config.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/status.hpp"
#include "runtime/text/added_tokens.hpp"

namespace lanewise::converters {

/// A special token that a setting names.
struct NamedToken {
  std::string setting;     ///< `cls_token` for instance; `extra_special_tokens` for one of a list
  text::AddedToken token;  ///< without its id, which is unknown here
  bool has_flags = false;  ///< the file has an object with flags, not only the content
};

/// The contents of the files beside a tokenizer: tokenizer_config.json, special_tokens_map.json and
/// added_tokens.json, with Transformers' precedence. If the first one has `added_tokens_decoder`,
/// Transformers had already merged the other two into it, and they are not read.
struct Companions {
  /// From tokenizer_config.json, else from config.json, else Transformers' class for the
  /// model_type. Without "Fast"; empty if unknown.
  std::string tokenizer_class;

  std::optional<bool> do_lower_case;
  std::optional<bool> keep_accents;
  std::optional<bool> strip_accents;
  std::optional<bool> tokenize_chinese_chars;
  std::optional<bool> add_prefix_space;
  std::optional<bool> trim_offsets;
  std::optional<bool> split_by_punct;  ///< of DeBERTa
  std::string truncation_side;         ///< "left", "right", or empty
  bool clean_up_tokenization_spaces = false;

  // For multilingual models, T5, ByT5 and Pegasus. Classes have their own defaults.
  std::string src_lang;
  std::string language_codes = "m2m100";  ///< the name of a list of them
  bool legacy_behaviour = false;
  std::optional<int32_t> extra_ids;
  std::optional<int32_t> offset;
  std::optional<std::string> mask_token_sent;  ///< empty: null, no masks

  /// By their ids in the files, which only Transformers' Python classes keep.
  std::map<int32_t, text::AddedToken> added_tokens;
  /// bos, eos, unk, sep, pad, cls, mask, tokens with other names, then those in lists.
  std::vector<NamedToken> named_tokens;

  /// The content of the token named by `setting`, or `fallback`.
  std::string token_name(std::string_view setting, std::string_view fallback) const;
};

/// Reads the files beside the tokenizer in `subfolder` of `folder`; `config` is config.json. Fails
/// with kInvalidArgument or kDataLoss, naming file and field, if a type differs from what
/// Transformers writes.
Result<Companions> read_companions(SourceFolder& folder, const std::string& subfolder,
                                   const Config& config);

}  // namespace lanewise::converters

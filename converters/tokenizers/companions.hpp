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
  text::AddedToken token;  ///< its id is not known here
  bool has_flags = false;  ///< the file has an object, which says more than the content
};

/// What the files beside a tokenizer say about it: tokenizer_config.json, special_tokens_map.json
/// and added_tokens.json, in Transformers' order of precedence. Where the first one has
/// `added_tokens_decoder`, Transformers wrote it after it had merged the other two into it, and
/// they are not read.
struct Companions {
  /// Of tokenizer_config.json, else of config.json, else what Transformers takes for the
  /// model_type. Without "Fast"; empty where nothing tells.
  std::string tokenizer_class;

  std::optional<bool> do_lower_case;
  std::optional<bool> strip_accents;
  std::optional<bool> tokenize_chinese_chars;
  std::optional<bool> add_prefix_space;
  std::optional<bool> trim_offsets;
  std::string truncation_side;  ///< "left", "right", or empty
  bool clean_up_tokenization_spaces = false;

  // Of multilingual models, T5, ByT5 and Pegasus. Classes have their own values for what is not
  // set.
  std::string src_lang;
  std::string language_codes = "m2m100";  ///< the name of a list of them
  bool legacy_behaviour = false;
  std::optional<int32_t> extra_ids;
  std::optional<int32_t> offset;
  std::optional<std::string> mask_token_sent;  ///< empty: null, no masks

  /// By the ids that the files give them, which only Transformers' Python classes keep.
  std::map<int32_t, text::AddedToken> added_tokens;
  /// bos, eos, unk, sep, pad, cls, mask, tokens of other names, then those of lists.
  std::vector<NamedToken> named_tokens;

  /// The content of the token that `setting` names, `fallback` if none.
  std::string token_name(std::string_view setting, std::string_view fallback) const;
};

/// Reads what stands beside the tokenizer in `subfolder` of `folder`; `config` is config.json.
/// kInvalidArgument or kDataLoss, naming file and field, for what has another type than
/// Transformers writes.
Result<Companions> read_companions(SourceFolder& folder, const std::string& subfolder,
                                   const Config& config);

}  // namespace lanewise::converters

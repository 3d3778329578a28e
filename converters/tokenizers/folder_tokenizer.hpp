#pragma once

#include <string>

#include "converters/config.hpp"
#include "converters/source_folder.hpp"
#include "converters/tokenizers/companions.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// The tokenizer in `subfolder` of `folder` as a tokenizer.json: that file, or the equivalent of
/// vocab.txt, or of vocab.json and merges.txt; with its companions. Empty if there is none.
///
/// Fails as tokenizer_json_of_vocabulary(), tokenizer_json_of_bpe_files() and apply_companions();
/// with kUnsupported for a class that splits text with its own code; with kDataLoss if
/// tokenizer.json is not JSON.
Result<std::string> folder_tokenizer(SourceFolder& folder, const std::string& subfolder,
                                     Companions companions);

/// The same with the folder's companions.
Result<std::string> folder_tokenizer_text(SourceFolder& folder, const std::string& subfolder,
                                          const Config& config);

}  // namespace lanewise::converters

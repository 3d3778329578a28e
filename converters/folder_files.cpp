#include "converters/folder_files.hpp"

namespace lanewise::converters {

std::vector<std::string> files_beside_weights() {
  std::vector<std::string> names(kModelFiles.begin(), kModelFiles.end());
  names.insert(names.end(), kTextConfigs.begin(), kTextConfigs.end());
  names.insert(names.end(), kTokenizerFiles.begin(), kTokenizerFiles.end());
  return names;
}

}  // namespace lanewise::converters

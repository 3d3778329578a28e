#pragma once

#include <cstdlib>
#include <string>

namespace lanewise {

/// tests/data, wherever the tests run.
inline std::string test_data_folder() {
  const char* folder = std::getenv("LANEWISE_TEST_DATA");
  return folder == nullptr ? "tests/data" : folder;
}

/// The checkpoint in the repository.
inline std::string bundled_model_folder() { return test_data_folder() + "/../../models/g2p"; }

}  // namespace lanewise

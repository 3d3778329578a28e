#pragma once

#include <string>

namespace lanewise::cli {

/// What `lanewise --version` prints, without the last line end: first `lanewise 0.1.0`, then what
/// the program was built from and with. As JSON, one object on one line.
std::string version_text();
std::string version_json();

}  // namespace lanewise::cli

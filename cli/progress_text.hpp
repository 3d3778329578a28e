#pragma once

#include <cstdint>
#include <string>

namespace lanewise::cli {

/// `1,234,567 texts, 812 a second, 12 %, 2 h 5 min left`, after `seconds` for the texts behind
/// `texts_before` and the part of the input behind `part_before`.
std::string progress_text(int64_t texts, int64_t texts_before, double part, double part_before,
                          double seconds);

}  // namespace lanewise::cli

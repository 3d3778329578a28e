#pragma once

#include <cstdint>

namespace lanewise::ops::test {

/// Whether the library was built with oneDNN.
bool has_onednn() noexcept;

/// How many products oneDNN has computed in this process. The library's own word for it does not
/// count: where oneDNN fails, our kernels step in.
int64_t onednn_calls() noexcept;

}  // namespace lanewise::ops::test

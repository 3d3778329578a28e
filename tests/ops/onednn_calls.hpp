#pragma once

#include <cstdint>

namespace lanewise::ops::test {

/// Whether the library was built with oneDNN.
bool has_onednn() noexcept;

/// The number of products that oneDNN has computed in this process. The library's own report is not
/// enough: if oneDNN fails, our kernels take over.
int64_t onednn_calls() noexcept;

}  // namespace lanewise::ops::test

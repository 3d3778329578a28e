#include "tests/ops/onednn_calls.hpp"

#include <atomic>

namespace {

std::atomic<int64_t> calls{0};

}  // namespace

// The linker gives these names to oneDNN's function and its callers (--wrap, tests/CMakeLists.txt).
extern "C" {

[[gnu::weak]] int __real_dnnl_primitive_execute(const void* primitive, void* stream, int count,
                                                const void* arguments);
int __wrap_dnnl_primitive_execute(const void* primitive, void* stream, int count,
                                  const void* arguments);

int __wrap_dnnl_primitive_execute(const void* primitive, void* stream, int count,
                                  const void* arguments) {
  const int status = __real_dnnl_primitive_execute(primitive, stream, count, arguments);
  if (status == 0) calls.fetch_add(1, std::memory_order_relaxed);
  return status;
}
}

namespace lanewise::ops::test {

bool has_onednn() noexcept { return LANEWISE_TEST_HAS_ONEDNN; }

int64_t onednn_calls() noexcept { return calls.load(std::memory_order_relaxed); }

}  // namespace lanewise::ops::test

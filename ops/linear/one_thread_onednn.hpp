#pragma once

/// For files that use oneDNN's types only.

#include <omp.h>

#include <dnnl.hpp>

namespace lanewise::ops {

inline dnnl::engine& onednn_engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// Limits OpenMP's teams to the calling thread while it lives. Otherwise oneDNN would start a team
/// for each of our threads, and in a forked process such a team never assembles.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  const int before_;
};

}  // namespace lanewise::ops

#pragma once

/// For the files that know oneDNN's types only.

#include <omp.h>

#include <dnnl.hpp>

namespace lanewise::ops {

inline dnnl::engine& onednn_engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// Limits OpenMP's teams to the calling thread while it lives. oneDNN would start one of its own
/// for each of our threads, which never comes together in a forked process.
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

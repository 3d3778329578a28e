// oneDNN's inner product, which is a linear layer with its bias. `any` lets it choose the layouts;
// its matmul runs the same kernels and is as fast.

#include <omp.h>

#include <dnnl.hpp>
#include <unordered_map>

#include "bench/baselines/linear_case.hpp"

namespace lanewise::bench {
namespace {

using dnnl::memory;

memory::desc f32(const memory::dims& dims, memory::format_tag tag) {
  return {dims, memory::data_type::f32, tag};
}

dnnl::inner_product_forward::primitive_desc describe(const LinearData& data,
                                                     const dnnl::engine& engine) {
  using Product = dnnl::inner_product_forward;
  constexpr auto kAny = memory::format_tag::any;
  constexpr auto kUse = dnnl::prop_kind::forward_inference;
  const memory::desc x = f32({data.m, data.k}, memory::format_tag::ab);
  const memory::desc weight = f32({data.n, data.k}, kAny);
  const memory::desc bias = f32({data.n}, memory::format_tag::a);
  const memory::desc y = f32({data.m, data.n}, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kUse, x, weight, bias, y};
#else
  return {Product::desc(kUse, x, weight, bias, y), engine};
#endif
}

class OneDnnCase final : public LinearCase {
 public:
  explicit OneDnnCase(const LinearData& data)
      : n_(data.n),
        y_(static_cast<size_t>(data.m * data.n)),
        engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_) {
    // oneDNN queries OpenMP when it creates a primitive and when it executes one.
    omp_set_num_threads(1);
    description_ = describe(data, engine_);
    product_ = dnnl::inner_product_forward(description_);
    weight_ = memory(description_.weights_desc(), engine_);
    memory plain = view(f32({data.n, data.k}, memory::format_tag::ab), data.weight.data());
    dnnl::reorder(plain, weight_).execute(stream_, plain, weight_);
    stream_.wait();
    arguments_ = {{DNNL_ARG_SRC, view(description_.src_desc(), data.x.data())},
                  {DNNL_ARG_BIAS, view(description_.bias_desc(), data.bias.data())},
                  {DNNL_ARG_DST, view(description_.dst_desc(), y_.data())}};
  }

  std::span<const float> weight() const override {
    return {static_cast<const float*>(weight_.get_data_handle()),
            description_.weights_desc().get_size() / sizeof(float)};
  }

  void bind(std::span<const float* const> weights) override {
    bound_.clear();
    for (const float* weight : weights) {
      bound_.push_back(arguments_);
      bound_.back()[DNNL_ARG_WEIGHTS] = view(description_.weights_desc(), weight);
    }
  }

  void run(size_t i) override {
    product_.execute(stream_, bound_[i]);
    stream_.wait();
  }

  const float* y(int64_t r) const override { return y_.data() + r * n_; }
  std::string implementation() const override { return description_.impl_info_str(); }

 private:
  using Arguments = std::unordered_map<int, memory>;

  memory view(const memory::desc& description, const float* data) const {
    return memory(description, engine_, const_cast<float*>(data));
  }

  int64_t n_;
  Floats y_;  // [m, n]
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::inner_product_forward::primitive_desc description_;
  dnnl::inner_product_forward product_;
  memory weight_;
  Arguments arguments_;           // all but the weight
  std::vector<Arguments> bound_;  // with it
};

}  // namespace

std::unique_ptr<LinearCase> make_onednn_case(const LinearData& data) {
  return std::make_unique<OneDnnCase>(data);
}

}  // namespace lanewise::bench

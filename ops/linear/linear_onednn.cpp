#include <algorithm>
#include <dnnl.hpp>
#include <exception>

#include "ops/linear/linear_list.hpp"
#include "ops/linear/one_thread_onednn.hpp"
#include "ops/linear/products_onednn.hpp"
#include "ops/weights/f32/f32_kernels.hpp"

namespace lanewise::ops {
namespace {

// Rows per piece. oneDNN repacks the weights in each call, so pieces are large.
constexpr int64_t kRowsPerPiece = 256;
// Rows per thread from which oneDNN pays off: on AVX2 it takes twice our time at 16 rows, 3 % less
// at 128 and 5 % less at 512 (MiniLM, Zen 4).
constexpr int64_t kFewestRows = 128;

/// Unpacks the panels into a matrix [k][n], the layout of oneDNN.
std::vector<float> unpack(const LinearProblem& problem) {
  std::vector<float> plain(static_cast<size_t>(problem.k * problem.n));
  std::vector<float> row(static_cast<size_t>(problem.k));
  for (int64_t n = 0; n < problem.n; ++n) {
    problem.weight->unpack_row(static_cast<size_t>(n), row.data());
    for (int64_t k = 0; k < problem.k; ++k) {
      plain[static_cast<size_t>(k * problem.n + n)] = row[static_cast<size_t>(k)];
    }
  }
  return plain;
}

/// oneDNN computes the product, with a primitive created once for any number of rows; our kernel
/// adds bias, activation and residual. Few rows are left entirely to `ours`: its pieces end at a
/// feature (other_end), those for oneDNN have all features.
class OneDnnLinear final : public Operator {
 public:
  explicit OneDnnLinear(const LinearProblem& problem)
      : problem_(problem),
        kernels_(linear_kernels_for(problem.isa)),
        ours_(offer_lanewise_linear(problem).op),
        weight_(unpack(problem)) {
    using dnnl::memory;
    const memory::dim any = DNNL_RUNTIME_DIM_VAL;
    const memory::desc x({any, problem.k}, memory::data_type::f32, memory::dims{any, 1});
    const memory::desc y({any, problem.n}, memory::data_type::f32, memory::dims{any, 1});
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc description(onednn_engine(), x, weight_desc(), y,
                                                   attributes);
#else
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(x, weight_desc(), y),
                                                   attributes, onednn_engine());
#endif
    scratch_ = description.scratchpad_desc();
    matmul_ = dnnl::matmul(description);
  }

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const int64_t share = (operands.output.rows + threads - 1) / threads;
    if (share < kFewestRows) return ours_->cut(operands, threads, pieces);
    cut_rows(operands.output.rows, std::clamp(share, int64_t{1}, kRowsPerPiece), pieces);
  }

  PieceLimit most_pieces(int threads) const noexcept override {
    PieceLimit most = ours_->most_pieces(threads);
    most.rows_each = std::min(most.rows_each, kFewestRows);
    most.more += threads + 1;
    return most;
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    if (piece.other_end > 0) return ours_->run(operands, piece, scratch);
    const LinearBlock block =
        linear_block(problem_, operands, piece.begin, piece.end, 0, problem_.n);
    try {
      multiply(block, scratch);
      kernels_.finish(block);
    } catch (...) {  // out of memory inside oneDNN: our kernel needs none
      problem_.weight->multiply(block, 0, nullptr);
    }
  }

  size_t scratch_bytes() const noexcept override { return scratch_.get_size(); }
  double flops(const Operands& operands) const noexcept override {
    return linear_flops(problem_, operands);
  }
  std::string_view implementation() const noexcept override { return "onednn"; }

 private:
  dnnl::memory::desc weight_desc() const {
    return {
        {problem_.k, problem_.n}, dnnl::memory::data_type::f32, dnnl::memory::dims{problem_.n, 1}};
  }

  /// Throws dnnl::error or std::bad_alloc: oneDNN allocates in every call.
  void multiply(const LinearBlock& block, std::byte* scratch) const {
    const OneThread one;
    using dnnl::memory;
    const auto rows = static_cast<memory::dim>(block.rows);
    const auto view = [&](int64_t columns, size_t stride, const float* data) {
      const memory::desc desc({rows, columns}, memory::data_type::f32,
                              memory::dims{static_cast<memory::dim>(stride), 1});
      return memory(desc, onednn_engine(), const_cast<float*>(data));
    };
    dnnl::stream stream(onednn_engine());
    matmul_.execute(stream, {{DNNL_ARG_SRC, view(problem_.k, block.x_stride, block.x)},
                             {DNNL_ARG_WEIGHTS, memory(weight_desc(), onednn_engine(),
                                                       const_cast<float*>(weight_.data()))},
                             {DNNL_ARG_DST, view(problem_.n, block.y_stride, block.y)},
                             {DNNL_ARG_SCRATCHPAD, memory(scratch_, onednn_engine(), scratch)}});
    stream.wait();
  }

  LinearProblem problem_;
  const LinearKernels& kernels_;
  OperatorPtr ours_;
  std::vector<float> weight_;  // [k][n]
  dnnl::memory::desc scratch_;
  dnnl::matmul matmul_;
};

/// Whether oneDNN would multiply with AMX: the CPU has it, and the system lets this process use it.
bool has_amx() {
  const auto bits = [](dnnl::cpu_isa isa) { return static_cast<unsigned>(isa); };
  constexpr auto kAmx = dnnl::cpu_isa::avx512_core_amx;
  return (bits(dnnl::get_effective_cpu_isa()) & bits(kAmx)) == bits(kAmx);
}

/// Why oneDNN is not used; empty if it is.
std::string refusal_of(const LinearProblem& problem, OneDnnCpus cpus) {
  const WeightFormat format = problem.weight->format();
  const bool is_exact = format == WeightFormat::i8;
  if (!is_exact && format != WeightFormat::f32 && format != WeightFormat::bf16) {
    return "its weights are f32, bf16 and i8";
  }
  if (!is_exact && !problem.fast) {
    return "a row's bits would depend on the batch; `fast` allows that";
  }
  if (format == WeightFormat::f32) {
    return problem.isa >= Isa::avx512 ? "its f32 is not faster on AVX-512" : "";
  }
  // A caller who selects a lesser instruction set does not want AMX either.
  if (problem.isa < Isa::avx512bf16) return "AMX is beyond this instruction set";
  return cpus == OneDnnCpus::kAll || has_amx() ? "" : "without AMX it is not faster";
}

LinearOffer offer(const LinearProblem& problem, OneDnnCpus cpus) {
  std::string refusal = refusal_of(problem, cpus);
  if (!refusal.empty()) return {nullptr, std::move(refusal)};
  try {
    if (problem.weight->format() != WeightFormat::f32) return {make_onednn_products(problem), ""};
    const OneThread one;
    return {std::make_unique<OneDnnLinear>(problem), ""};
  } catch (const std::exception& error) {  // dnnl::error, std::bad_alloc
    return {nullptr, std::string("oneDNN: ") + error.what()};
  }
}

}  // namespace

LinearOffer offer_onednn_linear(const LinearProblem& problem) {
  return offer(problem, OneDnnCpus::kWorthwhile);
}

LinearOffer offer_onednn_linear_on(const LinearProblem& problem, OneDnnCpus cpus) {
  return offer(problem, cpus);
}

}  // namespace lanewise::ops

#include "ops/linear/products_onednn.hpp"

#include <algorithm>
#include <cstring>

#include "ops/linear/linear_list.hpp"
#include "ops/linear/one_thread_onednn.hpp"
#include "ops/weights/bf16/bf16_kernels.hpp"
#include "ops/weights/i8/i8_kernels.hpp"

/// Products of int8 and bf16 by oneDNN, which uses AMX. Our own kernels round rows and finish sums,
/// so where sums are exact, as integer sums are in any order, the bits are the same.

namespace lanewise::ops {
namespace {

// Rows and features of one product, whose output stays in the second-level cache until it is read.
// Fewer rows are padded: oneDNN chooses a layout of the weights only if the number of rows is
// known.
constexpr int64_t kRows = 64;
constexpr int64_t kFeatures = 512;
// Rows per thread from which oneDNN is used: fewer are bound by reading the weights.
constexpr int64_t kFewestOneDnnRows = 32;

constexpr size_t in_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The operands that oneDNN multiplies for a format.
struct I8Product {
  using Panels = I8Panels;
  using Kernels = LinearI8Kernels;
  using Element = int8_t;
  using Sum = int32_t;
  static constexpr auto kElement = dnnl::memory::data_type::s8;
  static constexpr auto kSum = dnnl::memory::data_type::s32;
  static constexpr size_t kTogether = 4;  // inputs in a step of panels
  static const Kernels& kernels(Isa isa) { return linear_i8_kernels_for(isa); }
};

struct Bf16Product {
  using Panels = Bf16Panels;
  using Kernels = LinearBf16Kernels;
  using Element = uint16_t;
  using Sum = float;
  static constexpr auto kElement = dnnl::memory::data_type::bf16;
  static constexpr auto kSum = dnnl::memory::data_type::f32;
  static constexpr size_t kTogether = 2;
  static const Kernels& kernels(Isa isa) { return linear_bf16_kernels_for(isa); }
};

/// Unpacks panels of `n` features into a matrix [k][n].
template <typename Product>
std::vector<typename Product::Element> unpacked(const typename Product::Panels& panels, size_t k,
                                                size_t n) {
  using Element = typename Product::Element;
  std::vector<Element> plain(k * n);
  for (size_t i = 0; i < k; ++i) {
    for (size_t o = 0; o < n; ++o) {
      const size_t at = (i / Product::kTogether * kPanel + o % kPanel) * Product::kTogether +
                        i % Product::kTogether;
      std::memcpy(&plain[i * n + o],
                  panels.panels + o / kPanel * panels.panel_bytes + at * sizeof(Element),
                  sizeof(Element));
    }
  }
  return plain;
}

/// The product of kRows rows and some features.
class Matmul {
 public:
  /// x [kRows][k] with `x_stride` elements between rows, weight [k][n], sums [kRows][n]. Without
  /// gaps: for sums with a larger stride oneDNN 2.6 has no AMX kernel.
  template <typename Product>
  static Matmul make(int64_t k, int64_t x_stride, int64_t n,
                     std::vector<typename Product::Element> weight) {
    using dnnl::memory;
    Matmul made;
    made.x_ = memory::desc({kRows, k}, Product::kElement, memory::dims{x_stride, 1});
    made.sums_ = memory::desc({kRows, n}, Product::kSum, memory::dims{n, 1});
    const memory::desc any({k, n}, Product::kElement, memory::format_tag::any);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc description(onednn_engine(), made.x_, any, made.sums_,
                                                   attributes);
#else
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(made.x_, any, made.sums_),
                                                   attributes, onednn_engine());
#endif
    made.scratch_ = description.scratchpad_desc();
    made.matmul_ = dnnl::matmul(description);
    made.weight_ = memory(description.weights_desc(), onednn_engine());
    memory plain({{k, n}, Product::kElement, memory::dims{n, 1}}, onednn_engine(), weight.data());
    dnnl::stream stream(onednn_engine());
    dnnl::reorder(plain, made.weight_).execute(stream, plain, made.weight_);
    stream.wait();
    return made;
  }

  size_t scratch_bytes() const { return scratch_.get_size(); }

  /// Throws dnnl::error or std::bad_alloc: oneDNN allocates in every call.
  void run(void* x, void* sums, void* scratch) const {
    const OneThread one;
    using dnnl::memory;
    dnnl::stream stream(onednn_engine());
    matmul_.execute(stream, {{DNNL_ARG_SRC, memory(x_, onednn_engine(), x)},
                             {DNNL_ARG_WEIGHTS, weight_},
                             {DNNL_ARG_DST, memory(sums_, onednn_engine(), sums)},
                             {DNNL_ARG_SCRATCHPAD, memory(scratch_, onednn_engine(), scratch)}});
    stream.wait();
  }

 private:
  dnnl::memory::desc x_;
  dnnl::memory::desc sums_;
  dnnl::memory::desc scratch_;
  dnnl::matmul matmul_;
  dnnl::memory weight_;
};

/// A piece for oneDNN has the features of Matmuls [other_begin, -other_end); one with an other_end
/// >= 0 is for our kernels, which compute few rows.
template <typename Product>
class OneDnnProducts final : public Operator {
 public:
  explicit OneDnnProducts(const LinearProblem& problem)
      : problem_(problem),
        kernels_(Product::kernels(problem.isa)),
        panels_(
            static_cast<const BoundWeight<typename Product::Panels, typename Product::Kernels>&>(
                *problem.weight)
                .stored()),
        ours_(offer_lanewise_linear(problem).op),
        row_bytes_(in_lines(sizeof(Element) * rounded_inputs(static_cast<size_t>(problem.k)))) {
    for (int64_t begin = 0; begin < problem.n; begin += kFeatures) {
      const int64_t n = std::min(kFeatures, problem.n - begin);
      const auto k = static_cast<size_t>(problem.k);
      matmuls_.push_back(Matmul::make<Product>(
          problem.k, static_cast<int64_t>(row_bytes_ / sizeof(Element)), n,
          unpacked<Product>(panels_.from(static_cast<size_t>(begin)), k, static_cast<size_t>(n))));
      matmul_scratch_ = std::max(matmul_scratch_, matmuls_.back().scratch_bytes());
    }
  }

  void cut(const Operands& operands, int threads, std::vector<Piece>& pieces) const override {
    const int64_t rows = operands.output.rows;
    if (rows < kFewestOneDnnRows * threads) return ours_->cut(operands, threads, pieces);
    const int64_t blocks = (rows + kRows - 1) / kRows;
    const auto all = static_cast<int64_t>(matmuls_.size());
    // Each part of the features rounds its rows again, so prefer dividing rows.
    const int64_t parts = std::clamp((2 * threads + blocks - 1) / blocks, int64_t{1}, all);
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t part = 0; part < (threads == 1 ? 1 : parts); ++part) {
        const int64_t end = threads == 1 ? all : all * (part + 1) / parts;
        pieces.push_back({static_cast<int32_t>(rows * block / blocks),
                          static_cast<int32_t>(rows * (block + 1) / blocks),
                          static_cast<int32_t>(all * part / parts), static_cast<int32_t>(-end)});
      }
    }
  }

  PieceLimit most_pieces(int threads) const noexcept override {
    PieceLimit most = ours_->most_pieces(threads);
    most.rows_each = std::min(most.rows_each, kRows);
    most.more += 2 * threads + 1;
    return most;
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    if (piece.other_end >= 0) return ours_->run(operands, piece, scratch);
    const auto features = [&](int64_t begin, int64_t end) {
      return linear_block(problem_, operands, piece.begin, piece.end, begin, end);
    };
    const Scratch parts(*this, scratch);
    const WeightBlock<typename Product::Panels> rows{features(0, problem_.n), panels_};
    kernels_.round_rows(rows, parts.normalized, parts.rows, row_bytes_, parts.scale);
    std::memset(parts.rows + rows.rows * row_bytes_, 0,
                (static_cast<size_t>(kRows) - rows.rows) * row_bytes_);
    const int64_t last = std::min(problem_.n, -piece.other_end * kFeatures);
    for (int64_t i = piece.other_begin; i < -piece.other_end; ++i) {
      const int64_t begin = i * kFeatures;
      try {
        matmuls_[static_cast<size_t>(i)].run(parts.rows, parts.sums, parts.matmul);
      } catch (...) {  // out of memory inside oneDNN: our kernels need none
        return problem_.weight->multiply(features(begin, last), static_cast<size_t>(begin),
                                         scratch);
      }
      const int64_t end = std::min(last, begin + kFeatures);
      kernels_.finish_sums({features(begin, end), panels_.from(static_cast<size_t>(begin))},
                           reinterpret_cast<const std::byte*>(parts.sums),
                           static_cast<size_t>(end - begin), parts.scale);
    }
  }

  size_t scratch_bytes() const noexcept override {
    return std::max(ours_->scratch_bytes(), Scratch(*this, nullptr).bytes);
  }
  int in_place_input() const noexcept override { return ours_->in_place_input(); }
  double flops(const Operands& operands) const noexcept override {
    return linear_flops(problem_, operands);
  }
  std::string_view implementation() const noexcept override { return "onednn"; }

 private:
  using Element = typename Product::Element;

  /// The layout of scratch memory.
  struct Scratch {
    Scratch(const OneDnnProducts& op, std::byte* scratch) {
      const auto k = static_cast<size_t>(op.problem_.k);
      const auto take = [&](size_t size) {
        const size_t at = bytes;
        bytes += in_lines(size);
        return scratch == nullptr ? nullptr : scratch + at;
      };
      normalized = reinterpret_cast<float*>(take(normalized_bytes(op.problem_.norm, k)));
      rows = take(kRows * op.row_bytes_);
      scale = reinterpret_cast<RowScale*>(take(kRows * sizeof(RowScale)));
      sums = take(kRows * kFeatures * sizeof(typename Product::Sum));
      matmul = take(op.matmul_scratch_);
    }
    size_t bytes = 0;
    float* normalized;
    std::byte* rows;
    RowScale* scale;
    std::byte* sums;
    std::byte* matmul;
  };

  LinearProblem problem_;
  const typename Product::Kernels& kernels_;
  typename Product::Panels panels_;
  OperatorPtr ours_;
  size_t
      row_bytes_;  // without gaps where k fills cache lines: oneDNN 2.6 has AMX kernels for no others
  std::vector<Matmul> matmuls_;  // of kFeatures features each, the last of fewer
  size_t matmul_scratch_ = 0;
};

}  // namespace

OperatorPtr make_onednn_products(const LinearProblem& problem) {
  const OneThread one;
  if (problem.weight->format() == WeightFormat::i8) {
    return std::make_unique<OneDnnProducts<I8Product>>(problem);
  }
  return std::make_unique<OneDnnProducts<Bf16Product>>(problem);
}

}  // namespace lanewise::ops

#include "ops/sample/sample_kernels.hpp"

#include "ops/activation/activation_math.hpp"

namespace lanewise::ops::LW_ISA_NAME {
namespace {

// Running f32 sums over a vocabulary are folded this often. Each lane then adds 16 terms and, for
// 50,000 tokens, 200 such sums, instead of 3,000 terms, which would lose three digits.
constexpr size_t kVectorsPerFold = 16;

LW_INLINE mask16 first_lanes(size_t n) noexcept {
  return less(lane_index(), broadcast(static_cast<float>(n)));
}

float max(const float* x, size_t n) noexcept {
  // A comparison takes 4 cycles, and two of them can start in each.
  constexpr size_t kChains = 4;
  f32x16 largest[kChains];
  LW_UNROLL for (f32x16& chain : largest) chain = broadcast(-kInfinity);
  size_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    LW_UNROLL for (size_t c = 0; c < kChains; ++c) {
      largest[c] = max(largest[c], load(x + i + c * kLanes));
    }
  }
  for (; i < n; i += kLanes) {
    const size_t left = n - i < kLanes ? n - i : kLanes;
    const f32x16 last = select(first_lanes(left), load_first(x + i, left), largest[0]);
    largest[0] = max(largest[0], last);
  }
  return reduce_max(max(max(largest[0], largest[1]), max(largest[2], largest[3])));
}

float sum_exp2(const float* x, size_t n, float m, float scale_log2) noexcept {
  const f32x16 largest = broadcast(m);
  const f32x16 scale = broadcast(scale_log2);
  f32x16 sum = zero();
  size_t i = 0;
  for (; i + kVectorsPerFold * kLanes <= n; i += kVectorsPerFold * kLanes) {
    f32x16 part = zero();
    for (size_t v = 0; v < kVectorsPerFold; ++v) {
      part = part + exp2((load(x + i + v * kLanes) - largest) * scale);
    }
    sum = sum + part;
  }
  for (; i + kLanes <= n; i += kLanes) sum = sum + exp2((load(x + i) - largest) * scale);
  if (const size_t left = n - i; left > 0) {
    const f32x16 last = exp2((load_first(x + i, left) - largest) * scale);
    sum = sum + select(first_lanes(left), last, zero());
  }
  return reduce_add(sum);
}

double exp2(const float* x, size_t n, float m, float scale_log2, float* y) noexcept {
  const f32x16 largest = broadcast(m);
  const f32x16 scale = broadcast(scale_log2);
  double sum = 0.0;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const f32x16 w = exp2((load(x + i) - largest) * scale);
    store(y + i, w);
    sum += static_cast<double>(reduce_add(w));
  }
  if (const size_t left = n - i; left > 0) {
    const f32x16 w = exp2((load_first(x + i, left) - largest) * scale);
    store_first(y + i, w, left);
    sum += static_cast<double>(reduce_add(select(first_lanes(left), w, zero())));
  }
  return sum;
}

/// The last i < end with w[i] > 0, or `none`.
LW_INLINE size_t last_positive(const float* w, size_t end, size_t none) noexcept {
  while (end > 0 && !(w[end - 1] > 0.0f)) --end;
  return end > 0 ? end - 1 : none;
}

size_t draw(const float* w, size_t n, double target) noexcept {
  double before = 0.0;
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t left = n - i < kLanes ? n - i : kLanes;
    const double with = before + static_cast<double>(reduce_add(load_first(w + i, left)));
    if (with > target) {
      for (size_t lane = 0; lane < left; ++lane) {
        before += static_cast<double>(w[i + lane]);
        if (before > target) return i + lane;
      }
      // The sum of the block was rounded up, the running sum of its elements was not.
      return last_positive(w, i + left, n);
    }
    before = with;
  }
  return last_positive(w, n, n);
}

/// Whether a is worse than b: a lower value, or an equal one with a higher index.
LW_INLINE bool worse(const Candidate& a, const Candidate& b) noexcept {
  return a.value < b.value || (a.value == b.value && a.index > b.index);
}

/// Inserts `candidate` below the hole at `place` of a heap whose root is the worst.
LW_INLINE void sift_down(Candidate* heap, size_t count, size_t place,
                         const Candidate& candidate) noexcept {
  for (size_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
    if (child + 1 < count && worse(heap[child + 1], heap[child])) ++child;
    if (!worse(heap[child], candidate)) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = candidate;
}

LW_INLINE void sift_up(Candidate* heap, size_t place, const Candidate& candidate) noexcept {
  while (place > 0 && worse(candidate, heap[(place - 1) / 2])) {
    heap[place] = heap[(place - 1) / 2];
    place = (place - 1) / 2;
  }
  heap[place] = candidate;
}

/// The best so far.
struct Heap {
  Candidate* best;
  size_t k;
  size_t count = 0;
  float threshold = -kInfinity;  ///< an element must exceed it to be among the best

  /// Elements come in order of their indices, so among equal ones the earlier stay.
  LW_INLINE void add(float value, size_t index) noexcept {
    if (!(value > threshold)) return;
    const Candidate candidate{value, static_cast<int32_t>(index)};
    if (count < k) {
      sift_up(best, count++, candidate);
    } else {
      sift_down(best, k, 0, candidate);
    }
    if (count == k) threshold = best[0].value;
  }
};

/// Bit i says whether x[i] is above `threshold`. NaN is not.
LW_INLINE uint64_t above(const float* x, const f32x16& threshold) noexcept {
  uint64_t r = 0;
  LW_UNROLL for (size_t v = 0; v < 4; ++v) {
    r |= static_cast<uint64_t>(bits(less(threshold, load(x + v * kLanes)))) << (v * kLanes);
  }
  return r;
}

size_t top_k(const float* x, size_t n, size_t k, Candidate* best) noexcept {
  constexpr size_t kBlock = 4 * kLanes;
  if (k == 0) return 0;
  Heap heap{best, k};
  size_t i = 0;
  // Once the heap has seen some elements, nearly every block has none above the threshold.
  for (; i + kBlock <= n; i += kBlock) {
    uint64_t candidates = above(x + i, broadcast(heap.threshold));
    for (; candidates != 0; candidates &= candidates - 1) {
      const size_t place = i + static_cast<size_t>(__builtin_ctzll(candidates));
      heap.add(x[place], place);
    }
  }
  for (; i < n; ++i) heap.add(x[i], i);
  // Swaps the worst of the rest with its last, until none is left.
  for (size_t rest = heap.count; rest > 1; --rest) {
    const Candidate last = best[rest - 1];
    best[rest - 1] = best[0];
    sift_down(best, rest - 1, 0, last);
  }
  return heap.count;
}

}  // namespace

LW_KERNELS(SampleKernels, sample_kernels){
    .max = max,
    .sum_exp2 = sum_exp2,
    .exp2 = exp2,
    .draw = draw,
    .top_k = top_k,
};

}  // namespace lanewise::ops::LW_ISA_NAME

// GPTQ and AWQ: integers of a few bits in words of 32, with a scale and a zero for each group of
// inputs.

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/formats/elements.hpp"
#include "converters/unpack/unpack.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kWords = ".qweight";
constexpr int kWordBits = 32;
/// Q4_0 of GGUF: an f16, then 32 integers q of 4 bits; values scale * (q - 8).
constexpr int64_t kBlock = 32;
constexpr size_t kBlockBytes = 2 + kBlock / 2;
constexpr uint32_t kBlockZero = 8;

/// How a checkpoint packs integers.
struct Packing {
  std::string_view method;
  int bits = 4;
  int64_t group = 0;  // inputs that share a scale, if no g_idx says which
  /// Along inputs, a word has consecutive rows of one output; otherwise consecutive outputs of a
  /// row, in the order below.
  bool along_inputs = true;
  /// What is added to a stored zero; the sum wraps around.
  uint32_t zero_offset = 0;

  int64_t per_word() const { return kWordBits / bits; }
  uint32_t mask() const { return (uint32_t{1} << bits) - 1; }
};

/// Where AWQ puts output i of eight in a word: the order in which its kernels shuffle them.
constexpr int kAwqPlaces[] = {0, 4, 1, 5, 2, 6, 3, 7};

/// The tensors of one weight [out, in].
struct Parts {
  const CheckpointTensor* words = nullptr;
  const CheckpointTensor* zeros = nullptr;
  const CheckpointTensor* scales = nullptr;  // [groups, out]
  const CheckpointTensor* g_idx = nullptr;   // [in]: the group of each input; may be null
  int64_t out = 0;
  int64_t in = 0;
};

Result<std::vector<uint32_t>> read_words(const Checkpoint& stored, const CheckpointTensor& tensor) {
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView view, stored.read(tensor, scratch));
  LW_ASSIGN_OR_RETURN(const int64_t count, element_count(view.shape));
  std::vector<uint32_t> words(static_cast<size_t>(count));
  if (!words.empty()) std::memcpy(words.data(), view.data, words.size() * sizeof(uint32_t));
  return words;
}

/// One weight, unpacked from words.
struct Integers {
  Packing packing;
  Parts parts;
  std::vector<uint32_t> words;
  std::vector<uint32_t> zero_words;
  std::vector<uint32_t> groups;  // of each input
  std::vector<float> scales;     // [groups, out]

  uint32_t at(size_t input, size_t output) const {
    const auto per_word = static_cast<size_t>(packing.per_word());
    const auto out = static_cast<size_t>(parts.out);
    if (packing.along_inputs) {
      return words[input / per_word * out + output] >> (input % per_word * bits()) & packing.mask();
    }
    const size_t place = static_cast<size_t>(kAwqPlaces[output % per_word]);
    return words[input * (out / per_word) + output / per_word] >> (place * bits()) & packing.mask();
  }

  uint32_t zero(size_t group, size_t output) const {
    const auto per_word = static_cast<size_t>(packing.per_word());
    const size_t row = group * (static_cast<size_t>(parts.out) / per_word);
    const size_t place = packing.along_inputs ? output % per_word
                                              : static_cast<size_t>(kAwqPlaces[output % per_word]);
    const uint32_t stored = zero_words[row + output / per_word] >> (place * bits());
    return (stored + packing.zero_offset) & packing.mask();
  }

  float scale(size_t group, size_t output) const {
    return scales[group * static_cast<size_t>(parts.out) + output];
  }

 private:
  size_t bits() const { return static_cast<size_t>(packing.bits); }
};

Result<std::vector<uint32_t>> groups_of(const Checkpoint& stored, const Packing& packing,
                                        const Parts& parts) {
  std::vector<uint32_t> groups;
  if (parts.g_idx != nullptr) {
    LW_ASSIGN_OR_RETURN(groups, read_words(stored, *parts.g_idx));
  } else {
    groups.resize(static_cast<size_t>(parts.in));
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i] = static_cast<uint32_t>(static_cast<int64_t>(i) / packing.group);
    }
  }
  const auto count = static_cast<uint32_t>(parts.scales->shape[0]);
  if (std::ranges::all_of(groups, [&](uint32_t group) { return group < count; })) return groups;
  return invalid_argument("an input is in a group that has no scale; there are " +
                          std::to_string(count));
}

Result<Integers> read_integers(const Checkpoint& stored, const Packing& packing,
                               const Parts& parts) {
  Integers integers{.packing = packing, .parts = parts};
  LW_ASSIGN_OR_RETURN(integers.words, read_words(stored, *parts.words));
  LW_ASSIGN_OR_RETURN(integers.zero_words, read_words(stored, *parts.zeros));
  LW_ASSIGN_OR_RETURN(integers.groups, groups_of(stored, packing, parts));
  LW_ASSIGN_OR_RETURN(const F32Tensor scales, read_f32(stored, *parts.scales));
  integers.scales.assign(scales.values.begin(), scales.values.end());
  return integers;
}

/// Calls visit(input, output) for each element, 16 outputs at a time: words of neighbouring outputs
/// share a cache line, and those of neighbouring inputs are a row apart.
template <typename Visit>
void for_each_tile(const Parts& parts, Visit visit) {
  constexpr size_t kTile = 16;
  const auto out = static_cast<size_t>(parts.out);
  for (size_t first = 0; first < out; first += kTile) {
    for (size_t i = 0; i < static_cast<size_t>(parts.in); ++i) {
      for (size_t o = first; o < std::min(first + kTile, out); ++o) visit(i, o);
    }
  }
}

/// w [out, in] = scale * (q - zero). Exact if scales are f16: 11 bits times at most 9.
Status compute(const Checkpoint& stored, const Packing& packing, const Parts& parts,
               std::span<float> w) {
  LW_ASSIGN_OR_RETURN(const Integers integers, read_integers(stored, packing, parts));
  const auto in = static_cast<size_t>(parts.in);
  for_each_tile(parts, [&](size_t i, size_t o) {
    const size_t group = integers.groups[i];
    const int q = static_cast<int>(integers.at(i, o)) - static_cast<int>(integers.zero(group, o));
    w[o * in + i] = integers.scale(group, o) * static_cast<float>(q);
  });
  return {};
}

/// Whether blocks of Q4_0 have the same values: the zero is 8 everywhere, and 32 consecutive inputs
/// share a group.
Result<bool> fits_blocks(const Checkpoint& stored, const Packing& packing, const Parts& parts) {
  if (packing.bits != 4 || parts.scales->type != DataType::kF16 || parts.in % kBlock != 0) {
    return false;
  }
  LW_ASSIGN_OR_RETURN(const auto groups, groups_of(stored, packing, parts));
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] != groups[i / kBlock * kBlock]) return false;
  }
  LW_ASSIGN_OR_RETURN(const auto zeros, read_words(stored, *parts.zeros));
  const uint32_t same = ((kBlockZero - packing.zero_offset) & packing.mask()) * 0x11111111U;
  return std::ranges::all_of(zeros, [&](uint32_t word) { return word == same; });
}

/// Rows of blocks: the scale's own bits, then the low halves of 16 bytes, then their high halves.
Status compute_blocks(const Checkpoint& stored, const Packing& packing, const Parts& parts,
                      Scratch& blocks) {
  LW_ASSIGN_OR_RETURN(const Integers integers, read_integers(stored, packing, parts));
  Scratch scratch;
  LW_ASSIGN_OR_RETURN(const TensorView scales, stored.read(*parts.scales, scratch));
  const auto* halves = static_cast<const std::byte*>(scales.data);
  const auto out = static_cast<size_t>(parts.out);
  const auto in = static_cast<size_t>(parts.in);
  blocks.assign(out * (in / kBlock) * kBlockBytes, std::byte{0});
  const auto block_at = [&](size_t i, size_t o) {
    return blocks.data() + (o * (in / kBlock) + i / kBlock) * kBlockBytes;
  };
  for_each_tile(parts, [&](size_t i, size_t o) {
    std::byte* block = block_at(i, o);
    const size_t place = i % kBlock;
    if (place == 0) std::memcpy(block, halves + (integers.groups[i] * out + o) * 2, 2);
    const size_t shift = place < kBlock / 2 ? 0 : 4;
    block[2 + place % (kBlock / 2)] |= static_cast<std::byte>(integers.at(i, o) << shift);
  });
  return {};
}

class GroupFinder {
 public:
  GroupFinder(const Checkpoint& stored, const Packing& packing)
      : stored_(stored), packing_(packing) {}

  Result<Derivation> find() && {
    for (const CheckpointTensor& tensor : stored_.tensors()) {
      if (tensor.name.ends_with(kWords)) LW_RETURN_IF_ERROR(add(tensor));
    }
    if (!derivation_.tensors.empty()) return std::move(derivation_);
    return invalid_argument("the config says " + std::string(packing_.method) +
                            ", but there is no tensor '*" + std::string(kWords) + "'");
  }

 private:
  Status add(const CheckpointTensor& words) {
    const std::string prefix = words.name.substr(0, words.name.size() - kWords.size());
    Parts parts{.words = &words};
    parts.zeros = stored_.find(prefix + ".qzeros");
    parts.scales = stored_.find(prefix + ".scales");
    parts.g_idx = stored_.find(prefix + ".g_idx");
    const Status checked = check(parts);
    if (!checked.ok()) return checked.with_context("tensor " + in_quotes(words.name));
    for (const CheckpointTensor* tensor : {parts.words, parts.zeros, parts.scales, parts.g_idx}) {
      if (tensor != nullptr) derivation_.omitted.push_back(tensor->name);
    }
    DerivedTensor derived{.name = prefix + ".weight",
                          .shape = {parts.out, parts.in},
                          .computed_from = std::string(packing_.method) + " of " +
                                           std::to_string(packing_.bits) + " bits"};
    derived.compute = [packing = packing_, parts](const Checkpoint& stored, std::span<float> w) {
      return compute(stored, packing, parts, w);
    };
    LW_ASSIGN_OR_RETURN(const bool has_blocks, fits_blocks(stored_, packing_, parts));
    if (has_blocks) {
      derived.blocks = ops::find_block_format("Q4_0");
      derived.compute_blocks = [packing = packing_, parts](const Checkpoint& stored,
                                                           Scratch& blocks) {
        return compute_blocks(stored, packing, parts, blocks);
      };
    }
    derivation_.tensors.push_back(std::move(derived));
    return {};
  }

  /// Sets the size of the weight.
  Status check(Parts& parts) const {
    if (parts.zeros == nullptr || parts.scales == nullptr) {
      return invalid_argument(parts.zeros == nullptr ? "there is no 'qzeros' beside it"
                                                     : "there is no 'scales' beside it");
    }
    const Shape& words = parts.words->shape;
    // Beside a size of 0 the other could be anything, and overflow below.
    if (words.size() != 2 || words[0] == 0 || words[1] == 0 ||
        parts.words->type != DataType::kI32 || parts.zeros->type != DataType::kI32 ||
        !parts.words->foreign_type.empty() || !parts.zeros->foreign_type.empty()) {
      return invalid_argument("expected matrices of I32, found " +
                              std::string(type_name(*parts.words)) + " " + to_string(words));
    }
    const int64_t per_word = packing_.per_word();
    const bool along_inputs = packing_.along_inputs;
    // Products of a shape that was checked do not overflow.
    parts.in = along_inputs ? words[0] * per_word : words[0];
    parts.out = along_inputs ? words[1] : words[1] * per_word;
    const Shape& scales = parts.scales->shape;
    const bool is_number =
        parts.scales->foreign_type.empty() && is_floating_point(parts.scales->type);
    if (scales.size() != 2 || scales[1] != parts.out || !is_number) {
      return invalid_argument("its scales are " + std::string(type_name(*parts.scales)) + " " +
                              to_string(scales) + ", expected [groups, " +
                              std::to_string(parts.out) + "]");
    }
    if (parts.out % per_word != 0 || parts.zeros->shape != Shape{scales[0], parts.out / per_word}) {
      return invalid_argument("its zeros are " + to_string(parts.zeros->shape) + ", expected [" +
                              std::to_string(scales[0]) + ", " + std::to_string(parts.out) + " / " +
                              std::to_string(per_word) + "]");
    }
    if (parts.g_idx != nullptr &&
        (parts.g_idx->shape != Shape{parts.in} || parts.g_idx->type != DataType::kI32 ||
         !parts.g_idx->foreign_type.empty())) {
      return invalid_argument("its g_idx is " + to_string(parts.g_idx->shape) + ", expected [" +
                              std::to_string(parts.in) + "] I32");
    }
    return {};
  }

  const Checkpoint& stored_;
  Packing packing_;
  Derivation derivation_;
};

/// Fails unless the field is absent or one of `known`, in any case.
Status check_text(const Config& config, const char* field,
                  std::initializer_list<std::string_view> known) {
  LW_ASSIGN_OR_RETURN(std::string value, config.text(field, *known.begin()));
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::ranges::find(known, value) != known.end()) return {};
  return unsupported(config.label() + ": " + in_quotes(field) + " " + in_quotes(value) +
                     " is not supported; known: " + std::string(*known.begin()));
}

Result<Packing> read_packing(const Config& config, std::string_view method) {
  Packing packing{.method = method};
  LW_ASSIGN_OR_RETURN(const int64_t bits, config.integer("bits", 4, 1, kWordBits));
  packing.bits = static_cast<int>(bits);
  LW_ASSIGN_OR_RETURN(packing.group, config.integer("group_size", 128, -1, INT32_MAX));
  if (packing.group == 0) return config.wrong("group_size", "-1 or a number of inputs");
  if (packing.group < 0) packing.group = INT32_MAX;  // one group
  return packing;
}

Status unsupported_bits(const Config& config, const Packing& packing, const char* known) {
  return unsupported(config.label() + ": 'bits' " + std::to_string(packing.bits) +
                     " is not supported; known: " + known);
}

}  // namespace

Result<Derivation> unpack_gptq(const Checkpoint& stored, const Config& quantization) {
  LW_ASSIGN_OR_RETURN(Packing packing, read_packing(quantization, "GPTQ"));
  if (packing.bits != 2 && packing.bits != 4 && packing.bits != 8) {
    return unsupported_bits(quantization, packing, "2, 4, 8");
  }
  LW_RETURN_IF_ERROR(check_text(quantization, "pack_dtype", {"int32"}));
  LW_RETURN_IF_ERROR(check_text(quantization, "checkpoint_format", {"gptq", "gptq_v2"}));
  LW_ASSIGN_OR_RETURN(const std::string format, quantization.text("checkpoint_format", "gptq"));
  LW_ASSIGN_OR_RETURN(const bool marlin, quantization.boolean("is_marlin_format", false));
  LW_ASSIGN_OR_RETURN(const Config dynamic, quantization.object("dynamic"));
  if (marlin || !dynamic.fields().empty()) {
    return unsupported(quantization.label() + ": " +
                       in_quotes(marlin ? "is_marlin_format" : "dynamic") +
                       " is not supported for gptq");
  }
  // Version 1 of the format stores zeros less one.
  packing.zero_offset = format == "gptq" ? 1 : 0;
  return GroupFinder(stored, packing).find();
}

Result<Derivation> unpack_awq(const Checkpoint& stored, const Config& quantization) {
  LW_ASSIGN_OR_RETURN(Packing packing, read_packing(quantization, "AWQ"));
  if (packing.bits != 4) return unsupported_bits(quantization, packing, "4");
  LW_RETURN_IF_ERROR(check_text(quantization, "version", {"gemm"}));
  LW_RETURN_IF_ERROR(check_text(quantization, "format", {"gemm"}));
  packing.along_inputs = false;
  return GroupFinder(stored, packing).find();
}

}  // namespace lanewise::converters

// GGUF, the files of llama.cpp: metadata, a list of tensors, their elements in plain types or blocks.

#include "converters/formats/gguf.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "converters/formats/shards.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;

constexpr std::string_view kGgufSuffixes[] = {".gguf"};

// `-00002-of-00003.gguf`
constexpr size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";
constexpr size_t kSplitSuffixBytes = 1 + kDigits + kOf.size() + kDigits + kGgufSuffixes[0].size();

std::string five_digits(uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

/// Of part `number`, from 0.
std::string split_suffix(uint64_t number, uint64_t count) {
  return "-" + five_digits(number + 1) + std::string(kOf) + five_digits(count) +
         std::string(kGgufSuffixes[0]);
}

/// An integer of the metadata, or `otherwise`.
Result<uint64_t> number_or(const GgufView& view, std::string_view key, uint64_t otherwise) {
  const GgufValue* value = view.find(key);
  if (value == nullptr) return otherwise;
  if (const std::optional<uint64_t> number = value->natural()) return *number;
  return data_loss("metadata " + in_quotes(key) + ": expected an integer, found " +
                   std::string(name_of(value->type())));
}

/// The paths of all parts of the split file of which `path` is one.
Result<std::vector<std::string>> part_paths(const std::string& path, uint64_t number,
                                            uint64_t count) {
  const std::string own = split_suffix(number, count);
  if (number >= count || !path.ends_with(own)) {
    return data_loss("is part " + std::to_string(number + 1) + " of " + std::to_string(count) +
                     ", expected a name that ends in " + in_quotes(own));
  }
  const std::string stem = path.substr(0, path.size() - own.size());
  std::vector<std::string> paths;
  for (uint64_t i = 0; i < count; ++i) paths.push_back(stem + split_suffix(i, count));
  return paths;
}

Status check_present(const std::vector<std::string>& paths) {
  constexpr size_t kMostNamed = 10;
  std::string missing;
  size_t count = 0;
  for (const std::string& path : paths) {
    if (is_file(path)) continue;
    if (count++ < kMostNamed) {
      missing.append(missing.empty() ? "" : ", ").append(in_quotes(file_name(path)));
    }
  }
  if (count == 0) return {};
  if (count > kMostNamed) missing += " and " + std::to_string(count - kMostNamed) + " more";
  return not_found("these parts are missing: " + missing);
}

}  // namespace

Result<GgufCheckpoint::Part> GgufCheckpoint::open_part(const std::string& path) {
  LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
  LW_ASSIGN_OR_RETURN(GgufView view, GgufView::parse(mapped.bytes(), path));
  return Part{std::move(mapped), std::move(view)};
}

Result<std::unique_ptr<GgufCheckpoint>> GgufCheckpoint::open(const std::string& path) {
  LW_ASSIGN_OR_RETURN(Part part, open_part(path));
  auto checkpoint = std::make_unique<GgufCheckpoint>();
  const Result<uint64_t> count = number_or(part.view, "split.count", 1);
  Status status = count.status();
  if (status.ok() && *count > 1) {
    status = checkpoint->open_parts(path, std::move(part), *count);
  } else if (status.ok()) {
    checkpoint->files_ = {path};
    checkpoint->parts_.push_back(std::move(part));
  }
  if (status.ok()) status = checkpoint->list_tensors();
  if (!status.ok()) return status.with_context(in_quotes(path));
  return checkpoint;
}

Status GgufCheckpoint::open_parts(const std::string& path, Part&& named, uint64_t count) {
  constexpr uint64_t kMostParts = 99999;  // of five digits
  if (count > kMostParts) {
    return data_loss("claims to be one of " + std::to_string(count) + " parts, expected at most " +
                     std::to_string(kMostParts));
  }
  LW_ASSIGN_OR_RETURN(const uint64_t number, number_or(named.view, "split.no", 0));
  LW_ASSIGN_OR_RETURN(files_, part_paths(path, number, count));
  LW_RETURN_IF_ERROR(check_present(files_));
  const auto open_range = [&](uint64_t begin, uint64_t end) -> Status {
    for (uint64_t i = begin; i < end; ++i) {
      LW_ASSIGN_OR_RETURN(Part part, open_part(files_[i]));
      parts_.push_back(std::move(part));
    }
    return {};
  };
  LW_RETURN_IF_ERROR(open_range(0, number));
  parts_.push_back(std::move(named));
  LW_RETURN_IF_ERROR(open_range(number + 1, count));
  return check_parts(count);
}

Status GgufCheckpoint::check_parts(uint64_t count) const {
  uint64_t tensors = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const GgufView& part = parts_[i].view;
    LW_ASSIGN_OR_RETURN(const uint64_t part_count, number_or(part, "split.count", 1));
    LW_ASSIGN_OR_RETURN(const uint64_t number, number_or(part, "split.no", 0));
    if (part_count != count || number != i) {
      return data_loss(in_quotes(file_name(files_[i])) + " claims to be part " +
                       std::to_string(number + 1) + " of " + std::to_string(part_count));
    }
    tensors += part.tensors().size();
  }
  LW_ASSIGN_OR_RETURN(const uint64_t expected,
                      number_or(parts_[0].view, "split.tensors.count", tensors));
  if (expected == tensors) return {};
  return data_loss("the parts hold " + std::to_string(tensors) + " tensors, expected " +
                   std::to_string(expected));
}

Status GgufCheckpoint::list_tensors() {
  for (const Part& part : parts_) {
    for (const GgufTensor& tensor : part.view.tensors()) places_.push_back({&part, &tensor});
  }
  const auto name = [](const Place& place) { return place.tensor->name; };
  std::ranges::sort(places_, {}, name);
  const auto twice = std::ranges::adjacent_find(places_, {}, name);
  if (twice != places_.end()) {
    return data_loss("tensor " + in_quotes(name(*twice)) + " is in two parts");
  }
  for (const auto& [part, tensor] : places_) {
    const GgufTensorType& type = *tensor->type;
    tensors_.push_back({std::string(tensor->name), type.type, tensor->shape,
                        std::string(type.is_foreign ? type.name : ""), type.blocks});
  }
  return {};
}

Result<GgufCheckpoint::Place> GgufCheckpoint::place_of(const CheckpointTensor& tensor) const {
  if (!tensor.foreign_type.empty()) return foreign_error(tensor);
  const CheckpointTensor* found = find(tensor.name);
  if (found == nullptr) return not_found("tensor " + in_quotes(tensor.name));
  return places_[static_cast<size_t>(found - tensors_.data())];
}

Result<TensorView> GgufCheckpoint::read(const CheckpointTensor& tensor, Scratch& scratch) const {
  LW_ASSIGN_OR_RETURN(const Place place, place_of(tensor));
  const auto bytes = place.part->view.bytes(*place.tensor);
  const ops::BlockFormat* blocks = place.tensor->type->blocks;
  const DataType type = place.tensor->type->type;
  if (blocks == nullptr) return TensorView{type, bytes.data(), tensor.shape};
  const size_t count = bytes.size() / static_cast<size_t>(blocks->bytes);
  scratch.resize(count * static_cast<size_t>(blocks->elements) * sizeof(float));
  blocks->unpack(bytes.data(), count, reinterpret_cast<float*>(scratch.data()));
  return TensorView{type, scratch.data(), tensor.shape};
}

Result<std::span<const std::byte>> GgufCheckpoint::read_blocks(const CheckpointTensor& tensor,
                                                               Scratch& scratch) const {
  if (tensor.blocks == nullptr) return Checkpoint::read_blocks(tensor, scratch);
  LW_ASSIGN_OR_RETURN(const Place place, place_of(tensor));
  return place.part->view.bytes(*place.tensor);
}

namespace {

Result<std::unique_ptr<Checkpoint>> open_gguf(const std::string& path, const ReadOptions&) {
  LW_ASSIGN_OR_RETURN(std::unique_ptr<GgufCheckpoint> checkpoint, GgufCheckpoint::open(path));
  return std::unique_ptr<Checkpoint>(std::move(checkpoint));
}

/// The first part, if all files are parts of one split file.
std::string first_part(const std::vector<std::string>& names) {
  const std::string& first = names.front();
  if (first.size() <= kSplitSuffixBytes) return "";
  const std::string stem = first.substr(0, first.size() - kSplitSuffixBytes);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != stem + split_suffix(i, names.size())) return "";
  }
  return first;
}

Result<std::string> find_gguf(const std::string& folder) {
  LW_ASSIGN_OR_RETURN(std::vector<std::string> names, list_files(folder));
  std::erase_if(names,
                [](const std::string& name) { return !ends_in_one_of(name, kGgufSuffixes); });
  if (names.size() > 1) {
    const std::string first = first_part(names);
    if (!first.empty()) return join(folder, first);
  }
  return find_weights(folder, {}, kGgufSuffixes);
}

bool has_gguf_content(std::span<const std::byte> head) {
  return head.size() >= kGgufMagic.size() &&
         std::memcmp(head.data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
}

bool has_gguf_name(std::string_view name) { return ends_in_one_of(name, kGgufSuffixes); }

}  // namespace

const Format& gguf_format() {
  static const Format format = {"gguf",           "one .gguf file", find_gguf,
                                has_gguf_content, has_gguf_name,    open_gguf};
  return format;
}

}  // namespace lanewise::converters

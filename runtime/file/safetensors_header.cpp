#include "runtime/file/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/json_text.hpp"
#include "base/messages.hpp"
#include "base/no_throw.hpp"

namespace lanewise::file {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadataKey = "__metadata__";

// PyTorch and numpy have the limit 64 too; it bounds memory and the length of messages.
constexpr size_t kMaxRank = 64;

std::optional<DataType> type_named(std::string_view name) {
  constexpr std::array kAll = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kF64,
                               DataType::kI64, DataType::kI32, DataType::kI16,  DataType::kI8,
                               DataType::kU8,  DataType::kBool};
  const auto* found =
      std::find_if(kAll.begin(), kAll.end(), [&](DataType type) { return name_of(type) == name; });
  return found == kAll.end() ? std::nullopt : std::optional(*found);
}

/// Names in the format's style: U16, F8_E4M3, C64. New ones appear every year.
bool is_foreign_type(std::string_view name) {
  constexpr size_t kMaxLength = 32;
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return name.size() > 1 && name.size() <= kMaxLength && name.front() >= 'A' &&
         name.front() <= 'Z' && std::all_of(name.begin(), name.end(), fits);
}

/// Receives the parser's events and accepts exactly the header's grammar:
///
///   { "__metadata__": {text: text, ...},
///     name: {"dtype": text, "shape": [count, ...], "data_offsets": [begin, end]}, ... }
///
/// Without a tree, memory stays near the header's size, and an unexpected event ends the parse at
/// once: a header of a million brackets fails at the second.
class HeaderHandler final : public nlohmann::json_sax<Json> {
 public:
  Status take_failure() {
    return failure_.ok() ? data_loss("header is not JSON") : std::move(failure_);
  }
  SafetensorsHeader take_header() { return std::move(header_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected("the number " + base::in_quotes(text));
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) return add_size(value);
    if (place_ == Place::kOffsets) return add_offset(value);
    return unexpected("a number");
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) return add_metadata(value);
    if (place_ == Place::kTensor && field_ == Field::kType) return set_type(value);
    return unexpected("a string");
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kStart:
        place_ = Place::kTop;
        return true;
      case Place::kTop:
        place_ = key_ == kMetadataKey ? Place::kMetadata : Place::kTensor;
        break;
      default:
        return unexpected("an object");
    }
    if (place_ == Place::kMetadata) return !std::exchange(has_metadata_, true) || repeated();
    header_.tensors.push_back({.name = key_, .type = {}, .shape = {}, .begin = 0, .end = 0});
    seen_ = 0;
    field_ = Field::kNone;
    return true;
  }

  bool key(string_t& name) override {
    if (place_ == Place::kTensor) return begin_field(name);
    key_ = std::move(name);
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor) return unexpected("a list");
    if (field_ == Field::kShape) {
      place_ = Place::kShape;
    } else if (field_ == Field::kOffsets) {
      place_ = Place::kOffsets;
    } else {
      return unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offset_count_ != 2) return wrong_offsets();
    place_ = Place::kTensor;
    field_ = Field::kNone;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTensor && seen_ != kAllFields) {
      return fail(data_loss("dtype, shape or data_offsets is missing"));
    }
    place_ = Place::kTop;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    // The library's own message quotes the file at length.
    failure_ = data_loss("header is not JSON at byte " + std::to_string(position));
    return false;
  }

 private:
  enum class Place { kStart, kTop, kMetadata, kTensor, kShape, kOffsets };
  enum class Field { kNone = 0, kType = 1, kShape = 2, kOffsets = 4 };
  static constexpr int kAllFields = 1 | 2 | 4;

  TensorEntry& tensor() { return header_.tensors.back(); }

  bool in_tensor() const {
    return place_ == Place::kTensor || place_ == Place::kShape || place_ == Place::kOffsets;
  }

  bool fail(const Status& status) {
    failure_ = in_tensor() ? status.with_context("tensor " + base::in_quotes(tensor().name))
                           : status.with_context("header");
    return false;
  }

  bool unexpected(const std::string& what) {
    switch (place_) {
      case Place::kStart:
        return fail(data_loss("expected an object, found " + what));
      case Place::kTop:
        return fail(
            data_loss("expected an object for " + base::in_quotes(key_) + ", found " + what));
      case Place::kMetadata:
        return fail(data_loss("expected a string for metadata " + base::in_quotes(key_) +
                              ", found " + what));
      case Place::kShape:
        return fail(data_loss("expected sizes in shape, found " + what));
      case Place::kOffsets:
        return fail(data_loss("expected two positions in data_offsets, found " + what));
      case Place::kTensor:
        break;
    }
    const std::string_view field = field_ == Field::kType    ? "a string for dtype"
                                   : field_ == Field::kShape ? "a list for shape"
                                                             : "a list for data_offsets";
    return fail(data_loss("expected " + std::string(field) + ", found " + what));
  }

  bool repeated() { return fail(data_loss(base::in_quotes(key_) + " appears twice")); }

  bool wrong_offsets() { return fail(data_loss("data_offsets must be two positions")); }

  bool begin_field(const std::string& name) {
    field_ = name == "dtype"          ? Field::kType
             : name == "shape"        ? Field::kShape
             : name == "data_offsets" ? Field::kOffsets
                                      : Field::kNone;
    if (field_ == Field::kNone) return fail(data_loss("unknown field " + base::in_quotes(name)));
    const int bit = static_cast<int>(field_);
    if ((seen_ & bit) != 0) return fail(data_loss(base::in_quotes(name) + " appears twice"));
    seen_ |= bit;
    offset_count_ = 0;
    return true;
  }

  bool add_metadata(std::string& value) {
    const bool added = header_.metadata.try_emplace(key_, std::move(value)).second;
    return added || fail(data_loss("metadata " + base::in_quotes(key_) + " appears twice"));
  }

  bool set_type(const std::string& name) {
    const std::optional<DataType> type = type_named(name);
    if (!type && !is_foreign_type(name)) {
      return fail(unsupported("elements of type " + base::in_quotes(name) + " cannot be read"));
    }
    if (type) {
      tensor().type = *type;
    } else {
      tensor().foreign_type = name;
    }
    field_ = Field::kNone;
    return true;
  }

  bool add_size(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return fail(data_loss("size " + std::to_string(value) + " in shape is too large"));
    }
    if (tensor().shape.size() == kMaxRank) {
      return fail(data_loss("shape has more than " + std::to_string(kMaxRank) + " dimensions"));
    }
    tensor().shape.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool add_offset(uint64_t value) {
    if (offset_count_ == 2) return wrong_offsets();
    (offset_count_ == 0 ? tensor().begin : tensor().end) = value;
    ++offset_count_;
    return true;
  }

  SafetensorsHeader header_;
  Status failure_;
  std::string key_;  // In the top-level object, or in the metadata.
  Place place_ = Place::kStart;
  Field field_ = Field::kNone;  // The field whose value comes next.
  int seen_ = 0;                // Fields of the current tensor, as bits.
  int offset_count_ = 0;
  bool has_metadata_ = false;
};

void append_description(const TensorEntry& entry, std::string& json) {
  json.append(":{\"dtype\":\"").append(name_of(entry.type)).append("\",\"shape\":[");
  for (size_t i = 0; i < entry.shape.size(); ++i) {
    if (i != 0) json += ',';
    json += std::to_string(entry.shape[i]);
  }
  json += "],\"data_offsets\":[" + std::to_string(entry.begin) + ",";
  json += std::to_string(entry.end) + "]}";
}

Result<std::string> format(const Metadata& metadata, std::span<const TensorEntry> tensors) {
  std::vector<const TensorEntry*> sorted;
  for (const TensorEntry& entry : tensors) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });

  std::string json = "{";
  bool is_utf8 = true;
  const auto append_string = [&](std::string_view string) {
    is_utf8 = base::append_json_string(string, &json) && is_utf8;
  };
  if (!metadata.empty()) {
    append_string(kMetadataKey);
    json += ":{";
    for (const auto& [key, value] : metadata) {
      if (json.back() != '{') json += ',';
      append_string(key);
      json += ':';
      append_string(value);
    }
    json += '}';
  }
  for (const TensorEntry* entry : sorted) {
    if (json.size() > 1) json += ',';
    append_string(entry->name);
    append_description(*entry, json);
  }
  if (!is_utf8) return invalid_argument("a tensor name or metadata string is not UTF-8");
  return json + "}";
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view json) {
  return base::no_throw([&]() -> Result<SafetensorsHeader> {
    // nlohmann-json treats a zero byte as the end of the text and skips a byte-order mark; neither
    // may occur in a header.
    if (json.empty() || json.front() != '{' || json.find('\0') != std::string_view::npos) {
      return data_loss("header is not a JSON object");
    }
    HeaderHandler handler;
    if (!Json::sax_parse(json.begin(), json.end(), &handler)) return handler.take_failure();
    return handler.take_header();
  });
}

Result<std::string> format_safetensors_header(const Metadata& metadata,
                                              std::span<const TensorEntry> tensors) {
  return base::no_throw([&] { return format(metadata, tensors); });
}

}  // namespace lanewise::file

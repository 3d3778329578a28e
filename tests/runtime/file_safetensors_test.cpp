#include "runtime/file/safetensors.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace lanewise::file {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A file of the given header and `data_bytes` bytes 0, 1, 2, ...
std::string file_of(const std::string& header, size_t data_bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i));
  file += header;
  for (size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i);
  return file;
}

std::string one_tensor(const std::string& type, const std::string& shape,
                       const std::string& offsets) {
  return R"({"a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

Status parse_status(const std::string& file) {
  return SafetensorsView::parse(bytes_of(file), "f").status();
}

SafetensorsInput input(std::string name, const Tensor& tensor) {
  return {std::move(name), tensor.view()};
}

Tensor counting(DataType type, Shape shape) {
  Tensor tensor(type, std::move(shape));
  for (size_t i = 0; i < tensor.size_bytes(); ++i) {
    tensor.as<std::byte>()[i] = static_cast<std::byte>(i * 7 + 1);
  }
  return tensor;
}

AlignedBuffer written(const Metadata& metadata, const std::vector<SafetensorsInput>& tensors,
                      size_t alignment) {
  AlignedBuffer buffer;
  MemorySink sink(buffer);
  const Status status = write_safetensors(sink, metadata, tensors, alignment);
  EXPECT_TRUE(status.ok()) << status.message();
  return buffer;
}

bool same_bytes(const TensorView& view, const Tensor& tensor) {
  return view.type == tensor.type() && view.shape == tensor.shape() &&
         (tensor.size_bytes() == 0 ||
          std::memcmp(view.data, tensor.as<std::byte>(), tensor.size_bytes()) == 0);
}

TEST(Safetensors, AHeaderAboveTheFormatsLimitIsNotRead) {
  const size_t length = kMaxHeaderBytes + 1;
  const size_t size = 8 + length;
  // Pages of zeros that are never touched take no memory.
  void* file = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(file, MAP_FAILED);
  const uint64_t written = length;
  std::memcpy(file, &written, sizeof written);
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(file), size);
  EXPECT_EQ(SafetensorsView::parse(bytes, "f").status().message(),
            "'f': header of 100000001 bytes is above the format's limit");
  ::munmap(file, size);
}

TEST(Safetensors, RoundTripOfEveryTypeAtEveryAlignment) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const DataType type :
       {DataType::kU8, DataType::kF32, DataType::kBool, DataType::kF16, DataType::kBF16,
        DataType::kF64, DataType::kI8, DataType::kI64, DataType::kI32, DataType::kI16}) {
    const std::string name(name_of(type));
    tensors.emplace_back(name + ".odd", counting(type, {3, 1, 5}));
    tensors.emplace_back(name + ".whole", counting(type, {2, 64}));
    tensors.emplace_back(name + ".scalar", counting(type, {}));
    tensors.emplace_back(name + ".empty", counting(type, {0, 7}));
  }
  std::vector<SafetensorsInput> inputs;
  for (const auto& [name, tensor] : tensors) inputs.push_back(input(name, tensor));
  const Metadata metadata = {{"format", "pt"}, {"text", "tab\t \"quotes\" \xC3\xA9 \\ \n"}};

  for (const size_t alignment : {1, 2, 4, 8, 16, 64, 4096}) {
    const AlignedBuffer buffer = written(metadata, inputs, alignment);
    const auto view = SafetensorsView::parse(buffer.bytes(), "memory");
    ASSERT_TRUE(view.ok()) << view.status().message();
    EXPECT_EQ(view->metadata(), metadata);
    ASSERT_EQ(view->tensors().size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
      const TensorEntry* entry = view->find(name);
      ASSERT_NE(entry, nullptr) << name;
      const TensorView found = view->view(*entry);
      EXPECT_TRUE(same_bytes(found, tensor)) << name;
      EXPECT_TRUE(is_aligned(found)) << name << " at alignment " << alignment;
      const size_t place =
          static_cast<size_t>(static_cast<const std::byte*>(found.data) - buffer.bytes().data());
      EXPECT_EQ(place % alignment, 0U) << name;
    }
  }
}

TEST(Safetensors, FillerOnlyWhereOrderCannotAlign) {
  const Tensor whole = counting(DataType::kF32, {16});
  const Tensor odd = counting(DataType::kF32, {3});
  const auto text = [](const AlignedBuffer& buffer) {
    return std::string(reinterpret_cast<const char*>(buffer.bytes().data()), buffer.bytes().size());
  };
  const std::string prefix(kPaddingPrefix);
  EXPECT_EQ(text(written({}, {input("odd", odd), input("w", whole)}, 64)).find(prefix),
            std::string::npos);
  const std::vector<SafetensorsInput> two_odd = {input("odd", odd), input("odd2", odd)};
  EXPECT_NE(text(written({}, two_odd, 64)).find(prefix + "0"), std::string::npos);
  EXPECT_EQ(text(written({}, two_odd, 1)).find(prefix), std::string::npos);
}

TEST(Safetensors, SameInputGivesSameBytesInGivenOrder) {
  const Tensor a = counting(DataType::kF32, {16});
  const Tensor b = counting(DataType::kI8, {64});
  const std::vector<SafetensorsInput> inputs = {input("z", a), input("b", b)};
  const AlignedBuffer first = written({{"k", "v"}}, inputs, 64);
  const AlignedBuffer second = written({{"k", "v"}}, inputs, 64);
  EXPECT_TRUE(std::ranges::equal(first.bytes(), second.bytes()));
  const auto view = SafetensorsView::parse(first.bytes(), "memory");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->tensors()[0].name, "b");
  EXPECT_EQ(view->find("z")->begin, 0U);
  EXPECT_EQ(view->find("b")->begin, 64U);
  EXPECT_EQ(view->find("y"), nullptr);
  EXPECT_EQ(view->find(""), nullptr);
}

TEST(Safetensors, EmptyFileOfNothingIsValid) {
  const AlignedBuffer buffer = written({}, {}, 64);
  EXPECT_EQ(buffer.bytes().size(), 64U);
  const auto view = SafetensorsView::parse(buffer.bytes(), "memory");
  ASSERT_TRUE(view.ok()) << view.status().message();
  EXPECT_TRUE(view->tensors().empty());
}

TEST(Safetensors, WriterRefuses) {
  const Tensor a = counting(DataType::kF32, {2});
  struct Case {
    std::vector<SafetensorsInput> tensors;
    Metadata metadata;
    size_t alignment;
    const char* part;
  };
  const float one = 1;
  const std::vector<Case> cases = {
      {{input("a", a), input("a", a)}, {}, 64, "tensor 'a': the name appears twice"},
      {{input("", a)}, {}, 64, "empty"},
      {{input("__metadata__", a)}, {}, 64, "reserved"},
      {{input("__padding__.7", a)}, {}, 64, "reserved"},
      {{input("\xFF", a)}, {}, 64, "UTF-8"},
      {{}, {{"k", "\xC3"}}, 64, "UTF-8"},
      {{}, {}, 0, "alignment 0"},
      {{}, {}, 48, "alignment 48"},
      {{}, {}, 8192, "alignment 8192"},
      {{{"a", {DataType::kF32, nullptr, {2}}}}, {}, 64, "no data"},
      {{{"a", {DataType::kF32, &one, {-1}}}}, {}, 64, "negative"},
      {{{"a", {DataType::kF32, &one, {int64_t{1} << 62, 4}}}}, {}, 64, "too many"},
      {{{"a", {DataType::kF64, &one, {int64_t{1} << 62}}}}, {}, 64, "too many"},
      {{{"a", {DataType::kI8, &one, {INT64_MAX}}},
        {"b", {DataType::kI8, &one, {INT64_MAX}}},
        {"c", {DataType::kI8, &one, {INT64_MAX}}}},
       {},
       64,
       "do not fit"},
      {{{"a", {DataType::kI8, &one, {INT64_MAX}}}}, {}, 64, "cannot allocate"},
  };
  for (const Case& c : cases) {
    AlignedBuffer buffer;
    MemorySink sink(buffer);
    const Status status = write_safetensors(sink, c.metadata, c.tensors, c.alignment);
    EXPECT_FALSE(status.ok()) << c.part;
    EXPECT_NE(status.message().find(c.part), std::string::npos) << status.message();
    EXPECT_TRUE(buffer.bytes().empty()) << c.part;
  }
}

TEST(Safetensors, WriterRefusesHeadersThatNobodyReads) {
  AlignedBuffer buffer;
  MemorySink sink(buffer);
  Metadata metadata;
  metadata["long"].resize(kMaxHeaderBytes, 'x');
  EXPECT_EQ(write_safetensors(sink, metadata, {}, 64).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(buffer.bytes().empty());
}

struct Damage {
  std::string file;
  std::string message;
  StatusCode code = StatusCode::kDataLoss;
};

std::vector<Damage> damaged_headers() {
  const std::string entry = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  const std::string missing = "tensor 'a': dtype, shape or data_offsets is missing";
  return {
      {"", "not a safetensors file: it has only 0 bytes"},
      {"1234567", "not a safetensors file: it has only 7 bytes"},
      {std::string("\x03\0\0\0\0\0\0\0{}", 10), "header of 3 bytes is longer than the file's 2"},
      {std::string(8, '\xFF') + "{}", "header of 18446744073709551615 bytes is longer"},
      {file_of("", 0), "header is not a JSON object"},
      {file_of("[]", 0), "header is not a JSON object"},
      {file_of(" {}", 0), "header is not a JSON object"},
      {file_of("\xEF\xBB\xBF{}", 0), "header is not a JSON object"},
      {file_of(std::string("{}\0x", 4), 0), "header is not a JSON object"},
      {file_of("{", 0), "header is not JSON at byte"},
      {file_of("{}x", 0), "header is not JSON at byte 3"},
      {file_of("{} {}", 0), "header is not JSON at byte"},
      {file_of("{\"\xFF\":1}", 0), "header is not JSON at byte"},
      {file_of("{\"a\":1e999}", 0), "header is not JSON at byte"},
      {file_of(R"({"a":1})", 0), "header: expected an object for 'a', found a number"},
      {file_of(R"({"a":null})", 0), "header: expected an object for 'a', found null"},
      {file_of(R"({"a":[]})", 0), "header: expected an object for 'a', found a list"},
      {file_of(R"({"a":"b"})", 0), "header: expected an object for 'a', found a string"},
      {file_of(R"({"__metadata__":{"k":1}})", 0),
       "expected a string for metadata 'k', found a num"},
      {file_of(R"({"__metadata__":{"k":{}}})", 0),
       "expected a string for metadata 'k', found an ob"},
      {file_of(R"({"__metadata__":{"k":true}})", 0), "found a boolean"},
      {file_of(R"({"__metadata__":null})", 0), "expected an object for '__metadata__', found null"},
      {file_of(R"({"__metadata__":{"k":"1","k":"1"}})", 0), "metadata 'k' appears twice"},
      {file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "'__metadata__' appears twice"},
      {file_of(R"({"a":{}})", 0), missing},
      {file_of(R"({"a":{"dtype":"U8","shape":[]}})", 1), missing},
      {file_of(R"({"a":{"dtype":"U8","dtype":"U8"}})", 1), "tensor 'a': 'dtype' appears twice"},
      {file_of(R"({"a":{"more":1}})", 1), "tensor 'a': unknown field 'more'"},
      {file_of(R"({"a":{"dtype":1}})", 1),
       "tensor 'a': expected a string for dtype, found a number"},
      {file_of(R"({"a":{"shape":1}})", 1), "tensor 'a': expected a list for shape, found a number"},
      {file_of(R"({"a":{"data_offsets":{}}})", 1),
       "expected a list for data_offsets, found an obj"},
      {file_of("{\"a\":" + entry + ",\"a\":" + entry + "}", 1),
       "tensor 'a' appears twice in the header"},
      {file_of("{\"line\nbreak\":1}", 0), "header is not JSON"},
      {file_of(R"({"line\nbreak":1})", 0), "expected an object for 'line?break'"},
  };
}

std::vector<Damage> damaged_tensors() {
  const auto tensor = [](const char* type, const char* shape, const char* offsets, size_t bytes) {
    return file_of(one_tensor(type, shape, offsets), bytes);
  };
  std::string dimensions = "[1";
  for (int i = 0; i < 64; ++i) dimensions += ",1";
  const auto pair = [](const char* a, const char* b) {
    return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + std::string(a) +
           R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}";
  };
  std::vector<Damage> result = {
      {tensor("F32", "[384,384]", "[0,100]", 100),
       "'f': tensor 'a': expected 589824 bytes for [384, 384] F32, header gives 100"},
      {tensor("U8", "[1]", "[0,2]", 2), "expected 1 bytes for [1] U8, header gives 2"},
      {tensor("F32", "[]", "[0,0]", 0), "expected 4 bytes for [] F32, header gives 0"},
      {tensor("U8", "[4]", "[0,4]", 3), "data_offsets [0, 4] do not lie within the file's 3 bytes"},
      {tensor("U8", "[4]", "[4,0]", 4), "data_offsets [4, 0] do not lie within"},
      {tensor("U8", "[0]", "[18446744073709551615,18446744073709551615]", 4), "do not lie within"},
      {tensor("U8", "[4]", "[0,18446744073709551616]", 4),
       "found the number '18446744073709551616"},
      {tensor("U8", "[4]", "[0,4]", 5), "'f': tensors take 4 bytes, file has 5 bytes of data"},
      {tensor("U8", "[4]", "[1,5]", 5),
       "begins at byte 1 of the data, the one before it ends at 0"},
      {file_of("{}", 1), "tensors take 0 bytes, file has 1 bytes of data"},
      {tensor("U8", "[4]", "[0]", 4), "tensor 'a': data_offsets must be two positions"},
      {tensor("U8", "[4]", "[0,4,4]", 4), "tensor 'a': data_offsets must be two positions"},
      {tensor("U8", "[4]", "[-4,0]", 4), "two positions in data_offsets, found a negative number"},
      {tensor("U8", "[-4]", "[0,4]", 4), "sizes in shape, found a negative number"},
      {tensor("U8", "[4.0]", "[0,4]", 4), "sizes in shape, found the number '4.0'"},
      {tensor("U8", "[\"4\"]", "[0,4]", 4), "sizes in shape, found a string"},
      {tensor("U8", "[[4]]", "[0,4]", 4), "sizes in shape, found a list"},
      {tensor("U8", "[9223372036854775808]", "[0,4]", 4), "size 9223372036854775808 in shape"},
      {tensor("U8", "[4294967296,4294967296]", "[0,0]", 0), "has too many elements"},
      {tensor("F64", "[4611686018427387904]", "[0,0]", 0), "has too many elements"},
      {tensor("U8", dimensions.append("]").c_str(), "[0,1]", 1), "more than 64 dimensions"},
      {file_of(pair("[0,2]", "[1,3]"), 3), "tensor 'b': begins at byte 1 of the data, the one bef"},
      {file_of(pair("[0,2]", "[0,2]"), 2), "the one before it ends at 2"},
      {file_of(pair("[0,2]", "[3,5]"), 5), "tensor 'b': begins at byte 3 of the data, the one bef"},
  };
  for (const char* type : {"f32", "", "U", "F8 E4M3", "8F", "F8-"}) {
    result.push_back({tensor(type, "[1]", "[0,1]", 1),
                      "'f': tensor 'a': elements of type '" + std::string(type) + "'",
                      StatusCode::kUnsupported});
  }
  return result;
}

void expect_refused(const std::vector<Damage>& cases) {
  for (const Damage& damage : cases) {
    const Status status = parse_status(damage.file);
    EXPECT_EQ(status.code(), damage.code) << damage.message;
    EXPECT_TRUE(status.message().starts_with("'f': ")) << status.message();
    EXPECT_NE(status.message().find(damage.message), std::string::npos)
        << "expected: " << damage.message << "\nfound:    " << status.message();
  }
}

TEST(Safetensors, RefusesDamagedHeaders) { expect_refused(damaged_headers()); }
TEST(Safetensors, RefusesDamagedTensors) { expect_refused(damaged_tensors()); }

TEST(Safetensors, RefusesHeadersAboveTheFormatsLimit) {
  // Zero pages that are never read.
  const size_t length = kMaxHeaderBytes + 1;
  const size_t size = 8 + length;
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memcpy(memory, &length, sizeof(length));
  const auto view = SafetensorsView::parse({static_cast<const std::byte*>(memory), size}, "f");
  EXPECT_NE(view.status().message().find("is above the format's limit"), std::string::npos)
      << view.status().message();
  ::munmap(memory, size);
}

TEST(Safetensors, TensorsOfOtherTypesStandApart) {
  struct Foreign {
    const char* type;
    const char* shape;
    size_t bytes;
  };
  for (const Foreign& foreign :
       {Foreign{"F8_E4M3", "[2,3]", 6}, Foreign{"F8_E5M2", "[2,3]", 6}, Foreign{"U16", "[3]", 6},
        Foreign{"U32", "[3]", 12}, Foreign{"U64", "[3]", 24}, Foreign{"C64", "[3]", 24},
        Foreign{"F4", "[4]", 2}, Foreign{"NEW_9", "[7]", 5}}) {
    SCOPED_TRACE(foreign.type);
    const std::string end = std::to_string(foreign.bytes);
    const std::string header = std::string("{\"a\":{\"dtype\":\"") + foreign.type +
                               "\",\"shape\":" + foreign.shape + ",\"data_offsets\":[0," + end +
                               "]},\"b\":{\"dtype\":\"U8\",\"shape\":[1]," + "\"data_offsets\":[" +
                               end + "," + std::to_string(foreign.bytes + 1) + "]}}";
    const std::string file = file_of(header, foreign.bytes + 1);
    const auto view = SafetensorsView::parse(std::as_bytes(std::span(file)), "f");
    ASSERT_TRUE(view.ok()) << view.status().message();
    ASSERT_EQ(view->tensors().size(), 1U);
    EXPECT_EQ(view->tensors()[0].name, "b");
    EXPECT_EQ(view->find("a"), nullptr);
    ASSERT_EQ(view->foreign().size(), 1U);
    EXPECT_EQ(view->foreign()[0].foreign_type, foreign.type);
  }
  const std::string short_file =
      file_of("{\"a\":{\"dtype\":\"U16\",\"shape\":[3],\"data_offsets\":[0,5]}}", 5);
  EXPECT_NE(parse_status(short_file).message().find("expected 6 bytes for [3] U16"),
            std::string::npos);
}

TEST(Safetensors, RefusesDeepNestingAtOnce) {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string header = "{\"a\":";
    for (int i = 0; i < 1'000'000; ++i) header += open;
    EXPECT_EQ(parse_status(file_of(header, 0)).code(), StatusCode::kDataLoss);
  }
}

TEST(Safetensors, MessagesStayShort) {
  const std::string header = "{\"" + std::string(1'000'000, 'x') + "\":1}";
  EXPECT_LT(parse_status(file_of(header, 0)).message().size(), 400U);
}

TEST(Safetensors, AcceptsTrailingSpacesAndForeignOrder) {
  const std::string header = R"({"b":{"shape":[2],"data_offsets":[2,4],"dtype":"U8"},)"
                             R"( "a":{"data_offsets":[0,2],"dtype":"U8","shape":[2]},"e":)"
                             R"({"dtype":"F32","shape":[0,9],"data_offsets":[2,2]}}      )";
  const std::string file = file_of(header, 4);
  const auto view = SafetensorsView::parse(bytes_of(file), "f");
  ASSERT_TRUE(view.ok()) << view.status().message();
  EXPECT_EQ(view->tensors().size(), 3U);
  EXPECT_EQ(view->view(*view->find("b")).as<uint8_t>()[0], 2);
}

TEST(Safetensors, CopiesTensorsAtOddAddresses) {
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  std::string file = file_of(header + std::string((8 - header.size() % 8) % 8, ' '), 9);
  const float values[2] = {1.5F, -2.0F};
  std::memcpy(file.data() + file.size() - sizeof values, values, sizeof values);
  AlignedBuffer buffer;
  ASSERT_TRUE(buffer.append(bytes_of(file)).ok());

  const auto view = SafetensorsView::parse(buffer.bytes(), "f");
  ASSERT_TRUE(view.ok()) << view.status().message();
  const TensorView tensor = view->view(*view->find("f"));
  EXPECT_FALSE(is_aligned(tensor));
  const Result<Tensor> copy = copy_tensor(tensor);
  ASSERT_TRUE(copy.ok());
  EXPECT_TRUE(is_aligned(copy->view()));
  EXPECT_EQ(copy->as<float>()[0], 1.5F);
  EXPECT_EQ(copy->as<float>()[1], -2.0F);
}

/// Parses, and reads every byte of every view, which the address sanitizer watches.
void parse_and_touch(const std::vector<std::byte>& file) {
  const auto view = SafetensorsView::parse(file, "f");
  if (!view.ok()) {
    ASSERT_FALSE(view.status().message().empty());
    return;
  }
  for (const TensorEntry& entry : view->tensors()) {
    const auto* data = static_cast<const std::byte*>(view->view(entry).data);
    const size_t size = entry.end - entry.begin;
    ASSERT_GE(data, file.data());
    ASSERT_LE(data + size, file.data() + file.size());
    unsigned sum = 0;
    for (size_t i = 0; i < size; ++i) sum += static_cast<unsigned>(data[i]);
    ASSERT_LE(sum, 255 * size);
  }
}

TEST(Safetensors, MutatedFilesGiveValueOrError) {
  constexpr int kMutations = 20'000;
  const Tensor a = counting(DataType::kF32, {2, 3});
  const Tensor b = counting(DataType::kI8, {5});
  const AlignedBuffer valid = written({{"k", "v"}}, {input("a", a), input("b", b)}, 8);
  const std::vector<std::byte> original(valid.bytes().begin(), valid.bytes().end());
  std::mt19937 random(20240229);
  // Bytes with a meaning in a header are more likely to produce another valid one.
  const std::string meaningful = "0123456789-.{}[]\",: \\u";
  for (int i = 0; i < kMutations; ++i) {
    std::vector<std::byte> file = original;
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      std::byte& target = file[random() % file.size()];
      const unsigned kind = random() % 3;
      if (kind == 0) target ^= static_cast<std::byte>(1U << random() % 8);
      if (kind == 1) target = static_cast<std::byte>(random());
      if (kind == 2) target = static_cast<std::byte>(meaningful[random() % meaningful.size()]);
    }
    if (random() % 4 == 0) file.resize(random() % (file.size() + 1));
    file.shrink_to_fit();
    ASSERT_NO_FATAL_FAILURE(parse_and_touch(file)) << "mutation " << i;
  }
}

}  // namespace
}  // namespace lanewise::file

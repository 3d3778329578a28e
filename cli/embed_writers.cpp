#include "cli/embed_writers.hpp"

#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/json_text.hpp"
#include "lanewise/files.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"
#include "lanewise/tokenizer.hpp"

namespace lanewise::cli {
namespace {

void append_object(std::string& json, std::string_view text, const WrittenEmbeddings& written,
                   size_t index) {
  const Embeddings& embeddings = written.embeddings;
  json += "{\"text\": ";
  append_json_string(json, text);
  json += ", \"embedding\": ";
  if (written.quantized != nullptr) {
    append_json_integers(json, (*written.quantized)[static_cast<int64_t>(index)]);
  } else {
    append_json_floats(json, embeddings[static_cast<int64_t>(index)]);
  }
  json += fmt::format(", \"tokens\": {}, \"truncated\": {}}}\n", embeddings.tokens[index],
                      embeddings.truncated[index] ? "true" : "false");
}

/// JSON cannot contain a text that is not UTF-8.
void append_left_out(std::string& json, std::string_view text, const Status& why) {
  json += "{\"text\": ";
  if (check_utf8(text).ok()) {
    append_json_string(json, text);
  } else {
    json += "null";
  }
  json += ", \"embedding\": null, \"error\": ";
  append_json_string(json, why.message());
  json += "}\n";
}

class JsonOnStdout final : public EmbedWriter {
 public:
  explicit JsonOnStdout(Output& out) : out_(&out) {}

  Status write(std::span<const std::string_view> texts, const WrittenEmbeddings& written) override {
    for (size_t i = 0; i < texts.size(); ++i) {
      json_.clear();
      append_object(json_, texts[i], written, i);
      LANEWISE_RETURN_IF_ERROR(out_->write(json_));
    }
    return out_->flush();
  }
  Status leave_out(std::string_view text, const Status& why) override {
    json_.clear();
    append_left_out(json_, text, why);
    return out_->write(json_);
  }

 private:
  Output* out_;
  std::string json_;
};

class PlainOnStdout final : public EmbedWriter {
 public:
  explicit PlainOnStdout(Output& out) : out_(&out) {}

  Status write(std::span<const std::string_view> texts, const WrittenEmbeddings& written) override {
    for (size_t i = 0; i < texts.size(); ++i) {
      line_.assign(texts[i]);
      append_numbers(written, static_cast<int64_t>(i));
      LANEWISE_RETURN_IF_ERROR(out_->line(line_));
    }
    return out_->flush();
  }
  Status leave_out(std::string_view, const Status&) override { return out_->line(""); }

 private:
  void append_numbers(const WrittenEmbeddings& written, int64_t index) {
    char separator = '\t';
    if (written.quantized != nullptr) {
      for (const int8_t value : (*written.quantized)[index]) {
        line_ += std::exchange(separator, ' ');
        line_ += std::to_string(value);
      }
      return;
    }
    for (const float value : written.embeddings[index]) {
      line_ += std::exchange(separator, ' ');
      append_float(line_, value);
    }
  }

  Output* out_;
  std::string line_;
};

class JsonFile final : public EmbedWriter {
 public:
  explicit JsonFile(OutputFile& file) : file_(&file) {}

  Status write(std::span<const std::string_view> texts, const WrittenEmbeddings& written) override {
    json_.clear();
    for (size_t i = 0; i < texts.size(); ++i) append_object(json_, texts[i], written, i);
    return file_->write(json_);
  }
  Status leave_out(std::string_view text, const Status& why) override {
    json_.clear();
    append_left_out(json_, text, why);
    return file_->write(json_);
  }

 private:
  OutputFile* file_;
  std::string json_;
};

/// The rows of an array; the header is the file's.
class NpyRows final : public EmbedWriter {
 public:
  NpyRows(OutputFile& file, int64_t dimension)
      : file_(&file),
        no_vector_(static_cast<size_t>(dimension), std::numeric_limits<float>::quiet_NaN()) {}

  Status write(std::span<const std::string_view>, const WrittenEmbeddings& written) override {
    return written.quantized != nullptr ? append(std::span(written.quantized->values))
                                        : append(std::span(written.embeddings.values));
  }
  Status leave_out(std::string_view, const Status&) override {
    return append(std::span(no_vector_));
  }

 private:
  template <typename Values>
  Status append(const Values& values) {
    const auto bytes = std::as_bytes(values);
    return file_->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  OutputFile* file_;
  std::vector<float> no_vector_;
};

}  // namespace

Status check_embed_output(const std::string& path) {
  if (path.ends_with(".npy") || path.ends_with(".jsonl")) return {};
  return invalid_argument("--output " + in_quotes(path) +
                          ": expected a name that ends in .npy or .jsonl");
}

OutputFile::Header header_of(const std::string& path, int64_t columns, DataType type) {
  if (!path.ends_with(".npy")) return nullptr;
  return [columns, type](int64_t bytes) {
    const int64_t row_bytes = columns * (type == DataType::kF32 ? 4 : 1);
    // Only sizes below 0 and other types fail.
    return npy_header(bytes / row_bytes, columns, type).value();
  };
}

std::unique_ptr<EmbedWriter> make_file_writer(const std::string& path, OutputFile& file,
                                              int64_t columns) {
  if (path.ends_with(".npy")) return std::make_unique<NpyRows>(file, columns);
  return std::make_unique<JsonFile>(file);
}

std::unique_ptr<EmbedWriter> make_json_writer(Output& out) {
  return std::make_unique<JsonOnStdout>(out);
}

std::unique_ptr<EmbedWriter> make_plain_writer(Output& out) {
  return std::make_unique<PlainOnStdout>(out);
}

}  // namespace lanewise::cli

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
  Status commit() override { return {}; }

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
  Status commit() override { return {}; }

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
  explicit JsonFile(AtomicFile file) : file_(std::move(file)) {}

  Status write(std::span<const std::string_view> texts, const WrittenEmbeddings& written) override {
    json_.clear();
    for (size_t i = 0; i < texts.size(); ++i) append_object(json_, texts[i], written, i);
    return file_.write(json_);
  }
  Status leave_out(std::string_view text, const Status& why) override {
    json_.clear();
    append_left_out(json_, text, why);
    return file_.write(json_);
  }
  Status commit() override { return file_.commit(); }

 private:
  AtomicFile file_;
  std::string json_;
};

class NpyFile final : public EmbedWriter {
 public:
  NpyFile(NpyWriter file, int64_t dimension)
      : file_(std::move(file)),
        no_vector_(static_cast<size_t>(dimension), std::numeric_limits<float>::quiet_NaN()) {}

  Status write(std::span<const std::string_view>, const WrittenEmbeddings& written) override {
    return written.quantized != nullptr ? file_.append(std::span(written.quantized->values))
                                        : file_.append(std::span(written.embeddings.values));
  }
  Status leave_out(std::string_view, const Status&) override { return file_.append(no_vector_); }
  Status commit() override { return file_.commit(); }

 private:
  NpyWriter file_;
  std::vector<float> no_vector_;
};

}  // namespace

Status check_embed_output(const std::string& path) {
  if (path.ends_with(".npy") || path.ends_with(".jsonl")) return {};
  return invalid_argument("--output " + in_quotes(path) +
                          ": expected a name that ends in .npy or .jsonl");
}

Result<std::unique_ptr<EmbedWriter>> make_file_writer(const std::string& path, int64_t columns,
                                                      DataType type) {
  if (path.ends_with(".npy")) {
    LANEWISE_ASSIGN_OR_RETURN(NpyWriter file, NpyWriter::create(path, columns, 0, type));
    return std::unique_ptr<EmbedWriter>(std::make_unique<NpyFile>(std::move(file), columns));
  }
  LANEWISE_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  return std::unique_ptr<EmbedWriter>(std::make_unique<JsonFile>(std::move(file)));
}

std::unique_ptr<EmbedWriter> make_json_writer(Output& out) {
  return std::make_unique<JsonOnStdout>(out);
}

std::unique_ptr<EmbedWriter> make_plain_writer(Output& out) {
  return std::make_unique<PlainOnStdout>(out);
}

}  // namespace lanewise::cli

#include "lanewise/convert.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "converters/checkpoint_writer.hpp"
#include "converters/convert_options.hpp"
#include "converters/files.hpp"
#include "converters/model_record.hpp"
#include "converters/opened_checkpoint.hpp"
#include "converters/pack/pack_graph.hpp"
#include "converters/provenance.hpp"
#include "converters/source.hpp"
#include "lanewise/inspect.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/graph/graph_data.hpp"
#include "runtime/graph/passes/passes.hpp"
#include "runtime/model_data.hpp"
#include "runtime/session_setup.hpp"
#include "runtime/tasks/chat_template_data.hpp"

namespace lanewise {
namespace converters {
namespace {

// A cache line, and an AVX-512 register: kernels read panels directly from the mapping.
constexpr size_t kAlignment = file::AlignedBuffer::kAlignment;

Status check_cancelled(const ConvertOptions& options) {
  const bool is_cancelled =
      options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed);
  return is_cancelled ? cancelled("the conversion was cancelled") : Status();
}

/// A model file records its sources with hashes, checksums of its tensors, and its checkpoint's
/// names. A model in memory needs none; hashing would take longer than the rest of opening it.
enum class Provenance { kHashes, kNone };

Result<file::Metadata> metadata_of(Opened& opened, const PackedGraph& packed,
                                   Provenance provenance) {
  file::Metadata metadata;
  const auto set = [&](std::string_view key, std::string value) {
    metadata[std::string(key)] = std::move(value);
  };
  set(internal::kFormatKey, std::to_string(internal::kFormatVersion));
  set(internal::kGraphKey, graph::to_json(packed.graph));
  set(internal::kFormatsKey, internal::formats_to_json(packed.formats));
  set(internal::kTaskKey, internal::task_to_json(opened.model.info));
  if (!opened.model.chat_template.empty()) {
    set(internal::kChatTemplateKey, opened.model.chat_template);
  }
  if (provenance == Provenance::kNone) return metadata;
  const SourceFolder& folder = opened.source.folder;
  LW_ASSIGN_OR_RETURN(std::string files, provenance_json(folder.root(), folder.used_files()));
  set(internal::kProvenanceKey, std::move(files));
  return metadata;
}

/// `text` must outlive `packed`.
void add_text(PackedGraph& packed, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  const auto bytes = std::as_bytes(std::span(text));
  packed.tensors.push_back({std::string(name),
                            DataType::kU8,
                            {static_cast<int64_t>(text.size())},
                            [bytes]() -> Result<file::OwnedBytes> {
                              return file::OwnedBytes{bytes, nullptr};
                            }});
}

/// Writes an opened checkpoint to model files, possibly several times: measuring the effect of
/// quantisation takes the model both in f32 and quantised.
class ModelWriter {
 public:
  static Result<ModelWriter> create(Opened opened) {
    opened.model.graph = optimized(opened);
    LW_ASSIGN_OR_RETURN(std::string tokenizer, tokenizer_json(opened));
    LW_ASSIGN_OR_RETURN(opened.model.chat_template, chat_template_json(opened));
    return ModelWriter(std::move(opened), std::move(tokenizer));
  }

  Status write(file::Sink& sink, const PackedTypes& types, Provenance provenance) {
    LW_ASSIGN_OR_RETURN(
        PackedGraph packed,
        pack_graph(opened_.model.graph, *opened_.source.checkpoint, opened_.model.parts, types));
    add_text(packed, internal::kTokenizerTensor, tokenizer_);
    add_text(packed, internal::kTargetTokenizerTensor, opened_.model.target_tokenizer);
    LW_ASSIGN_OR_RETURN(file::Metadata metadata, metadata_of(opened_, packed, provenance));
    const bool is_file = provenance == Provenance::kHashes;
    if (is_file) {
      LW_ASSIGN_OR_RETURN(std::string record, record_of(opened_.source, opened_.model, packed));
      if (!record.empty()) metadata[std::string(kRecordKey)] = std::move(record);
    }
    if (!quantization_.empty()) metadata[std::string(internal::kQuantizationKey)] = quantization_;
    return file::write_deferred(sink, metadata, packed.tensors, kAlignment,
                                is_file ? std::string(internal::kChecksumsTensor) : "");
  }

  Result<Model> load(const PackedTypes& types, const std::string& label) {
    file::AlignedBuffer buffer;
    file::MemorySink sink(buffer);
    LW_RETURN_IF_ERROR(write(sink, types, Provenance::kNone));
    LW_ASSIGN_OR_RETURN(auto data, internal::ModelData::create(std::move(buffer), label));
    return Model(std::move(data));
  }

  /// The types of weights by `options`; for quantised ones, after measuring their effect on the
  /// model.
  Result<PackedTypes> choose_types(const ConvertOptions& options, const std::string& label) {
    LW_ASSIGN_OR_RETURN(const WeightFormat format, weights_for(options, opened_.model.info.task));
    if (!ops::is_packed_from_integers(format)) {
      return PackedTypes{
          .format = format, .only_finite = format != WeightFormat::f32, .keep = opened_.keep};
    }
    LW_ASSIGN_OR_RETURN(const Model f32, load({.only_finite = true}, label));
    // Most of the time is spent on weights, one after another.
    const auto pack = [&](const WeightRounding& rounding) {
      const auto until_cancelled = [&](const std::string& name, std::span<const float> w, int64_t n,
                                       int64_t k) {
        const Status status = check_cancelled(options);
        return status.ok() ? rounding(name, w, n, k) : status;
      };
      return load({.format = format, .rounding = until_cancelled}, label);
    };
    LW_ASSIGN_OR_RETURN(ChosenRounding chosen, choose_rounding(f32,
                                                               {.format = format,
                                                                .texts = options.calibrate,
                                                                .max_error = options.max_error,
                                                                .threads = options.threads},
                                                               opened_.report, pack));
    quantization_ = to_json(chosen.record);
    return PackedTypes{.format = format, .rounding = std::move(chosen.rounding)};
  }

  /// Includes all files that were read so far, which are all there are.
  const Source& source() const { return opened_.source; }

 private:
  ModelWriter(Opened opened, std::string tokenizer)
      : opened_(std::move(opened)), tokenizer_(std::move(tokenizer)) {}

  Opened opened_;
  std::string tokenizer_;
  std::string quantization_;  // JSON, or empty
};

/// Overwriting a file that is being read could destroy the only copy of the weights.
Status check_destination(const Source& source, const std::string& destination) {
  for (const std::string& path : source.folder.used_files()) {
    if (same_file(path, destination)) {
      return invalid_argument("cannot write " + base::in_quotes(destination) +
                              ": it is part of the checkpoint");
    }
  }
  return {};
}

Status convert_file(const std::string& path, const std::string& destination,
                    const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open_checkpoint(path, options));
  LW_ASSIGN_OR_RETURN(ModelWriter writer, ModelWriter::create(std::move(opened)));
  LW_RETURN_IF_ERROR(check_destination(writer.source(), destination));
  if (!options.calibrate.empty() && same_file(options.calibrate, destination)) {
    return invalid_argument("cannot write " + base::in_quotes(destination) +
                            ": it contains the calibration texts");
  }
  LW_ASSIGN_OR_RETURN(const PackedTypes types, writer.choose_types(options, path));
  LW_ASSIGN_OR_RETURN(file::AtomicFile file, file::AtomicFile::create(destination));
  LW_RETURN_IF_ERROR(writer.write(file, types, Provenance::kHashes));
  LW_RETURN_IF_ERROR(check_cancelled(options));
  return file.commit();
}

/// Opens the tokenizer, which is not written itself, to check the files of the folder.
Status export_to_folder(const std::string& path, const std::string& folder,
                        const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
  if (is_model) {
    LW_ASSIGN_OR_RETURN(const Model model, Model::open(path, options.open));
    const Status written = write_recorded(model, folder);
    return written.ok() ? written : written.with_context(base::in_quotes(path));
  }
  LW_ASSIGN_OR_RETURN(Opened opened, open_checkpoint(path, options));
  LW_RETURN_IF_ERROR(tokenizer_json(opened).status());
  return write_checkpoint(opened.source, opened.model, folder);
}

Result<Model> load_checkpoint(const std::string& path, const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open_checkpoint(path, options));
  LW_ASSIGN_OR_RETURN(ModelWriter writer, ModelWriter::create(std::move(opened)));
  LW_ASSIGN_OR_RETURN(const PackedTypes types, writer.choose_types(options, path));
  return writer.load(types, path);
}

}  // namespace

}  // namespace converters

Status convert(const std::string& source, const std::string& destination,
               const ConvertOptions& options) {
  return base::no_throw(
      [&]() -> Status { return converters::convert_file(source, destination, options); });
}

Result<Model> load(const std::string& path, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<Model> {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) return Model::open(path, options.open);
    return converters::load_checkpoint(path, options);
  });
}

Status export_checkpoint(const std::string& source, const std::string& folder,
                         const ConvertOptions& options) {
  return base::no_throw(
      [&]() -> Status { return converters::export_to_folder(source, folder, options); });
}

Result<Tokenizer> load_tokenizer(const std::string& path, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<Tokenizer> {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      LW_ASSIGN_OR_RETURN(const Model model, Model::open(path, options.open));
      return Tokenizer::of(model);
    }
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open_checkpoint(path, options));
    LW_ASSIGN_OR_RETURN(const std::string json, converters::tokenizer_json(opened));
    if (json.empty()) return not_found(base::in_quotes(path) + " has no tokenizer");
    return Tokenizer::from_json(json);
  });
}

Result<ChatTemplate> load_chat_template(const std::string& path, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<ChatTemplate> {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      LW_ASSIGN_OR_RETURN(const Model model, Model::open(path, options.open));
      return ChatTemplate::of(model);
    }
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open_checkpoint(path, options));
    LW_ASSIGN_OR_RETURN(const std::string json, converters::chat_template_json(opened));
    return internal::ChatTemplateData::open(json);
  });
}

}  // namespace lanewise

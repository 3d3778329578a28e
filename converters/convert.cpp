#include "lanewise/convert.hpp"

#include <algorithm>
#include <utility>

#include "converters/check_tensors.hpp"
#include "converters/files.hpp"
#include "converters/pack/pack_graph.hpp"
#include "converters/provenance.hpp"
#include "converters/source.hpp"
#include "converters/textbook_graph.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/atomic_file.hpp"
#include "runtime/file/messages.hpp"
#include "runtime/graph/passes/passes.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {
namespace converters {
namespace {

// A cache line, and a vector register of AVX-512: kernels read panels where they are mapped.
constexpr size_t kAlignment = file::AlignedBuffer::kAlignment;

Status check_weights_option(const std::string& weights) {
  if (weights == "f32") return {};
  return unsupported("weights of type " + file::in_quotes(weights) +
                     " are not supported; known: f32");
}

/// A checkpoint and what its family made of it.
struct Opened {
  Source source;
  FamilyModel model;
  Report report;
};

Result<Opened> open(const std::string& path, const ConvertOptions& options) {
  LW_RETURN_IF_ERROR(check_weights_option(options.weights));
  LW_ASSIGN_OR_RETURN(Source source, open_source(path, options.config));
  Report report = options.report ? options.report : [](std::string_view) {};
  LW_ASSIGN_OR_RETURN(FamilyModel model,
                      source.family->build({.config = source.config,
                                            .checkpoint = *source.checkpoint,
                                            .folder = source.folder,
                                            .subfolder = source.subfolder,
                                            .report = report,
                                            .config_folder = source.config_folder}));
  const Status checked = check_tensors(model, *source.checkpoint);
  if (!checked.ok()) return checked.with_context(file::in_quotes(path));
  LW_RETURN_IF_ERROR(graph::validate(model.graph));
  report_unused(model, *source.checkpoint, report);
  return Opened{std::move(source), std::move(model), std::move(report)};
}

/// Remembers the files that load_tokenizer() will read; false when there are none.
bool find_tokenizer(Source& source) {
  const auto use = [&](const char* name) {
    const std::string in_folder = join(source.subfolder, name);
    if (!source.folder.has(in_folder)) return false;
    source.folder.used(source.folder.path(in_folder));
    return true;
  };
  if (use("tokenizer.json")) return true;
  if (!use("vocab.txt")) {
    const bool byte_pairs = source.folder.has(join(source.subfolder, "vocab.json")) &&
                            source.folder.has(join(source.subfolder, "merges.txt"));
    if (!byte_pairs) return false;
    use("vocab.json");
    use("merges.txt");
  }
  use("tokenizer_config.json");
  return true;
}

/// The tokenizer as JSON; empty when the checkpoint has none.
Result<std::string> tokenizer_json(Opened& opened) {
  if (!opened.model.tokenizer.empty()) return opened.model.tokenizer;
  if (!find_tokenizer(opened.source)) {
    opened.report("no tokenizer.json or vocab.txt: the model takes token ids, not texts");
    return std::string();
  }
  const SourceFolder& folder = opened.source.folder;
  LW_ASSIGN_OR_RETURN(const auto tokenizer,
                      text::load_tokenizer(folder.path(opened.source.subfolder)));
  if (tokenizer->vocabulary_size() > opened.model.info.vocabulary_size) {
    opened.report("the tokenizer knows " + std::to_string(tokenizer->vocabulary_size()) +
                  " tokens, the model only " + std::to_string(opened.model.info.vocabulary_size));
  }
  return tokenizer->to_json();
}

/// Who keeps a model file wants to know what it came from, hashes and all. A model in memory came
/// from what is there, and hashing that would take longer than all else in opening it.
enum class Provenance { kHashes, kNone };

Result<file::Metadata> metadata_of(Opened& opened, const graph::Graph& graph,
                                   Provenance provenance) {
  file::Metadata metadata;
  const auto set = [&](std::string_view key, std::string value) {
    metadata[std::string(key)] = std::move(value);
  };
  set(internal::kFormatKey, std::to_string(internal::kFormatVersion));
  set(internal::kGraphKey, graph::to_json(graph));
  set(internal::kTaskKey, internal::task_to_json(opened.model.info));
  if (provenance == Provenance::kNone) return metadata;
  const SourceFolder& folder = opened.source.folder;
  LW_ASSIGN_OR_RETURN(std::string files, provenance_json(folder.root(), folder.used_files()));
  set(internal::kProvenanceKey, std::move(files));
  return metadata;
}

void add_text(PackedGraph& packed, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  const auto bytes = static_cast<int64_t>(text.size());
  packed.tensors.push_back({std::string(name), {DataType::kU8, text.data(), {bytes}}});
}

/// Writes the model file of an opened checkpoint.
Status write_model(Opened opened, file::Sink& sink, Provenance provenance) {
  LW_ASSIGN_OR_RETURN(PackedGraph packed,
                      pack_graph(graph::optimize(std::move(opened.model.graph)),
                                 *opened.source.checkpoint, opened.model.parts));
  LW_ASSIGN_OR_RETURN(const std::string tokenizer, tokenizer_json(opened));
  add_text(packed, internal::kTokenizerTensor, tokenizer);
  add_text(packed, internal::kTargetTokenizerTensor, opened.model.target_tokenizer);
  LW_ASSIGN_OR_RETURN(const file::Metadata metadata, metadata_of(opened, packed.graph, provenance));
  return file::write_safetensors(sink, metadata, packed.tensors, kAlignment);
}

/// Replacing a file that is being read would destroy the only copy of somebody's weights.
Status check_destination(const Source& source, const std::string& destination) {
  for (const std::string& path : source.folder.used_files()) {
    if (same_file(path, destination)) {
      return invalid_argument("cannot write " + file::in_quotes(destination) +
                              ": it is a part of the checkpoint");
    }
  }
  return {};
}

Status convert_file(const std::string& path, const std::string& destination,
                    const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
  LW_RETURN_IF_ERROR(check_destination(opened.source, destination));
  LW_ASSIGN_OR_RETURN(file::AtomicFile file, file::AtomicFile::create(destination));
  LW_RETURN_IF_ERROR(write_model(std::move(opened), file, Provenance::kHashes));
  return file.commit();
}

Result<Model> load_checkpoint(const std::string& path, const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
  file::AlignedBuffer buffer;
  file::MemorySink sink(buffer);
  LW_RETURN_IF_ERROR(write_model(std::move(opened), sink, Provenance::kNone));
  LW_ASSIGN_OR_RETURN(auto data, internal::ModelData::create(std::move(buffer), path));
  return Model(std::move(data));
}

}  // namespace

Result<graph::Graph> textbook_graph(const std::string& source, const ConvertOptions& options) {
  return file::no_throw([&]() -> Result<graph::Graph> {
    LW_ASSIGN_OR_RETURN(Opened opened, open(source, options));
    return std::move(opened.model.graph);
  });
}

}  // namespace converters

Status convert(const std::string& source, const std::string& destination,
               const ConvertOptions& options) {
  return file::no_throw(
      [&]() -> Status { return converters::convert_file(source, destination, options); });
}

Result<Model> load(const std::string& path, const ConvertOptions& options) {
  return file::no_throw([&]() -> Result<Model> {
    if (converters::is_model_file(path)) return Model::open(path);
    return converters::load_checkpoint(path, options);
  });
}

Result<std::string> describe_textbook_graph(const std::string& source,
                                            const ConvertOptions& options) {
  return file::no_throw([&]() -> Result<std::string> {
    LW_ASSIGN_OR_RETURN(const graph::Graph graph, converters::textbook_graph(source, options));
    return graph::to_text(graph);
  });
}

}  // namespace lanewise

#include "lanewise/convert.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "converters/check_tensors.hpp"
#include "converters/checkpoint_writer.hpp"
#include "converters/files.hpp"
#include "converters/generation_config.hpp"
#include "converters/model_record.hpp"
#include "converters/pack/kept_weights.hpp"
#include "converters/pack/pack_graph.hpp"
#include "converters/pack/plan.hpp"
#include "converters/provenance.hpp"
#include "converters/source.hpp"
#include "converters/tokenizers/folder_chat_templates.hpp"
#include "converters/tokenizers/folder_tokenizer.hpp"
#include "converters/tokenizers/json_file.hpp"
#include "converters/tokenizers/lowercase_first.hpp"
#include "converters/unread_tensors.hpp"
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

template <typename Words>
std::string joined(const Words& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

/// The group sizes that formats of that choice have; a single 0 or 1 if there are no groups.
std::vector<int64_t> groups_of(std::string_view choice) {
  std::vector<int64_t> groups;
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    const bool is_one = !choice.empty() && info.choice == choice;
    if (is_one && ops::has_panels(info.format)) groups.push_back(info.block);
  }
  return groups;
}

constexpr std::string_view kKeep = "keep";

/// The name of weights that are stored in f32 unless the checkpoint's own are kept.
std::string_view f32_or_kept(const ConvertOptions& options) {
  return options.weights == kKeep ? kKeep : "f32";
}

/// The format that `weights` and `group` select; if they do not say, or to keep weights, f32.
Result<WeightFormat> parse_weights(const ConvertOptions& options) {
  if (options.weights.empty() || options.weights == kKeep) {
    if (options.group == ConvertOptions().group) return WeightFormat::f32;
    return invalid_argument("groups apply to int4 weights, not " +
                            std::string(f32_or_kept(options)));
  }
  const std::vector<int64_t> groups = groups_of(options.weights);
  if (groups.empty()) {
    return unsupported("weights of type " + base::in_quotes(options.weights) +
                       " are not supported; known: " + joined(weight_choices()));
  }
  if (groups.size() == 1) {
    const bool is_default = options.group == ConvertOptions().group;
    if (is_default) return *ops::find_weight_choice(options.weights, groups.front());
    return invalid_argument("groups apply to int4 weights, not " + options.weights);
  }
  const std::optional<WeightFormat> format =
      ops::find_weight_choice(options.weights, options.group);
  if (format) return *format;
  std::vector<std::string> known;
  known.reserve(groups.size());
  for (const int64_t group : groups) known.push_back(std::to_string(group));
  return invalid_argument("a group of " + std::to_string(options.group) +
                          " inputs is not supported; known: " + joined(known));
}

Status check_options(const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(const WeightFormat format, parse_weights(options));
  const bool has_integers = ops::is_packed_from_integers(format);
  const std::string weights(options.weights.empty() ? f32_or_kept(options) : options.weights);
  if (!options.as.empty() && options.as != "encoder") {
    return invalid_argument("as " + base::in_quotes(options.as) +
                            " is not supported; known: encoder");
  }
  if (!has_integers && !options.calibrate.empty()) {
    return invalid_argument("calibration applies to int8 and int4 weights, not " + weights);
  }
  if (!has_integers && options.max_error) {
    return invalid_argument("the error limit applies to int8 and int4 weights, not " + weights);
  }
  if (options.max_error && !(*options.max_error > 0.0)) {
    return invalid_argument("the error limit must be above 0");
  }
  return check_session_options({.threads = options.threads}).status();
}

Status check_cancelled(const ConvertOptions& options) {
  const bool is_cancelled =
      options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed);
  return is_cancelled ? cancelled("the conversion was cancelled") : Status();
}

/// A checkpoint and the model that its family built.
struct Opened {
  Source source;
  FamilyModel model;
  Report report;
  bool keep;  ///< whether weights are kept as they are stored
};

Result<Opened> open(const std::string& path, const ConvertOptions& options) {
  LW_RETURN_IF_ERROR(check_options(options));
  LW_ASSIGN_OR_RETURN(Source source, open_source(path, {.config = options.config,
                                                        .base = options.base,
                                                        .read = {options.ema, options.limits}}));
  if (!options.as.empty() && !source.family->has_encoder_form) {
    return unsupported("as " + base::in_quotes(options.as) + ": not supported for " +
                       std::string(source.family->name));
  }
  Report report = options.report ? options.report : [](std::string_view) {};
  for (const std::string& note : source.checkpoint->notes()) report(note);
  for (const std::string& warning : source.warnings) {
    (options.warn ? options.warn : report)(warning);
  }
  Result<FamilyModel> built = source.family->build({.config = source.config,
                                                    .checkpoint = *source.checkpoint,
                                                    .folder = source.folder,
                                                    .subfolder = source.subfolder,
                                                    .report = report,
                                                    .config_folder = source.config_folder,
                                                    .family = source.family,
                                                    .encoder_alone = !options.as.empty()});
  const std::vector<std::string> misses = source.config.near_misses(is_generation_field);
  if (!built.ok() && !misses.empty()) {
    return Status(built.status().code(), built.status().message() + "; " + misses.front());
  }
  LW_ASSIGN_OR_RETURN(FamilyModel model, std::move(built));
  for (const std::string& miss : misses) report(miss);
  const Status checked = check_tensors(model, *source.checkpoint);
  if (!checked.ok()) return checked.with_context(base::in_quotes(path));
  LW_RETURN_IF_ERROR(graph::validate(model.graph));
  if (model.strict) {
    const Status read = check_unread(model, *source.checkpoint, source.config, report);
    if (!read.ok()) return read.with_context(base::in_quotes(path));
  }
  report_unused(model, *source.checkpoint, report);
  const bool keep = options.weights == kKeep || (options.weights.empty() && source.keeps_weights);
  return Opened{std::move(source), std::move(model), std::move(report), keep};
}

void report_surplus(const text::Tokenizer& tokenizer, int64_t vocabulary, const char* name,
                    const Report& report) {
  if (tokenizer.vocabulary_size() <= vocabulary) return;
  report(std::string("the ") + name + " knows " + std::to_string(tokenizer.vocabulary_size()) +
         " tokens, the model only " + std::to_string(vocabulary));
}

/// The tokenizer's JSON for a model file. Opens it to check it: its files may contradict each
/// other, which should not first show up in the model file.
Result<std::string> checked_json(const std::string& made, int64_t vocabulary, const char* name,
                                 const Opened& opened) {
  if (made.empty()) return made;
  const auto tokenizer = text::parse_tokenizer(made);
  if (!tokenizer.ok()) {
    return tokenizer.status().with_context(base::in_quotes(opened.source.folder.root()) + ": " +
                                           name);
  }
  report_surplus(**tokenizer, vocabulary, name, opened.report);
  return (*tokenizer)->to_json();
}

/// The tokenizer as JSON; empty when the checkpoint has none.
Result<std::string> tokenizer_json(Opened& opened) {
  FamilyModel& model = opened.model;
  Source& source = opened.source;
  if (model.tokenizer.empty()) {
    LW_ASSIGN_OR_RETURN(model.tokenizer,
                        folder_tokenizer_text(source.folder, source.subfolder, source.config));
  }
  LW_ASSIGN_OR_RETURN(model.tokenizer, checked_json(model.tokenizer, model.info.vocabulary_size,
                                                    "tokenizer", opened));
  LW_ASSIGN_OR_RETURN(model.target_tokenizer,
                      checked_json(model.target_tokenizer, model.info.target_vocabulary_size,
                                   "target tokenizer", opened));
  if (model.tokenizer.empty()) {
    opened.report(
        "no tokenizer.json, vocab.txt, vocab.json with merges.txt or SentencePiece model: the "
        "model takes token ids, not texts");
    return std::string();
  }
  return model.lowercase_texts ? lowercase_first(model.tokenizer)
                               : Result<std::string>(model.tokenizer);
}

/// The chat templates as JSON; empty when the checkpoint has none.
Result<std::string> chat_template_json(Opened& opened) {
  if (!opened.model.chat_template.empty()) return opened.model.chat_template;
  Source& source = opened.source;
  LW_ASSIGN_OR_RETURN(
      const chat::StoredTemplates stored,
      folder_chat_templates(source.folder, source.subfolder, source.config, opened.report));
  return chat::to_json(stored);
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

/// The graph after its passes.
graph::Graph optimized(const Opened& opened) {
  const auto may_stack = [&](const std::vector<std::string>& weights) {
    return keep_alike(*opened.source.checkpoint, opened.model.parts, weights);
  };
  return graph::optimize(graph::Graph(opened.model.graph),
                         opened.keep ? graph::MayStack(may_stack) : graph::MayStack());
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
    LW_ASSIGN_OR_RETURN(const WeightFormat format, parse_weights(options));
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
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
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
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
  LW_RETURN_IF_ERROR(tokenizer_json(opened).status());
  return write_checkpoint(opened.source, opened.model, folder);
}

/// `BPE, 49152 tokens`; empty if there is none.
Result<std::string> describe_tokenizer(Opened& opened) {
  LW_ASSIGN_OR_RETURN(const std::string json, tokenizer_json(opened));
  if (json.empty()) return json;
  LW_ASSIGN_OR_RETURN(const base::JsonDocument document, parse_file(json, "tokenizer"));
  LW_ASSIGN_OR_RETURN(const auto tokenizer, text::parse_tokenizer(json));
  const base::JsonValue* model = document.root().find("model");
  const base::JsonValue* type = model == nullptr ? nullptr : model->find("type");
  std::string text = opened.source.tokenizer_name;
  if (!text.empty()) text += ": ";
  if (type != nullptr && type->is_string()) text.append(type->string()).append(", ");
  return text + std::to_string(tokenizer->vocabulary_size()) + " tokens";
}

std::vector<OutputInfo> outputs_of(const graph::Graph& graph) {
  std::vector<OutputInfo> outputs;
  for (const auto& [name, id] : graph.outputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    outputs.push_back({name, value.rows != graph::RowSymbol::kSequences, value.features});
  }
  return outputs;
}

/// The texts that a model file stores beside its weights.
size_t text_bytes(const Opened& opened) {
  return opened.model.tokenizer.size() + opened.model.target_tokenizer.size() +
         opened.model.chat_template.size();
}

/// StoredTensorInfo::becomes
std::string becomes(const CheckpointTensor& tensor, const FamilyModel& model,
                    const PackPlan& plan) {
  const auto use = plan.uses.find(tensor.name);
  if (use != plan.uses.end()) return use->second;
  if (tensor.is_constant) return "ignored: constant of the program";
  const bool is_leftover = std::ranges::find(model.leftovers, tensor.name) != model.leftovers.end();
  return is_leftover ? "ignored: not a weight" : "ignored: unused by the model";
}

Result<CheckpointContents> describe(const std::string& path, const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
  const Checkpoint& checkpoint = *opened.source.checkpoint;
  CheckpointContents contents;
  contents.architecture = opened.source.architecture;
  contents.family = opened.model.info.family;
  contents.task = opened.model.info.task;
  LW_ASSIGN_OR_RETURN(contents.tokenizer, describe_tokenizer(opened));
  LW_ASSIGN_OR_RETURN(contents.classes, opened.source.config.texts("architectures"));
  contents.outputs = outputs_of(opened.model.graph);
  LW_ASSIGN_OR_RETURN(const WeightFormat format, parse_weights(options));
  const graph::Graph graph = optimized(opened);
  const PackPlan plan = plan_packing(graph, checkpoint, opened.model.parts, format, opened.keep);
  // What the header says about a tensor: its place, format, checksum and source.
  constexpr size_t kHeaderBytes = 500;
  contents.model_bytes =
      plan.bytes + static_cast<int64_t>(text_bytes(opened) + graph::to_json(graph).size() +
                                        kHeaderBytes * opened.model.tensors.size());
  contents.files.assign(checkpoint.files().begin(), checkpoint.files().end());
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    const bool computed = !tensor.computed_from.empty();
    contents.tensors.push_back({checkpoint.name_in_file(tensor.name), tensor.name,
                                computed ? tensor.computed_from : std::string(type_name(tensor)),
                                tensor.shape, becomes(tensor, opened.model, plan)});
  }
  return contents;
}

Result<Model> load_checkpoint(const std::string& path, const ConvertOptions& options) {
  LW_ASSIGN_OR_RETURN(Opened opened, open(path, options));
  LW_ASSIGN_OR_RETURN(ModelWriter writer, ModelWriter::create(std::move(opened)));
  LW_ASSIGN_OR_RETURN(const PackedTypes types, writer.choose_types(options, path));
  return writer.load(types, path);
}

}  // namespace

}  // namespace converters

namespace {

struct WeightChoices {
  static constexpr size_t kMost = 1
#define LW_WEIGHT_FORMAT(...) +1  // NOLINT(bugprone-macro-parentheses)
#define LW_TABLE_FORMAT(...)
#include "ops/weights/weights.def"
#undef LW_WEIGHT_FORMAT
#undef LW_TABLE_FORMAT
      ;
  std::array<std::string_view, kMost> names{};
  size_t count = 0;
};

WeightChoices list_weight_choices() noexcept {
  WeightChoices list;
  list.names[list.count++] = "keep";
  for (const ops::WeightFormatInfo& info : ops::weight_formats()) {
    const bool is_new = list.count == 0 || list.names[list.count - 1] != info.choice;
    const bool is_choice = ops::has_panels(info.format) && !info.choice.empty();
    if (is_choice && is_new) list.names[list.count++] = info.choice;
  }
  return list;
}

}  // namespace

std::span<const std::string_view> weight_choices() noexcept {
  static const WeightChoices kChoices = list_weight_choices();
  return std::span(kChoices.names).first(kChoices.count);
}

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
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open(path, options));
    LW_ASSIGN_OR_RETURN(const std::string json, converters::tokenizer_json(opened));
    if (json.empty()) return not_found(base::in_quotes(path) + " has no tokenizer");
    return Tokenizer::from_json(json);
  });
}

Result<CheckpointContents> describe_checkpoint(const std::string& source,
                                               const ConvertOptions& options) {
  return base::no_throw(
      [&]() -> Result<CheckpointContents> { return converters::describe(source, options); });
}

Result<ChatTemplate> load_chat_template(const std::string& path, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<ChatTemplate> {
    LW_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
    if (is_model) {
      LW_ASSIGN_OR_RETURN(const Model model, Model::open(path, options.open));
      return ChatTemplate::of(model);
    }
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open(path, options));
    LW_ASSIGN_OR_RETURN(const std::string json, converters::chat_template_json(opened));
    return internal::ChatTemplateData::open(json);
  });
}

Result<ModelGraph> textbook_graph(const std::string& source, const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<ModelGraph> {
    LW_ASSIGN_OR_RETURN(converters::Opened opened, converters::open(source, options));
    return ModelGraph(std::make_shared<const internal::GraphData>(std::move(opened.model.graph)));
  });
}

Result<std::string> describe_textbook_graph(const std::string& source,
                                            const ConvertOptions& options) {
  return base::no_throw([&]() -> Result<std::string> {
    LW_ASSIGN_OR_RETURN(const ModelGraph graph, textbook_graph(source, options));
    return graph.to_text();
  });
}

}  // namespace lanewise

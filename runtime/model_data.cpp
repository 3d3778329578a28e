#include "runtime/model_data.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "runtime/generate/options_json.hpp"
#include "runtime/model_checks.hpp"
#include "runtime/model_head.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::internal {
namespace {

using Json = base::JsonTree;

constexpr size_t kMaxTaskBytes = 1 << 20;

/// Null where the file has no metadata of that name.
const std::string* find_metadata(const file::SafetensorsView& file, std::string_view key) {
  const auto it = file.metadata().find(key);
  return it == file.metadata().end() ? nullptr : &it->second;
}

Result<std::string_view> get_metadata(const file::SafetensorsView& file, std::string_view key) {
  const std::string* text = find_metadata(file, key);
  if (text == nullptr) return data_loss("no '" + std::string(key) + "' in the metadata");
  return std::string_view(*text);
}

Result<int> parse_version(std::string_view text) {
  int version = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, version);
  const bool newer = error == std::errc::result_out_of_range;
  if ((error != std::errc() && !newer) || rest != end || version < 0) {
    return data_loss("format " + base::in_quotes(text) + " is not a number");
  }
  if (!newer && version >= 1 && version <= kFormatVersion) return version;
  return unsupported("format " + base::in_quotes(text) + ", this version reads 1 to " +
                     std::to_string(kFormatVersion));
}

Status check_limits(const ModelInfo& info) {
  if (info.vocabulary_size < 1) return data_loss("vocabulary_size must not be 0");
  if (info.max_tokens < 1) return data_loss("max_tokens must not be 0");
  if (info.max_text_tokens < 1 || info.max_text_tokens > info.max_tokens) {
    return data_loss("max_text_tokens " + std::to_string(info.max_text_tokens) +
                     " is not between 1 and max_tokens " + std::to_string(info.max_tokens));
  }
  return {};
}

// In the order of the enumerators.
constexpr std::array kSimilarities =
    std::to_array<std::string_view>({"cosine", "dot", "euclidean", "manhattan"});

/// Of files that say nothing else: sparse embeddings of logits are multiplied.
Similarity usual_similarity(const ModelInfo& info) {
  return info.head.sparse_logarithms > 0 ? Similarity::kDot : Similarity::kCosine;
}

Status parse_similarity(const base::JsonFields& fields, ModelInfo& info) {
  info.similarity = usual_similarity(info);
  if (fields.find("similarity") == nullptr) return {};
  LW_ASSIGN_OR_RETURN(const size_t index, fields.choice("similarity", kSimilarities));
  info.similarity = static_cast<Similarity>(index);
  return {};
}

Status parse_prompts(const base::JsonFields& fields, ModelInfo& info) {
  LW_ASSIGN_OR_RETURN(info.default_prompt, fields.string_or("default_prompt", ""));
  LW_ASSIGN_OR_RETURN(info.pools_prompt, fields.boolean_or("pools_prompt", true));
  if (fields.find("prompts") == nullptr) return {};
  LW_ASSIGN_OR_RETURN(const std::vector<base::JsonFields> prompts, fields.objects("prompts"));
  for (const base::JsonFields& prompt : prompts) {
    Prompt& added = info.prompts.emplace_back();
    LW_ASSIGN_OR_RETURN(added.name, prompt.string("name"));
    LW_ASSIGN_OR_RETURN(added.text, prompt.string("text"));
  }
  return {};
}

void add_prompts(const ModelInfo& info, Json& json) {
  Json prompts = Json::array();
  for (const Prompt& prompt : info.prompts) {
    prompts.push_back(Json::object({{"name", prompt.name}, {"text", prompt.text}}));
  }
  if (!info.prompts.empty()) json.set("prompts", std::move(prompts));
  if (!info.default_prompt.empty()) json.set("default_prompt", info.default_prompt);
  if (!info.pools_prompt) json.set("pools_prompt", false);
}

Result<ModelInfo> parse_task(std::string_view text) {
  LW_ASSIGN_OR_RETURN(const base::JsonDocument json, base::parse_json(text, kMaxTaskBytes));
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, base::JsonFields::of(json.root(), ""));
  ModelInfo info;
  LW_ASSIGN_OR_RETURN(info.family, fields.string("family"));
  LW_ASSIGN_OR_RETURN(info.task, fields.string("task"));
  LW_ASSIGN_OR_RETURN(info.vocabulary_size, fields.count("vocabulary_size"));
  LW_ASSIGN_OR_RETURN(info.token_types, fields.count("token_types"));
  LW_ASSIGN_OR_RETURN(info.max_tokens, fields.count("max_tokens"));
  LW_ASSIGN_OR_RETURN(info.max_text_tokens, fields.count("max_text_tokens"));
  LW_ASSIGN_OR_RETURN(info.max_text_characters,
                      fields.integer_or("max_text_characters", 0, 1, INT64_MAX));
  LW_ASSIGN_OR_RETURN(const int64_t left_out, fields.integer_or("left_out_id", -1, 0, INT32_MAX));
  info.left_out_id = static_cast<int32_t>(left_out);
  LW_ASSIGN_OR_RETURN(info.target_vocabulary_size, fields.count_or("target_vocabulary_size", 0));
  LW_ASSIGN_OR_RETURN(info.max_target_tokens, fields.count_or("max_target_tokens", 0));
  if (fields.find("generation") != nullptr) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields generation, fields.object("generation"));
    LW_ASSIGN_OR_RETURN(info.generation,
                        generate::options_from_json(generation, info.generated_vocabulary_size()));
  }
  LW_RETURN_IF_ERROR(parse_prompts(fields, info));
  if (fields.find("head") != nullptr) {
    LW_ASSIGN_OR_RETURN(const base::JsonFields head, fields.object("head"));
    LW_ASSIGN_OR_RETURN(info.head, parse_head(head, info));
  }
  LW_RETURN_IF_ERROR(parse_similarity(fields, info));
  LW_RETURN_IF_ERROR(check_limits(info));
  return info;
}

/// Labels name the features of the logits.
Status check_labels(const ModelInfo& info) {
  const size_t labels = info.head.labels.size();
  if (labels == 0) return {};
  for (const OutputInfo& output : info.outputs) {
    if (output.name != tasks::kLogits || static_cast<size_t>(output.features) == labels) continue;
    return data_loss(std::to_string(labels) + " labels for logits of " +
                     std::to_string(output.features) + " features");
  }
  return {};
}

std::vector<OutputInfo> outputs_of(const graph::Graph& graph) {
  std::vector<OutputInfo> outputs;
  for (const auto& [name, id] : graph.outputs) {
    const graph::Value& value = graph.values[static_cast<size_t>(id)];
    outputs.push_back({.name = name,
                       .per_token = value.rows != graph::RowSymbol::kSequences,
                       .features = value.features});
  }
  return outputs;
}

}  // namespace

ModelData::ModelData(Bytes bytes, file::SafetensorsView view, std::string label)
    : bytes_(std::move(bytes)), view_(std::move(view)), label_(std::move(label)) {}

Result<std::shared_ptr<const ModelData>> ModelData::create(file::MappedFile file,
                                                           const std::string& label) {
  return create(Bytes(std::move(file)), label);
}

Result<std::shared_ptr<const ModelData>> ModelData::create(file::AlignedBuffer buffer,
                                                           const std::string& label) {
  return create(Bytes(std::move(buffer)), label);
}

Result<std::shared_ptr<const ModelData>> ModelData::create(Bytes bytes, const std::string& label) {
  return base::no_throw([&]() -> Result<std::shared_ptr<const ModelData>> {
    const std::span<const std::byte> all =
        std::visit([](const auto& owner) { return std::as_const(owner).bytes(); }, bytes);
    LW_ASSIGN_OR_RETURN(file::SafetensorsView view, file::SafetensorsView::parse(all, label));
    if (find_metadata(view, kFormatKey) == nullptr) {
      return data_loss(base::in_quotes(label) + " is not a lanewise model file (no '" +
                       std::string(kFormatKey) + "'); convert it first");
    }
    // Not make_shared: the constructor is private. Moving the bytes leaves them where they are.
    std::shared_ptr<ModelData> data(new ModelData(std::move(bytes), std::move(view), label));
    const Status status = data->parse();
    if (!status.ok()) return status.with_context(base::in_quotes(label));
    return std::shared_ptr<const ModelData>(std::move(data));
  });
}

Status ModelData::parse() {
  // First, since a newer format may change what all else means.
  LW_ASSIGN_OR_RETURN(const std::string_view format, get_metadata(view_, kFormatKey));
  LW_ASSIGN_OR_RETURN(const int version, parse_version(format));
  LW_ASSIGN_OR_RETURN(const std::string_view task, get_metadata(view_, kTaskKey));
  Result<ModelInfo> info = parse_task(task);
  if (!info.ok()) return info.status().with_context(kTaskKey);
  info_ = std::move(*info);
  LW_ASSIGN_OR_RETURN(const std::string_view graph, get_metadata(view_, kGraphKey));
  LW_ASSIGN_OR_RETURN(graph_, graph::parse_graph(graph));
  info_.outputs = outputs_of(graph_);
  LW_RETURN_IF_ERROR(check_labels(info_));
  LW_RETURN_IF_ERROR(check_weights(graph_, view_));
  LW_ASSIGN_OR_RETURN(formats_, read_formats(version));
  return check_interface(graph_, view_, formats_, info_);
}

Result<WeightFormats> ModelData::read_formats(int version) const {
  if (version == 1) return infer_formats(graph_, view_);
  LW_ASSIGN_OR_RETURN(const std::string_view text, get_metadata(view_, kFormatsKey));
  Result<WeightFormats> formats = parse_formats(text);
  if (!formats.ok()) return formats.status().with_context(kFormatsKey);
  return formats;
}

std::optional<TensorView> ModelData::find_weight(std::string_view name) const {
  const file::TensorEntry* entry = view_.find(name);
  return entry == nullptr ? std::nullopt : std::optional(view_.view(*entry));
}

std::optional<ops::WeightFormat> ModelData::find_format(std::string_view name) const {
  const auto it = formats_.find(name);
  return it == formats_.end() ? std::nullopt : std::optional(it->second);
}

void ModelData::prefetch_weights() const {
  std::call_once(prefetched_, [this] { prefetch_now(); });
}

void ModelData::prefetch_now() const {
  const auto* mapping = std::get_if<file::MappedFile>(&bytes_);
  if (mapping == nullptr) return;
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  for (const graph::Node& node : graph_.nodes) {
    const ops::OperatorDescription& op = *ops::find_operator(node.op);
    for (const auto& [role, names] : node.weights) {
      if (op.use_of(role) == ops::WeightUse::kLookup) continue;
      const file::TensorEntry& entry = *view_.find(names.front());
      const auto* data = static_cast<const std::byte*>(view_.view(entry).data);
      if (begin == nullptr || data < begin) begin = data;
      end = std::max(end, data + (entry.end - entry.begin));
    }
  }
  // Only a hint: without it the first run would take the page faults.
  if (begin != nullptr) static_cast<void>(mapping->advise_will_need({begin, end}));
}

Result<const text::Tokenizer*> LazyTokenizer::open(std::string_view json,
                                                   const std::string& label) {
  return base::no_throw([&]() -> Result<const text::Tokenizer*> {
    const std::lock_guard lock(mutex_);
    if (tokenizer_ != nullptr) return tokenizer_.get();
    if (!status_.ok()) return status_;
    auto parsed = text::parse_tokenizer(json);
    if (!parsed.ok()) {
      Status status = parsed.status().with_context(label);
      if (status.code() != StatusCode::kResourceExhausted) status_ = status;
      return status;
    }
    tokenizer_ = std::move(*parsed);
    return tokenizer_.get();
  });
}

Result<const text::Tokenizer*> ModelData::open(std::string_view tensor,
                                               LazyTokenizer& tokenizer) const {
  const file::TensorEntry* entry = view_.find(tensor);
  if (entry == nullptr) return static_cast<const text::Tokenizer*>(nullptr);
  const std::string_view json(view_.view(*entry).as<char>(), entry->end - entry->begin);
  return tokenizer.open(json, base::in_quotes(label_) + ": tokenizer");
}

Result<const text::Tokenizer*> ModelData::open_tokenizer() const {
  return open(kTokenizerTensor, tokenizer_);
}

Result<const text::Tokenizer*> ModelData::open_target_tokenizer() const {
  if (view_.find(kTargetTokenizerTensor) == nullptr) return open_tokenizer();
  return open(kTargetTokenizerTensor, target_tokenizer_);
}

std::string_view ModelData::text_of(std::string_view key) const noexcept {
  const std::string* text = find_metadata(view_, key);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::string_view ModelData::provenance() const noexcept { return text_of(kProvenanceKey); }

std::string_view ModelData::quantization() const noexcept { return text_of(kQuantizationKey); }

std::string_view ModelData::chat_template() const noexcept { return text_of(kChatTemplateKey); }

std::string task_to_json(const ModelInfo& info) {
  Json json = Json::object({{"family", info.family},
                            {"task", info.task},
                            {"vocabulary_size", info.vocabulary_size},
                            {"token_types", info.token_types},
                            {"max_tokens", info.max_tokens},
                            {"max_text_tokens", info.max_text_tokens}});
  if (info.max_text_characters > 0) json.set("max_text_characters", info.max_text_characters);
  if (info.left_out_id >= 0) json.set("left_out_id", info.left_out_id);
  if (info.target_vocabulary_size > 0) {
    json.set("target_vocabulary_size", info.target_vocabulary_size);
    json.set("max_target_tokens", info.max_target_tokens);
  }
  Json generation = generate::to_json(info.generation);
  if (!generation.members().empty()) json.set("generation", std::move(generation));
  add_prompts(info, json);
  if (info.similarity != usual_similarity(info)) {
    json.set("similarity", kSimilarities[static_cast<size_t>(info.similarity)]);
  }
  Json head = head_to_json(info.head);
  if (!head.members().empty()) json.set("head", std::move(head));
  return json.text();
}

}  // namespace lanewise::internal

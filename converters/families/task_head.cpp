#include "converters/families/task_head.hpp"

#include <algorithm>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/head_labels.hpp"
#include "converters/families/hf_names.hpp"
#include "converters/families/sentence_task.hpp"
#include "converters/families/sentence_transformers.hpp"
#include "converters/families/special_tokens.hpp"
#include "runtime/tasks/task_names.hpp"

namespace lanewise::converters {
namespace {

using graph::Affine;
using graph::ValueId;

constexpr int64_t kSpanEnds = 2;  // The start of an answer, and its end.

std::string_view name_of(HeadTask task) {
  switch (task) {
    case HeadTask::kTextClassification:
      return tasks::kTextClassification;
    case HeadTask::kTokenClassification:
      return tasks::kTokenClassification;
    case HeadTask::kQuestionAnswering:
      return tasks::kQuestionAnswering;
    case HeadTask::kMaskedTokens:
      return tasks::kFillMask;
  }
  return {};
}

/// The bias of the last layer that the file has; if it has none, its usual name. Transformers ties
/// the last of its names to the first as it ties the weight: an untied layer reads the last one.
std::string bias_of(const HeadClass& its_class, const std::string& outside,
                    const Checkpoint& checkpoint, bool is_tied) {
  if (!its_class.has_bias) return "";
  std::vector<std::string> names = its_class.biases;
  if (names.empty()) names.push_back(its_class.output + ".bias");
  if (!is_tied) std::ranges::reverse(names);
  for (const std::string& name : names) {
    if (checkpoint.find(outside + name) != nullptr) return outside + name;
  }
  return outside + names.front();
}

bool has_tensors(const HeadClass& its_class, const std::string& outside,
                 const Checkpoint& checkpoint) {
  const std::string weight = outside + its_class.output + ".weight";
  return checkpoint.find(weight) != nullptr ||
         checkpoint.find(bias_of(its_class, outside, checkpoint, true)) != nullptr;
}

/// The class that `architectures` names, or null.
const HeadClass* find_named(const FamilyHeads& heads, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = std::ranges::find(heads.classes, name, &HeadClass::architecture);
    if (found != heads.classes.end()) return &*found;
  }
  return nullptr;
}

/// The only class whose output the checkpoint has, or null.
const HeadClass* find_by_tensors(const FamilyHeads& heads, const Checkpoint& checkpoint) {
  const HeadClass* found = nullptr;
  for (const HeadClass& candidate : heads.classes) {
    if (!has_tensors(candidate, heads.outside, checkpoint)) continue;
    // Classes may differ in name only, such as BertForMaskedLM and BertForPreTraining.
    const bool is_same = found != nullptr && found->task == candidate.task;
    if (found != nullptr && !is_same) return nullptr;
    if (found == nullptr) found = &candidate;
  }
  return found;
}

/// sentence-transformers uses the encoder of whatever class a folder has, unless its first module
/// says otherwise.
Result<const HeadClass*> find_in_sentence_folder(const FamilyInput& input, const FamilyHeads& heads,
                                                 const HeadClass* named) {
  LW_ASSIGN_OR_RETURN(const TransformerTask task, read_transformer_task(input));
  const bool is_head = task == TransformerTask::kScores || task == TransformerTask::kMaskedTokens;
  if (!is_head) return static_cast<const HeadClass*>(nullptr);
  const HeadTask wanted =
      task == TransformerTask::kScores ? HeadTask::kTextClassification : HeadTask::kMaskedTokens;
  if (named != nullptr && named->task == wanted) return named;
  std::string known;
  for (const HeadClass& candidate : heads.classes) {
    if (candidate.task != wanted) continue;
    known.append(known.empty() ? "" : ", ").append(candidate.architecture);
  }
  return unsupported(input.config.label() + ": 'architectures' of a " +
                     std::string(class_of(task)) + ": expected one of " + known);
}

/// The class of the checkpoint, or null if it is an encoder without a head.
Result<const HeadClass*> find_class(const FamilyInput& input, const FamilyHeads& heads) {
  LW_ASSIGN_OR_RETURN(const std::vector<std::string> names, input.config.texts("architectures"));
  const HeadClass* its_class = find_named(heads, names);
  if (is_sentence_folder(input.folder)) return find_in_sentence_folder(input, heads, its_class);
  if (its_class == nullptr && names.empty()) its_class = find_by_tensors(heads, input.checkpoint);
  if (its_class == nullptr) {
    LW_RETURN_IF_ERROR(check_head(input, heads.others, heads.outside));
  }
  return its_class;
}

/// The last layer's weight: its own, or the embedding to which it is tied.
Result<std::string> output_weight(const FamilyInput& input, const FamilyHeads& heads,
                                  const HeadClass& its_class) {
  std::string own = heads.outside + its_class.output + ".weight";
  if (its_class.task != HeadTask::kMaskedTokens) return own;
  LW_ASSIGN_OR_RETURN(const bool tied, input.config.boolean("tie_word_embeddings", true));
  if (!tied) return own;
  return TiedTensors(input.checkpoint, {heads.table, own}).of(own);
}

Status read_info(const FamilyInput& input, HeadTask task, HeadInfo& info) {
  if (task == HeadTask::kMaskedTokens) return {};
  LW_ASSIGN_OR_RETURN(std::vector<std::string> labels, read_labels(input.config));
  if (task == HeadTask::kQuestionAnswering) {
    if (labels.size() == kSpanEnds) return {};
    return input.config.wrong(input.config.has("num_labels") ? "num_labels" : "id2label",
                              "two, for the ends of an answer");
  }
  info.labels = std::move(labels);
  if (task == HeadTask::kTextClassification) return read_score_functions(input.config, info);
  info.scores = ScoreFunction::kSoftmax;
  return {};
}

int64_t outputs_of(HeadTask task, int64_t vocabulary, const HeadInfo& info) {
  if (task == HeadTask::kMaskedTokens) return vocabulary;
  return task == HeadTask::kQuestionAnswering ? kSpanEnds
                                              : static_cast<int64_t>(info.labels.size());
}

/// Writes the layers of one head.
class HeadWriter {
 public:
  HeadWriter(graph::Builder& builder, const TaskHead& head, const Checkpoint& checkpoint,
             std::vector<ExpectedTensor>& expected)
      : builder_(builder), head_(head), checkpoint_(checkpoint), expected_(expected) {}

  void write(const EncoderVectors& vectors) {
    ValueId x = input(vectors);
    for (const HeadLayer& layer : head_.its_class.layers) x = write(layer, x);
    const ValueId logits = output(x);
    if (head_.its_class.task != HeadTask::kQuestionAnswering) {
      builder_.output(std::string(tasks::kLogits), logits);
      if (head_.its_class.task != HeadTask::kMaskedTokens) return;
      builder_.output(std::string(tasks::kMaxLogits), builder_.pool("head.max", logits, "max"));
      return;
    }
    builder_.output(std::string(tasks::kStartLogits),
                    builder_.slice_features("head.start", logits, 0, 1));
    builder_.output(std::string(tasks::kEndLogits),
                    builder_.slice_features("head.end", logits, 1, 1));
  }

 private:
  ValueId input(const EncoderVectors& vectors) {
    switch (head_.its_class.input) {
      case HeadInput::kFirstToken:
        return builder_.slice_rows("head.first", vectors.tokens, 0);
      case HeadInput::kMeanToken:
        return builder_.pool("head.mean", vectors.tokens, "mean");
      case HeadInput::kPooler:
        return vectors.pooler;
      case HeadInput::kTokens:
        break;
    }
    return vectors.tokens;
  }

  ValueId write(const HeadLayer& layer, ValueId x) {
    const int64_t in = builder_.value(x).features;
    const int64_t features = layer.features > 0 ? layer.features : in;
    const std::string dense = head_.outside + layer.dense;
    const Affine tensors = {expect(dense + ".weight", {features, in}),
                            layer.dense_bias ? expect(dense + ".bias", {features}) : ""};
    x = builder_.linear(layer.dense, x, features, tensors);
    if (!layer.activation.empty()) {
      x = builder_.activation(layer.dense + ".activation", x, layer.activation);
    }
    return layer.norm.empty() ? x : norm(layer, x);
  }

  /// Checkpoints converted from TensorFlow call weight and bias gamma and beta.
  ValueId norm(const HeadLayer& layer, ValueId x) {
    const Shape shape = {builder_.value(x).features};
    const std::string name = head_.outside + layer.norm;
    const bool old = checkpoint_.find(name + ".weight") == nullptr &&
                     checkpoint_.find(name + ".gamma") != nullptr;
    const Affine tensors = {expect(name + (old ? ".gamma" : ".weight"), shape),
                            layer.norm_bias ? expect(name + (old ? ".beta" : ".bias"), shape) : ""};
    return builder_.layer_norm(layer.norm, x, tensors, layer.eps);
  }

  ValueId output(ValueId x) {
    const HeadClass& its_class = head_.its_class;
    const int64_t features = builder_.value(x).features;
    const int64_t out = head_.outputs;
    const Affine tensors = {expect(head_.weight, {out, features}),
                            head_.bias.empty() ? "" : expect(head_.bias, {out})};
    return builder_.linear(its_class.output, x, out, tensors);
  }

  std::string expect(std::string name, Shape shape) {
    expected_.push_back({name, std::move(shape)});
    return name;
  }

  graph::Builder& builder_;
  const TaskHead& head_;
  const Checkpoint& checkpoint_;
  std::vector<ExpectedTensor>& expected_;
};

}  // namespace

Result<std::optional<TaskHead>> read_task_head(const FamilyInput& input, const FamilyHeads& heads) {
  if (input.encoder_alone) return std::optional<TaskHead>();
  LW_ASSIGN_OR_RETURN(const HeadClass* its_class, find_class(input, heads));
  if (its_class == nullptr) return std::optional<TaskHead>();
  TaskHead head{
      .its_class = *its_class, .outside = heads.outside, .weight = {}, .bias = {}, .info = {}};
  LW_ASSIGN_OR_RETURN(head.weight, output_weight(input, heads, *its_class));
  head.bias = bias_of(*its_class, heads.outside, input.checkpoint, head.weight == heads.table);
  LW_RETURN_IF_ERROR(read_info(input, its_class->task, head.info));
  head.outputs = outputs_of(its_class->task, heads.vocabulary, head.info);
  return std::optional(std::move(head));
}

void append_task_head(graph::Builder& builder, const TaskHead& head, const EncoderVectors& vectors,
                      const Checkpoint& checkpoint, std::vector<ExpectedTensor>& expected) {
  HeadWriter(builder, head, checkpoint, expected).write(vectors);
}

Status describe_task(const FamilyInput& input, const TaskHead& head, FamilyModel& model) {
  const HeadClass& its_class = head.its_class;
  model.info.task = name_of(its_class.task);
  model.info.head = head.info;
  if (its_class.task == HeadTask::kMaskedTokens) {
    LW_ASSIGN_OR_RETURN(model.info.head.mask_token, special_token(input, "mask_token"));
    model.leftovers.push_back(head.outside + its_class.output + ".weight");
    for (const std::string& bias : its_class.biases) model.leftovers.push_back(head.outside + bias);
    model.info.head.sparse_logarithms = 1;
    model.info.similarity = Similarity::kDot;  // of sparse embeddings
  }
  if (is_sentence_folder(input.folder)) {
    LW_ASSIGN_OR_RETURN(const TransformerTask task, read_transformer_task(input));
    LW_RETURN_IF_ERROR(read_sentence_task(input, task, model.info));
  } else if (its_class.task == HeadTask::kMaskedTokens) {
    LW_RETURN_IF_ERROR(read_prompts(input, TransformerTask::kMaskedTokens, model.info));
  }
  LW_ASSIGN_OR_RETURN(const SentenceTexts texts, read_sentence_texts(input, model.info.max_tokens));
  model.info.max_text_tokens = texts.max_tokens;
  model.lowercase_texts = texts.lowercase;
  return {};
}

}  // namespace lanewise::converters

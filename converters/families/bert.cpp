// BERT: Devlin et al. 2018, arXiv:1810.04805; names and defaults as in Transformers' modeling_bert
// and configuration_bert.

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/activation_names.hpp"
#include "converters/families/encoder_end.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_names.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using graph::Affine;
using graph::ValueId;

// Limits that no BERT exceeds, small enough that a graph can be written before the shapes are
// compared with the file.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxFeatures = 1 << 20;
constexpr int64_t kMaxRows = INT32_MAX;  // Token ids are int32.

constexpr std::string_view kAnchor = "embeddings.word_embeddings.weight";

struct BertConfig {
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t intermediate = 0;
  int64_t positions = 0;
  int64_t token_types = 0;
  double eps = 0;
  std::string activation;
  std::vector<int64_t> layer_heads;  // Per layer: fewer than `heads` if some were pruned.
};

Status refuse_unsupported(const Config& config) {
  LW_ASSIGN_OR_RETURN(const std::string positions,
                      config.text("position_embedding_type", "absolute"));
  if (positions != "absolute") {
    return unsupported(config.label() + ": position_embedding_type " + base::in_quotes(positions) +
                       " is not supported; known: absolute");
  }
  for (const char* field : {"is_decoder", "add_cross_attention"}) {
    LW_ASSIGN_OR_RETURN(const bool on, config.boolean(field, false));
    if (on) return unsupported(config.label() + ": " + field + " is not supported for bert");
  }
  return {};
}

/// `pruned_heads` lists, by layer, heads that were removed with their rows and columns.
Status read_pruned_heads(const Config& config, BertConfig& c) {
  c.layer_heads.assign(static_cast<size_t>(c.layers), c.heads);
  const auto last = static_cast<int32_t>(c.heads - 1);
  LW_ASSIGN_OR_RETURN(const auto pruned, config.integer_map("pruned_heads", 0, last));
  for (const auto& [name, heads] : pruned) {
    int64_t layer = -1;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data(), end, layer);
    const bool known =
        parsed.ec == std::errc() && parsed.ptr == end && layer >= 0 && layer < c.layers;
    if (!known) return config.wrong("pruned_heads", "an object of layers and their heads");
    const std::set<int32_t> distinct(heads.begin(), heads.end());
    int64_t& left = c.layer_heads[static_cast<size_t>(layer)];
    left -= static_cast<int64_t>(distinct.size());
    if (left > 0) continue;
    return unsupported(config.label() + ": 'pruned_heads' leaves no head in layer " + name);
  }
  return {};
}

/// Absent fields have Transformers' defaults.
Result<BertConfig> read_config(const Config& config) {
  LW_RETURN_IF_ERROR(refuse_unsupported(config));
  BertConfig c;
  LW_ASSIGN_OR_RETURN(c.vocabulary, config.integer("vocab_size", 30522, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.hidden, config.integer("hidden_size", 768, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.layers, config.integer("num_hidden_layers", 12, 1, kMaxLayers));
  LW_ASSIGN_OR_RETURN(c.heads, config.integer("num_attention_heads", 12, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.intermediate, config.integer("intermediate_size", 3072, 1, kMaxFeatures));
  LW_ASSIGN_OR_RETURN(c.positions, config.integer("max_position_embeddings", 512, 1, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.token_types, config.integer("type_vocab_size", 2, 0, kMaxRows));
  LW_ASSIGN_OR_RETURN(c.eps, config.number("layer_norm_eps", 1e-12, 0, 1));
  LW_ASSIGN_OR_RETURN(c.activation, activation_name(config, "hidden_act", "gelu"));
  if (c.hidden % c.heads != 0) {
    return invalid_argument(config.label() + ": 'hidden_size' " + std::to_string(c.hidden) +
                            " is not a multiple of 'num_attention_heads' " +
                            std::to_string(c.heads));
  }
  LW_RETURN_IF_ERROR(read_pruned_heads(config, c));
  return c;
}

class BertWriter {
 public:
  BertWriter(const BertConfig& config, const Checkpoint& checkpoint, std::string prefix)
      : c_(config), checkpoint_(checkpoint), prefix_(std::move(prefix)) {}

  void write(const EncoderEnd& end) {
    ValueId x = embeddings();
    for (int64_t i = 0; i < c_.layers; ++i) {
      x = layer("encoder.layer." + std::to_string(i), x, c_.layer_heads[static_cast<size_t>(i)]);
    }
    builder_.output("last_hidden_state", x);
    EncoderVectors vectors{.tokens = x};
    const bool has_pooler = checkpoint_.find(prefix_ + "pooler.dense.weight") != nullptr;
    if (has_pooler || end.reads_pooler()) vectors.pooler = pooler(x);
    append_encoder_end(builder_, end, vectors, checkpoint_, tensors_);
  }

  FamilyModel take() && {
    FamilyModel model;
    model.graph = std::move(builder_).take();
    model.tensors = std::move(tensors_);
    model.leftovers = {prefix_ + "embeddings.position_ids", prefix_ + "embeddings.token_type_ids"};
    if (c_.token_types == 0) {
      model.leftovers.push_back(prefix_ + "embeddings.token_type_embeddings.weight");
    }
    return model;
  }

 private:
  std::string expect(const std::string& name, Shape shape) {
    tensors_.push_back({prefix_ + name, std::move(shape)});
    return tensors_.back().name;
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out) {
    const int64_t in = builder_.value(x).features;
    const Affine tensors = {expect(name + ".weight", {out, in}), expect(name + ".bias", {out})};
    return builder_.linear(name, x, out, tensors);
  }

  /// Checkpoints converted from TensorFlow call weight and bias gamma and beta.
  ValueId norm(const std::string& name, ValueId x) {
    const bool old = checkpoint_.find(prefix_ + name + ".weight") == nullptr &&
                     checkpoint_.find(prefix_ + name + ".gamma") != nullptr;
    const Affine tensors = {expect(name + (old ? ".gamma" : ".weight"), {c_.hidden}),
                            expect(name + (old ? ".beta" : ".bias"), {c_.hidden})};
    return builder_.layer_norm(name, x, tensors, c_.eps);
  }

  ValueId embeddings() {
    const ValueId ids = builder_.input("input_ids", graph::RowSymbol::kSourceTokens);
    graph::EmbedSpec spec;
    spec.table = expect("embeddings.word_embeddings.weight", {c_.vocabulary, c_.hidden});
    spec.position_table =
        expect("embeddings.position_embeddings.weight", {c_.positions, c_.hidden});
    spec.attributes.set("position", std::string("learned"));
    spec.attributes.set("max_positions", c_.positions);
    ValueId types = -1;
    if (c_.token_types > 0) {
      types = builder_.input("token_type_ids", graph::RowSymbol::kSourceTokens);
      spec.type_table =
          expect("embeddings.token_type_embeddings.weight", {c_.token_types, c_.hidden});
    }
    const ValueId x = builder_.embed("embeddings", ids, types, c_.hidden, spec);
    return norm("embeddings.LayerNorm", x);
  }

  /// x' = norm(x + attention(x)), then norm(x' + feed_forward(x')).
  ValueId layer(const std::string& name, ValueId x, int64_t heads) {
    const std::string self = name + ".attention.self";
    const int64_t head_dim = c_.hidden / c_.heads;
    const ValueId q = linear(self + ".query", x, heads * head_dim);
    const ValueId k = linear(self + ".key", x, heads * head_dim);
    const ValueId v = linear(self + ".value", x, heads * head_dim);
    const ValueId context = builder_.attention(
        self, q, k, v, {.heads = heads, .kv_heads = heads, .head_dim = head_dim});
    x = add_and_norm(name + ".attention.output", context, x);
    ValueId hidden = linear(name + ".intermediate.dense", x, c_.intermediate);
    hidden = builder_.activation(name + ".intermediate.activation", hidden, c_.activation);
    return add_and_norm(name + ".output", hidden, x);
  }

  ValueId add_and_norm(const std::string& name, ValueId x, ValueId residual) {
    const ValueId dense = linear(name + ".dense", x, c_.hidden);
    return norm(name + ".LayerNorm", builder_.add(name + ".add", dense, residual));
  }

  ValueId pooler(ValueId tokens) {
    const ValueId first = builder_.slice_rows("pooler.first", tokens, 0);
    const ValueId dense = linear("pooler.dense", first, c_.hidden);
    const ValueId pooled = builder_.activation("pooler.activation", dense, "tanh");
    builder_.output("pooler_output", pooled);
    return pooled;
  }

  const BertConfig& c_;
  const Checkpoint& checkpoint_;
  std::string prefix_;
  graph::Builder builder_;
  std::vector<ExpectedTensor> tensors_;
};

FamilyHeads heads_of(const BertConfig& c, const std::string& prefix) {
  static constexpr std::array kWithout = std::to_array<std::string_view>({"BertModel"});
  static constexpr std::array kTensors =
      std::to_array<std::string_view>({"classifier.", "cls.", "lm_head.", "qa_outputs.", "score."});
  const std::string predictions = "cls.predictions.";
  const HeadLayer transform = {.dense = predictions + "transform.dense",
                               .activation = c.activation,
                               .norm = predictions + "transform.LayerNorm",
                               .eps = c.eps};
  HeadClass masked = {.architecture = "BertForMaskedLM",
                      .task = HeadTask::kMaskedTokens,
                      .input = HeadInput::kTokens,
                      .output = predictions + "decoder",
                      .layers = {transform},
                      .biases = {predictions + "bias", predictions + "decoder.bias"}};
  HeadClass pretrained = masked;  // Its other head, for pairs of sentences, is not read.
  pretrained.architecture = "BertForPreTraining";
  return {.classes = {{"BertForSequenceClassification", HeadTask::kTextClassification,
                       HeadInput::kPooler, "classifier"},
                      {"BertForTokenClassification", HeadTask::kTokenClassification,
                       HeadInput::kTokens, "classifier"},
                      {"BertForQuestionAnswering", HeadTask::kQuestionAnswering, HeadInput::kTokens,
                       "qa_outputs"},
                      std::move(masked),
                      std::move(pretrained)},
          .others = {kWithout, kTensors},
          .outside = outside_of_model(prefix, "bert."),
          .table = prefix + "embeddings.word_embeddings.weight",
          .vocabulary = c.vocabulary};
}

Result<FamilyModel> build(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const BertConfig config, read_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kAnchor, "bert."));
  LW_ASSIGN_OR_RETURN(const EncoderEnd end,
                      read_encoder_end(input, heads_of(config, prefix), config.hidden));
  BertWriter writer(config, input.checkpoint, std::move(prefix));
  writer.write(end);
  FamilyModel model = std::move(writer).take();
  model.info.family = "bert";
  model.info.vocabulary_size = config.vocabulary;
  model.info.token_types = config.token_types;
  model.info.max_tokens = config.positions;
  LW_RETURN_IF_ERROR(describe_encoder_end(input, end, model));
  return model;
}

}  // namespace

const Family& bert_family() {
  static constexpr ModelType kModelTypes[] = {{"bert", "BertTokenizer"}};
  static const Family family = {"bert", kModelTypes, build, /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters

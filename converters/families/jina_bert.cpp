// Jina embeddings 2: Günther et al. 2023, arXiv:2310.19923. BERT with gated feed-forward layers,
// and with scores that fall with the distance (ALiBi: Press et al. 2022, arXiv:2108.12409) instead
// of positions. Names as in the code of jinaai/jina-bert-implementation and, with norms of queries
// and keys, of jinaai/jina-bert-v2-qk-post-norm. Their configs have the `model_type` bert.

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/config_limits.hpp"
#include "converters/families/encoder_config.hpp"
#include "converters/families/encoder_writer.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_encoder.hpp"
#include "converters/families/hf_names.hpp"

namespace lanewise::converters {
namespace {

using graph::ValueId;

constexpr std::string_view kJinaBertAnchor = "embeddings.word_embeddings.weight";
constexpr std::array kJinaBertFields = std::to_array<std::string_view>(
    {"attn_implementation", "emb_pooler", "feed_forward_type", "model_max_length"});

/// For n a power of two, 2^(-8 i / n) for i = 1, ..., n. Otherwise those of the next lower power,
/// then every second one of its double.
std::vector<double> slopes(int64_t heads) {
  int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  std::vector<double> result;
  for (int64_t i = 1; i <= power; ++i) {
    result.push_back(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(power)));
  }
  for (int64_t i = 1; static_cast<int64_t>(result.size()) < heads; i += 2) {
    result.push_back(std::exp2(-4.0 * static_cast<double>(i) / static_cast<double>(power)));
  }
  return result;
}

/// The bias by distance, [heads, 2 * reach + 1].
std::string alibi(EncoderWriter& writer, const EncoderSizes& c) {
  const int64_t reach = c.positions - 1;
  TensorPart part;
  part.shape = {c.heads, 2 * reach + 1};
  part.compute = [heads = c.heads, reach](std::span<const float>, std::span<float> bias) {
    size_t next = 0;
    for (const double slope : slopes(heads)) {
      for (int64_t offset = -reach; offset <= reach; ++offset) {
        bias[next++] = static_cast<float>(-slope) * static_cast<float>(std::abs(offset));
      }
    }
  };
  return writer.tensors().expect_computed("", {}, "alibi", std::move(part));
}

/// Of the first code: the gate's rows come first.
PostNormModules first_layer(const std::string& name) {
  PostNormModules modules = bert_layer(name);
  const std::string mlp = name + ".mlp";
  modules.gated = GatedModules{.gate = mlp + ".gated",
                               .up = mlp + ".non_gated",
                               .down = mlp + ".wo",
                               .packed = mlp + ".gated_layers",
                               .down_bias = true};
  modules.norm = mlp + ".layernorm";
  return modules;
}

/// Of the second: the sum behind attention is normalised twice, each time with the layer's input.
ValueId second_layer(EncoderWriter& writer, const std::string& name, ValueId x,
                     EncoderAttention how, int64_t hidden) {
  const PostNormModules modules = bert_layer(name);
  const std::string mlp = name + ".mlp";
  how.query_key_norms = true;
  const ValueId context = writer.attention(modules.attention, x, how);
  const ValueId attended = writer.add_and_norm(
      modules.attention_norm, writer.linear(modules.attention_output, context, hidden), x);
  x = writer.add_and_norm(name + ".layer_norm_1", attended, x);
  const ValueId fed = writer.gated_feed_forward({.gate = mlp + ".gated",
                                                 .up = mlp + ".up",
                                                 .down = mlp + ".down_layer",
                                                 .packed = mlp + ".up_gated_layer",
                                                 .gate_first = false,
                                                 .down_bias = true},
                                                x);
  return writer.add_and_norm(name + ".layer_norm_2", fed, x);
}

ValueId write_jina_bert(EncoderWriter& writer, const EncoderSizes& c) {
  ValueId x = writer.embed({.words = "embeddings.word_embeddings",
                            .positions = "",
                            .types = "embeddings.token_type_embeddings",
                            .features = c.hidden});
  x = writer.norm("embeddings.LayerNorm", x);
  writer.add_state(x);
  const EncoderAttention how = {.relative_bias = alibi(writer, c)};
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string name = "encoder.layer." + std::to_string(i);
    const bool first =
        writer.tensors().find(writer.prefix() + name + ".mlp.up_gated_layer.weight") == nullptr;
    x = first ? writer.post_norm_layer(first_layer(name), x, how)
              : second_layer(writer, name, x, how, c.hidden);
    writer.add_state(x);
  }
  return x;
}

/// `hidden_act` is not used by gated layers.
Result<EncoderSizes> read_jina_bert_config(const Config& config) {
  EncoderSizes defaults;
  defaults.positions = 8192;
  LW_RETURN_IF_ERROR(check_is_encoder(config, "jina_bert", "alibi"));
  LW_ASSIGN_OR_RETURN(EncoderSizes c,
                      read_encoder_sizes(config, defaults, {.activation = nullptr}));
  LW_RETURN_IF_ERROR(check_not_pruned(config, c));
  if (2 * c.positions > kMostBiasFloats / c.heads) {
    return config.wrong("max_position_embeddings",
                        "less for " + std::to_string(c.heads) + " heads");
  }
  const std::string field = "feed_forward_type";
  LW_ASSIGN_OR_RETURN(const std::string type, config.text(field, "original"));
  if (type != "geglu" && type != "reglu") {
    return unsupported(config.label() + ": " + field + " " + base::in_quotes(type) +
                       " is not supported; known: geglu, reglu");
  }
  c.activation = type == "geglu" ? "gelu" : "relu";
  return c;
}

Result<FamilyModel> build_jina_bert(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(const EncoderSizes c, read_jina_bert_config(input.config));
  LW_ASSIGN_OR_RETURN(std::string prefix, find_prefix(input.checkpoint, kJinaBertAnchor, "bert."));
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint));
  report_unknown_encoder_fields(input, kJinaBertFields);
  EncoderWriter writer(c, std::move(prefix), tensors);
  return finish_encoder(input, c, writer, write_jina_bert(writer, c),
                        {.family = "jina_bert",
                         .model_type = "bert",
                         .classes = "JinaBert",
                         .attribute = "bert.",
                         .max_tokens = c.positions,
                         .pooler = "pooler.dense",
                         .heads = {text_head(HeadInput::kPooler), token_head(), question_head()}});
}

}  // namespace

const Family& jina_bert_family() {
  static constexpr ModelType kModelTypes[] = {{"jina_bert", "BertTokenizer"}};
  static const Family family = {"jina_bert", kModelTypes, build_jina_bert,
                                /*has_encoder_form=*/true};
  return family;
}

}  // namespace lanewise::converters

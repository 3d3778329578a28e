// An encoder and a decoder of torch.nn.GRU or torch.nn.LSTM: Sutskever et al. 2014,
// arXiv:1409.3215, with the attention of Bahdanau et al. 2015, arXiv:1409.0473, or Luong et al.
// 2015, arXiv:1508.04025.
//
//   e        = encoder.rnn(encoder.embedding(source)), with final states h_n
//   h_t      = decoder.rnn(decoder.embedding(token t)), starting from h_n as decoder_init says
//   logits_t = decoder.out(h_t)
//
// or, with attention,
//
//   logits_t = decoder.out(tanh(decoder.concat([h_t; c_t])))
//   c_t      = sum_j softmax_j(score(h_t, e_j)) e_j
//
// The decoder's only input is the embedding of the previous token: no context is fed to its layers.
// For every kind of score it is the new h_t that attends (Luong's order). The two directions of the
// encoder are merged only after its last layer; between layers PyTorch always concatenates them.
//
// A bias that adds the same amount to all scores of a query does not change the softmax. The biases
// of `decoder.attention` (general) and `decoder.attention.value` (additive) are therefore dropped.

#include <array>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/families/family.hpp"
#include "converters/families/module_tensors.hpp"
#include "converters/families/rnn_layers.hpp"
#include "converters/families/sequence_config.hpp"
#include "converters/families/torch_layers.hpp"
#include "runtime/graph/builder.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using graph::Affine;
using graph::RowSymbol;
using graph::ValueId;

constexpr const char* kRnnSeq2seqSourceTable = "encoder.embedding.weight";
constexpr const char* kRnnSeq2seqTargetTable = "decoder.embedding.weight";
constexpr const char* kConcat = "decoder.concat";
constexpr const char* kAttention = "decoder.attention";

// No layer here limits the length of a sequence, but a decoder that never ends needs a limit.
constexpr int64_t kDefaultLength = 5000;

constexpr std::array kRnnSeq2seqFields = std::to_array<std::string_view>({"attention",
                                                                          "bidirectional",
                                                                          "bidirectional_merge",
                                                                          "bos_token_id",
                                                                          "cell",
                                                                          "decoder_init",
                                                                          "eos_token_id",
                                                                          "hidden_size",
                                                                          "ignore",
                                                                          "keys",
                                                                          "max_length",
                                                                          "num_decoder_layers",
                                                                          "num_encoder_layers",
                                                                          "num_layers",
                                                                          "pad_token_id",
                                                                          "source_bos_token_id",
                                                                          "source_eos_token_id",
                                                                          "source_lowercase",
                                                                          "source_split",
                                                                          "source_vocabulary",
                                                                          "target_vocabulary",
                                                                          "unk_token"});

enum class Init { kConcatDirections, kFirstLayers, kLast };
enum class Scores { kNone, kDot, kGeneral, kAdditive };

/// The model that config and checkpoint describe together.
struct Seq2Seq {
  int64_t source_vocabulary = 0;
  int64_t target_vocabulary = 0;
  int64_t source_width = 0;  ///< of an embedding
  int64_t target_width = 0;
  RnnShape encoder;
  RnnShape decoder;
  Init init = Init::kLast;
  Scores scores = Scores::kNone;
  bool sum_directions = false;

  /// Features of the encoder's output.
  int64_t memory_width() const {
    return encoder.units * (sum_directions ? 1 : encoder.directions());
  }
};

/// The index of `field`'s value in `names`.
Result<size_t> choice(const Config& config, const std::string& field,
                      std::span<const std::string_view> names, size_t fallback) {
  LW_ASSIGN_OR_RETURN(const std::string given, config.text(field, names[fallback]));
  std::string known;
  for (size_t i = 0; i < names.size(); ++i) {
    if (given == names[i]) return i;
    known.append(known.empty() ? "\"" : ", \"").append(names[i]).append("\"");
  }
  return config.wrong(field, "one of " + known);
}

Status check_cell(const Config& config, const RnnShape& rnn) {
  LW_ASSIGN_OR_RETURN(const std::string said, config.text("cell", rnn.cell));
  if (said == rnn.cell) return {};
  return config.wrong("cell", "\"" + rnn.cell + "\": " + in_quotes(rnn.module + ".weight_hh_l0") +
                                  " has " + std::to_string(rnn.gates()) + " rows per unit");
}

/// `num_layers` is for both sides, unless a side has its own field.
Status check_layers(const Config& config, const RnnShape& rnn, const std::string& own_field) {
  const std::string field = config.has(own_field) ? own_field : "num_layers";
  return expect_agreement(config, field, rnn.layers, in_quotes(rnn.module));
}

Status check_rnns(const Config& config, const Seq2Seq& model) {
  LW_RETURN_IF_ERROR(check_cell(config, model.encoder));
  LW_RETURN_IF_ERROR(check_cell(config, model.decoder));
  LW_RETURN_IF_ERROR(check_layers(config, model.encoder, "num_encoder_layers"));
  LW_RETURN_IF_ERROR(check_layers(config, model.decoder, "num_decoder_layers"));
  LW_RETURN_IF_ERROR(expect_agreement(config, "hidden_size", model.encoder.units,
                                      in_quotes(model.encoder.module)));
  LW_ASSIGN_OR_RETURN(const bool both,
                      config.boolean("bidirectional", model.encoder.bidirectional));
  if (both != model.encoder.bidirectional) {
    const std::string name = in_quotes(model.encoder.module + ".weight_ih_l0_reverse");
    return config.wrong("bidirectional", both ? "false: the checkpoint has no " + name
                                              : "true: the checkpoint has " + name);
  }
  if (model.encoder.cell != model.decoder.cell) {
    return invalid_argument(in_quotes(model.encoder.module) + " is a " + model.encoder.cell + ", " +
                            in_quotes(model.decoder.module) + " is a " + model.decoder.cell);
  }
  if (!model.decoder.bidirectional) return {};
  return unsupported(in_quotes(model.decoder.module + ".weight_ih_l0_reverse") +
                     ": a decoder cannot run backwards");
}

/// Whether the encoder's final states can start the decoder in this way.
bool fits(const Seq2Seq& model, Init init) {
  const RnnShape& from = model.encoder;
  const RnnShape& to = model.decoder;
  if (init == Init::kConcatDirections) {
    return from.bidirectional && to.layers == from.layers && to.units == 2 * from.units;
  }
  const bool enough = init == Init::kLast ? to.layers == from.states() : to.layers <= from.states();
  return enough && to.units == from.units;
}

/// The shapes allow only one, except that `last` is a case of `first_layers`.
Result<Init> read_init(const Config& config, const Seq2Seq& model) {
  constexpr std::array kNames =
      std::to_array<std::string_view>({"concat_directions", "first_layers", "last"});
  Init found = Init::kLast;
  for (const Init init : {Init::kConcatDirections, Init::kFirstLayers}) {
    if (!fits(model, Init::kLast) && fits(model, init)) found = init;
  }
  LW_ASSIGN_OR_RETURN(const size_t chosen,
                      choice(config, "decoder_init", kNames, static_cast<size_t>(found)));
  const auto init = static_cast<Init>(chosen);
  if (fits(model, init)) return init;
  return invalid_argument(config.label() + ": 'decoder_init' " + in_quotes(kNames[chosen]) +
                          " does not fit: " + model.encoder.description() + ", " +
                          model.decoder.description());
}

Result<Scores> read_rnn_seq2seq_scores(const Config& config, ModuleTensors& tensors) {
  constexpr std::array kNames = std::to_array<std::string_view>({"dot", "general", "additive"});
  const std::string concat = std::string(kConcat) + ".weight";
  if (!config.has("attention")) {
    if (tensors.find(concat) == nullptr) return Scores::kNone;
    return config.wrong("attention",
                        "a value: the checkpoint has " + in_quotes(tensors.file_name(concat)));
  }
  LW_ASSIGN_OR_RETURN(const size_t chosen, choice(config, "attention", kNames, 0));
  return static_cast<Scores>(chosen + 1);  // after kNone
}

/// The columns of decoder.concat after the decoder's units are those of the encoder's output.
Result<bool> read_merge(const Config& config, ModuleTensors& tensors, const Seq2Seq& model) {
  constexpr std::array kNames = std::to_array<std::string_view>({"concat", "sum"});
  if (model.scores == Scores::kNone || !model.encoder.bidirectional) {
    LW_ASSIGN_OR_RETURN(const size_t merge, choice(config, "bidirectional_merge", kNames, 0));
    return merge == 1 && model.encoder.bidirectional;
  }
  const std::string name = std::string(kConcat) + ".weight";
  LW_ASSIGN_OR_RETURN(const Shape concat, tensors.shape(name, 2));
  const bool found = concat[1] - model.decoder.units == model.encoder.units;
  LW_ASSIGN_OR_RETURN(const size_t merge,
                      choice(config, "bidirectional_merge", kNames, found ? 1 : 0));
  if ((merge == 1) == found) return found;
  return config.wrong("bidirectional_merge",
                      "\"" + std::string(kNames[found ? 1 : 0]) +
                          "\": " + in_quotes(tensors.file_name(name)) + " has " +
                          std::to_string(concat[1]) + " columns, for " +
                          std::to_string(model.decoder.units) + " of the decoder and " +
                          std::to_string(concat[1] - model.decoder.units) + " of the encoder");
}

Result<Seq2Seq> read_model(const Config& config, ModuleTensors& tensors) {
  Seq2Seq model;
  LW_ASSIGN_OR_RETURN(const Shape source, tensors.shape(kRnnSeq2seqSourceTable, 2));
  LW_ASSIGN_OR_RETURN(const Shape target, tensors.shape(kRnnSeq2seqTargetTable, 2));
  model.source_vocabulary = source[0];
  model.source_width = source[1];
  model.target_vocabulary = target[0];
  model.target_width = target[1];
  LW_ASSIGN_OR_RETURN(model.encoder, read_rnn(tensors, "encoder.rnn"));
  LW_ASSIGN_OR_RETURN(model.decoder, read_rnn(tensors, "decoder.rnn"));
  LW_RETURN_IF_ERROR(check_rnns(config, model));
  LW_ASSIGN_OR_RETURN(model.init, read_init(config, model));
  LW_ASSIGN_OR_RETURN(model.scores, read_rnn_seq2seq_scores(config, tensors));
  LW_ASSIGN_OR_RETURN(model.sum_directions, read_merge(config, tensors, model));
  if (model.scores != Scores::kDot || model.decoder.units == model.memory_width()) return model;
  return invalid_argument(config.label() + ": 'attention' 'dot' needs states as wide as the " +
                          "encoder's output of " + std::to_string(model.memory_width()) +
                          " features: " + model.encoder.description() + ", " +
                          model.decoder.description());
}

class Writer {
 public:
  Writer(const Seq2Seq& model, ModuleTensors& tensors) : m_(model), tensors_(tensors) {}

  graph::Graph write() && {
    const ValueId ids = builder_.input("input_ids", RowSymbol::kSourceTokens);
    const ValueId decoder_ids = builder_.input("decoder_input_ids", RowSymbol::kTargetTokens);
    const ValueId x = embed("encoder.embedding", ids, m_.source_vocabulary, m_.source_width);
    const RnnValues encoded = write_rnn(builder_, tensors_, m_.encoder, x, {});
    const ValueId memory = merge(encoded.outputs);
    builder_.output("encoder_last_hidden_state", memory);
    const std::vector<ValueId> initial = initial_states(encoded.states);
    const ValueId y =
        embed("decoder.embedding", decoder_ids, m_.target_vocabulary, m_.target_width);
    ValueId h = write_rnn(builder_, tensors_, m_.decoder, y, initial).outputs.front();
    if (m_.scores != Scores::kNone) h = attend(h, memory);
    builder_.output("logits", linear("decoder.out", h, m_.target_vocabulary));
    return std::move(builder_).take();
  }

 private:
  ValueId embed(const std::string& name, ValueId ids, int64_t vocabulary, int64_t width) {
    graph::EmbedSpec spec;
    spec.table = tensors_.expect(name + ".weight", {vocabulary, width});
    return builder_.embed(name, ids, -1, width, spec);
  }

  ValueId linear(const std::string& name, ValueId x, int64_t out) {
    Affine affine;
    affine.weight = tensors_.expect(name + ".weight", {out, builder_.value(x).features});
    if (tensors_.has(name + ".bias")) affine.bias = tensors_.expect(name + ".bias", {out});
    return builder_.linear(name, x, out, affine);
  }

  ValueId merge(const std::vector<ValueId>& directions) {
    if (directions.size() == 1) return directions.front();
    if (!m_.sum_directions) return builder_.concat_features("encoder.joined", directions);
    return builder_.add("encoder.sum", directions[0], directions[1]);
  }

  std::vector<ValueId> initial_states(const std::vector<ValueId>& states) {
    std::vector<ValueId> initial;
    for (int64_t layer = 0; layer < m_.decoder.layers; ++layer) {
      const auto i = static_cast<size_t>(layer);
      initial.push_back(m_.init == Init::kConcatDirections
                            ? joined_state(layer, states[2 * i], states[2 * i + 1])
                            : states[i]);
    }
    return initial;
  }

  /// Joins the forward and backward states of a layer, h with h and c with c.
  ValueId joined_state(int64_t layer, ValueId forward, ValueId backward) {
    const std::string name = "decoder.init_l" + std::to_string(layer);
    const int64_t units = m_.encoder.units;
    std::vector<ValueId> parts{forward, backward};
    if (m_.encoder.cell == "lstm") {
      parts = {builder_.slice_features(name + ".h", forward, 0, units),
               builder_.slice_features(name + ".h_reverse", backward, 0, units),
               builder_.slice_features(name + ".c", forward, units, units),
               builder_.slice_features(name + ".c_reverse", backward, units, units)};
    }
    return builder_.concat_features(name, parts);
  }

  /// tanh(concat([h; context])).
  ValueId attend(ValueId h, ValueId memory) {
    const ValueId context = this->context(h, memory);
    const ValueId both = builder_.concat_features("decoder.h_context", {h, context});
    const std::string concat = kConcat;
    const ValueId hidden = linear(concat, both, tensors_.rows(concat + ".weight"));
    return builder_.activation("decoder.tanh", hidden, "tanh");
  }

  ValueId context(ValueId h, ValueId memory) {
    const std::string name = kAttention;
    if (m_.scores == Scores::kAdditive) {
      const int64_t depth = tensors_.rows(name + ".query.weight");
      const ValueId q = linear(name + ".query", h, depth);
      const ValueId k = linear(name + ".key", memory, depth);
      const std::string value = name + ".value.weight";
      return builder_.additive_attention(name, q, k, memory,
                                         tensors_.expect_reshaped(value, {1, depth}, {depth}));
    }
    ValueId q = h;
    const int64_t width = m_.memory_width();
    if (m_.scores == Scores::kGeneral) {
      // h W e = (W^T h) e, so the encoder's output serves as keys and values unchanged.
      const std::string weight =
          tensors_.expect_transposed(name + ".weight", {m_.decoder.units, width});
      q = builder_.linear(name + ".query", h, width, {weight, ""});
    }
    return builder_.attention(
        name, q, memory, memory,
        {.heads = 1, .kv_heads = 1, .head_dim = width, .causal = false, .scale = 1.0});
  }

  const Seq2Seq& m_;
  ModuleTensors& tensors_;
  graph::Builder builder_;
};

Result<FamilyModel> build_rnn_seq2seq(const FamilyInput& input) {
  LW_ASSIGN_OR_RETURN(ModuleTensors tensors, ModuleTensors::create(input.config, input.checkpoint,
                                                                   kRnnSeq2seqSourceTable));
  LW_ASSIGN_OR_RETURN(const Seq2Seq seq2seq, read_model(input.config, tensors));
  FamilyModel model;
  model.graph = Writer(seq2seq, tensors).write();
  LW_ASSIGN_OR_RETURN(const int64_t length,
                      input.config.integer("max_length", kDefaultLength, 1, INT32_MAX));
  model.info.family = "rnn_seq2seq";
  model.info.task = "translation";
  model.info.vocabulary_size = seq2seq.source_vocabulary;
  model.info.target_vocabulary_size = seq2seq.target_vocabulary;
  model.info.max_tokens = length;
  model.info.max_text_tokens = length;
  model.info.max_target_tokens = length;
  LW_RETURN_IF_ERROR(read_sequence_tokens(input, tensors.file_name(kRnnSeq2seqSourceTable),
                                          tensors.file_name(kRnnSeq2seqTargetTable), model));
  for (const char* bias : {".bias", ".value.bias"}) {
    model.leftovers.push_back(tensors.file_name(std::string(kAttention) + bias));
  }
  LW_RETURN_IF_ERROR(tensors.check_keys());
  LW_RETURN_IF_ERROR(expect_all_read(input.config, model));
  std::move(tensors).move_into(model);
  report_unknown_fields(input, kRnnSeq2seqFields);
  return model;
}

}  // namespace

const Family& rnn_seq2seq_family() {
  static constexpr ModelType kModelTypes[] = {{"rnn_seq2seq"}};
  static const Family family = {"rnn_seq2seq", kModelTypes, build_rnn_seq2seq};
  return family;
}

}  // namespace lanewise::converters

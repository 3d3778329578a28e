#include "converters/families/decoder_writer.hpp"

#include <utility>

namespace lanewise::converters {

using graph::ValueId;

ValueId DecoderWriter::ids() {
  return builder_.input("input_ids", graph::RowSymbol::kSourceTokens);
}

ValueId DecoderWriter::embed(const std::string& name, ValueId ids, graph::EmbedSpec spec) {
  spec.table = tensors_.expect(tables_.embedding, {sizes_.vocabulary, sizes_.width});
  return builder_.embed(name, ids, -1, sizes_.width, spec);
}

ValueId DecoderWriter::linear(const std::string& name, ValueId x, int64_t out_features, bool bias) {
  const Shape shape = {out_features, builder_.value(x).features};
  graph::Affine affine{tensors_.expect(prefix_ + name + ".weight", shape), ""};
  if (bias) affine.bias = tensors_.expect(prefix_ + name + ".bias", {out_features});
  return builder_.linear(name, x, out_features, affine);
}

ValueId DecoderWriter::norm(const std::string& name, ValueId x) {
  return builder_.layer_norm(name, x,
                             {tensors_.expect(prefix_ + name + ".weight", {sizes_.width}),
                              tensors_.expect(prefix_ + name + ".bias", {sizes_.width})},
                             sizes_.eps);
}

void DecoderWriter::logits(const std::string& name, ValueId x, const std::string& bias) {
  graph::Affine affine{tensors_.expect(tables_.head, {sizes_.vocabulary, sizes_.width}), ""};
  if (!bias.empty()) affine.bias = tensors_.expect(bias, {sizes_.vocabulary});
  builder_.output("logits", builder_.linear(name, x, sizes_.vocabulary, affine));
}

}  // namespace lanewise::converters

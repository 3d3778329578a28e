#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converters/families/encoder_vectors.hpp"
#include "converters/families/family.hpp"
#include "converters/families/hf_heads.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "runtime/graph/builder.hpp"

/// What Transformers' classes for a task put on an encoder. A family names the tensors of its
/// classes; what is common to all families is here.
namespace lanewise::converters {

enum class HeadTask {
  kTextClassification,
  kTokenClassification,
  kQuestionAnswering,
  kMaskedTokens
};

/// Which vectors a head reads.
enum class HeadInput {
  kTokens,      ///< those of all tokens
  kFirstToken,  ///< that of each text's first token
  kMeanToken,   ///< the mean of each text's tokens
  kPooler,      ///< the family's own pooling (EncoderVectors::pooler)
};

/// A layer of a head before its last: norm(activation(dense(x))). Names are those of the tensors,
/// without `.weight` and `.bias`.
struct HeadLayer {
  std::string dense;
  std::string activation;  ///< of ops/activation
  std::string norm = {};   ///< a LayerNorm; empty: none
  double eps = 0;
  bool dense_bias = true;
  bool norm_bias = true;
  int64_t features = 0;  ///< of its output; 0: as many as its input has
};

/// A class of Transformers. Names of tensors follow the prefix `FamilyHeads::outside`.
struct HeadClass {
  std::string architecture;  ///< BertForSequenceClassification
  HeadTask task;
  HeadInput input;
  std::string output;  ///< the last layer: its tensors without `.weight` and `.bias`
  std::vector<HeadLayer> layers = {};  ///< before it, in order
  /// Names of the output's bias, one or several of which a file has; empty: `output` + `.bias`.
  std::vector<std::string> biases = {};
  bool has_bias = true;
};

/// The classes of a family.
struct FamilyHeads {
  std::vector<HeadClass> classes;
  HeadClasses others;   ///< classes without a head, and how to recognise heads that are not known
  std::string outside;  ///< prefix of a head's tensors
  std::string table;    ///< full name of the embedding, to which kMaskedTokens may be tied
  int64_t vocabulary;   ///< its rows
};

/// A head that a checkpoint has.
struct TaskHead {
  HeadClass its_class;
  std::string outside;
  std::string weight;   ///< of the last layer: its own tensor, or the embedding
  std::string bias;     ///< of the last layer; empty: none
  int64_t outputs = 0;  ///< of the last layer
  HeadInfo info;
};

/// Decides by `architectures` which of the classes a checkpoint belongs to; if there is no such
/// field, by its tensors, provided that they fit one kind of head. Nothing for an encoder without a
/// head, or if the caller wants the encoder alone; a folder of sentence-transformers has a head only
/// if its first module uses it (read_transformer_task()).
///
/// Fails with kUnsupported, naming the class or the tensor, for other heads (check_head()); with
/// kInvalidArgument or kUnsupported if the fields about labels contradict themselves.
Result<std::optional<TaskHead>> read_task_head(const FamilyInput& input, const FamilyHeads& heads);

/// Appends the head and makes it the output `logits`, or `start_logits` and `end_logits`; of a masked
/// language model also `max_logits`, the largest of each text. Adds its tensors to `expected`.
///
/// checkpoint  for the names of norms, which may be gamma and beta
void append_task_head(graph::Builder& builder, const TaskHead& head, const EncoderVectors& vectors,
                      const Checkpoint& checkpoint, std::vector<ExpectedTensor>& expected);

/// Sets task, head and the limit of texts in model.info; requires model.info.max_tokens. Copies of a
/// tied tensor become leftovers. Fails as read_sentence_texts() and read_companions() do.
Status describe_task(const FamilyInput& input, const TaskHead& head, FamilyModel& model);

}  // namespace lanewise::converters

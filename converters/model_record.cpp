#include "converters/model_record.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/half.hpp"
#include "base/json_fields.hpp"
#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/checkpoint_writer.hpp"
#include "converters/files.hpp"
#include "ops/weights/weight.hpp"
#include "runtime/model_data.hpp"
#include "runtime/plan/program.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using Json = base::JsonTree;

/// Settings are some kB; vocabularies are in the model file anyway, in its tokenizer.
constexpr size_t kMaxTextBytes = 1 << 18;
constexpr size_t kMaxRecordBytes = 100'000'000;
constexpr const char* kTokenizerJson = "tokenizer.json";

Json json_of(const Shape& shape) { return Json(std::vector<int64_t>(shape.begin(), shape.end())); }

/// Whether a module beside the model has weights in a file of its own.
bool has_other_weights(const Source& source) {
  const auto files = source.checkpoint->files();
  return std::ranges::any_of(source.folder.used_files(), [&](const std::string& path) {
    const bool is_weights =
        path.ends_with(".safetensors") || path.ends_with(".bin") || path.ends_with(".pt");
    return is_weights && std::ranges::find(files, path) == files.end();
  });
}

/// What the record keeps: settings, which are short texts.
bool is_setting(const std::string& name, const std::string& contents) {
  const bool is_text =
      name.ends_with(".json") || name.ends_with(".jinja") || name.ends_with(".metadata");
  return is_text && file_name(name) != kTokenizerJson && contents.size() <= kMaxTextBytes &&
         text::check_utf8(contents).ok();
}

/// A piece as the record has it.
struct Piece {
  int64_t offset = 0;
  Shape shape;
  const graph::Node* node = nullptr;
  std::string role;
  int64_t row = 0;
};

/// A tensor of the checkpoint.
struct Recorded {
  Shape shape;
  int64_t count = 0;
  std::vector<Piece> pieces;
};

Result<Shape> shape_of(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const auto elements, fields.array("shape"));
  Shape shape;
  for (const base::JsonValue& element : elements) {
    const std::optional<int64_t> size = element.integer();
    if (!size || *size < 0) return fields.wrong("shape", "an array of sizes");
    shape.push_back(*size);
  }
  return shape;
}

int64_t rows_in(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }

/// All rows of one weight of a node, unpacked.
class Rows {
 public:
  Rows(const internal::ModelData& data, const Piece& piece) : data_(data), piece_(piece) {}

  /// Copies the elements of the piece to `values`.
  Status read(std::span<float> values) const {
    const auto names = piece_.node->weights.find(piece_.role);
    if (names == piece_.node->weights.end()) return unfit("the node has no such weight");
    const std::optional<ops::WeightFormat> format = data_.find_format(names->second.front());
    if (format && ops::has_panels(*format)) return read_panels(values);
    const std::optional<TensorView> stored = data_.find_weight(names->second.front());
    if (!stored) return unfit("there is no such tensor");
    return read_rows(*stored, values);
  }

 private:
  Status unfit(const std::string& why) const {
    return data_loss("node " + in_quotes(piece_.node->name) + ", " + in_quotes(piece_.role) + ": " +
                     why);
  }

  Status read_panels(std::span<float> values) const {
    if (piece_.shape.size() != 2) return unfit("a matrix is expected");
    const int64_t rows = piece_.shape[0], columns = piece_.shape[1];
    LW_ASSIGN_OR_RETURN(const ops::OperatorConfig config,
                        plan::operator_config(data_, data_.graph(), *piece_.node));
    const int64_t all = ops::info_of(config.formats.at(piece_.role))
                            .code->rows(ops::WeightTensors(config, piece_.role));
    if (piece_.row > all - rows) return unfit("it has only " + std::to_string(all) + " rows");
    LW_ASSIGN_OR_RETURN(const ops::WeightPtr weight,
                        ops::bind_weight(config, piece_.role, all, columns));
    for (int64_t row = 0; row < rows; ++row) {
      weight->unpack_row(static_cast<size_t>(piece_.row + row), values.data() + row * columns);
    }
    return {};
  }

  /// Rows of f32 or bf16, or of 8 bits with a scale for each.
  Status read_rows(const TensorView& stored, std::span<float> values) const {
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(stored.shape));
    const int64_t rows = rows_in(piece_.shape);
    const int64_t columns = rows == 0 ? 0 : static_cast<int64_t>(values.size()) / rows;
    const int64_t first = piece_.row * columns;
    if (first > count - static_cast<int64_t>(values.size())) return unfit("it has too few rows");
    if (stored.type == DataType::kF32) {
      std::copy_n(stored.as<float>() + first, values.size(), values.begin());
      return {};
    }
    if (stored.type == DataType::kBF16) {
      const auto* codes = stored.as<uint16_t>() + first;
      std::transform(codes, codes + values.size(), values.begin(), base::bfloat16_to_f32);
      return {};
    }
    const auto scales = piece_.node->weights.find(piece_.role + "_scale");
    if (stored.type != DataType::kI8 || scales == piece_.node->weights.end()) {
      return unfit("its rows cannot be read");
    }
    const std::optional<TensorView> factors = data_.find_weight(scales->second.front());
    if (!factors || factors->type != DataType::kF32 ||
        factors->shape != Shape{stored.shape.empty() ? 0 : stored.shape[0]}) {
      return unfit("it has no scale for each row");
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const auto row = piece_.row + static_cast<int64_t>(i) / columns;
      values[i] = factors->as<float>()[row] *
                  static_cast<float>(stored.as<int8_t>()[first + static_cast<int64_t>(i)]);
    }
    return {};
  }

  const internal::ModelData& data_;
  const Piece& piece_;
};

/// A parsed record, and the model that it is of.
class Record {
 public:
  explicit Record(const Model& model) : model_(model), data_(model.data()) {}

  Status parse(std::string_view json) {
    LW_ASSIGN_OR_RETURN(const base::JsonDocument document, base::parse_json(json, kMaxRecordBytes));
    LW_ASSIGN_OR_RETURN(const base::JsonFields root, base::JsonFields::of(document.root(), ""));
    LW_ASSIGN_OR_RETURN(files_.weights_folder, root.string_or("folder", ""));
    LW_ASSIGN_OR_RETURN(files_.texts, root.string_map("texts"));
    LW_ASSIGN_OR_RETURN(const auto tensors, root.objects("tensors"));
    for (const base::JsonFields& fields : tensors) LW_RETURN_IF_ERROR(add(fields));
    LW_ASSIGN_OR_RETURN(const auto pieces, root.objects("pieces"));
    for (const base::JsonFields& fields : pieces) LW_RETURN_IF_ERROR(add_piece(fields));
    return check();
  }

  Status write(const std::string& folder) && {
    LW_RETURN_IF_ERROR(check_names());
    add_tokenizer();
    for (const auto& [name, tensor] : tensors_) {
      files_.tensors.push_back(
          {name, static_cast<size_t>(tensor.count) * sizeof(float),
           [this, &tensor = tensor](Scratch& scratch) { return read(tensor, scratch); }});
    }
    return write_checkpoint_files(files_, folder);
  }

 private:
  Status check_names() const {
    const std::string& its_folder = files_.weights_folder;
    if (!its_folder.empty() && !stays_inside(its_folder)) {
      return data_loss("folder " + in_quotes(its_folder) + " leads out of a folder");
    }
    for (const auto& [name, text] : files_.texts) {
      if (stays_inside(name)) continue;
      return data_loss("file " + in_quotes(name) + " leads out of a folder");
    }
    return {};
  }

  void add_tokenizer() {
    const file::TensorEntry* tokenizer = data_.file().find(internal::kTokenizerTensor);
    if (tokenizer == nullptr) return;
    files_.texts[join(files_.weights_folder, kTokenizerJson)] =
        std::string(data_.file().view(*tokenizer).as<char>(), tokenizer->end - tokenizer->begin);
    files_.texts.try_emplace(join(files_.weights_folder, "tokenizer_config.json"),
                             R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  }

  Status add(const base::JsonFields& fields) {
    LW_ASSIGN_OR_RETURN(const std::string name, fields.string("name"));
    Recorded& tensor = tensors_[name];
    LW_ASSIGN_OR_RETURN(tensor.shape, shape_of(fields));
    LW_ASSIGN_OR_RETURN(tensor.count, element_count(tensor.shape));
    return {};
  }

  Status add_piece(const base::JsonFields& fields) {
    LW_ASSIGN_OR_RETURN(const std::string name, fields.string("tensor"));
    const auto tensor = tensors_.find(name);
    if (tensor == tensors_.end()) return fields.wrong("tensor", "a tensor of the record");
    Piece piece;
    LW_ASSIGN_OR_RETURN(piece.offset, fields.integer("offset", 0, tensor->second.count));
    LW_ASSIGN_OR_RETURN(piece.shape, shape_of(fields));
    LW_ASSIGN_OR_RETURN(const int64_t count, element_count(piece.shape));
    if (count > tensor->second.count - piece.offset) return fields.wrong("shape", "a part of it");
    LW_ASSIGN_OR_RETURN(const std::string node, fields.string("node"));
    const auto& nodes = data_.graph().nodes;
    const auto found = std::ranges::find(nodes, node, &graph::Node::name);
    if (found == nodes.end()) return fields.wrong("node", "a node of the graph");
    piece.node = &*found;
    LW_ASSIGN_OR_RETURN(piece.role, fields.string("role"));
    LW_ASSIGN_OR_RETURN(piece.row, fields.integer("row", 0, INT32_MAX));
    tensor->second.pieces.push_back(std::move(piece));
    return {};
  }

  /// Every element of a tensor must be in a piece.
  Status check() {
    for (auto& [name, tensor] : tensors_) {
      std::ranges::sort(tensor.pieces, {}, &Piece::offset);
      int64_t end = 0;
      for (const Piece& piece : tensor.pieces) {
        if (piece.offset > end) break;
        end = std::max(end, piece.offset + *element_count(piece.shape));
      }
      if (end < tensor.count) {
        return unsupported("tensor " + in_quotes(name) +
                           " is in the model file only in a computed form");
      }
    }
    return {};
  }

  Result<TensorView> read(const Recorded& tensor, Scratch& scratch) const {
    scratch.resize(static_cast<size_t>(tensor.count) * sizeof(float));
    const std::span values(reinterpret_cast<float*>(scratch.data()),
                           static_cast<size_t>(tensor.count));
    for (const Piece& piece : tensor.pieces) {
      const auto count = static_cast<size_t>(*element_count(piece.shape));
      LW_RETURN_IF_ERROR(
          Rows(data_, piece).read(values.subspan(static_cast<size_t>(piece.offset), count)));
    }
    return TensorView{DataType::kF32, scratch.data(), tensor.shape};
  }

  Model model_;
  const internal::ModelData& data_;
  CheckpointFiles files_;
  std::map<std::string, Recorded> tensors_;
};

}  // namespace

Result<std::string> record_of(Source& source, const FamilyModel& model, const PackedGraph& packed) {
  if (model.strict || has_other_weights(source)) return std::string();
  LW_ASSIGN_OR_RETURN(auto texts, texts_beside(source));
  std::erase_if(texts, [](const auto& text) { return !is_setting(text.first, text.second); });
  texts[join(source.subfolder, "config.json")] = plain_config(source.config, /*is_f32=*/true);
  LW_ASSIGN_OR_RETURN(const std::string model_type, source.config.text("model_type", ""));
  const ModelNames names(model.tensors, model_type);
  Json tensors = Json::array();
  std::map<std::string, bool> known;
  for (const ExpectedTensor& tensor : model.tensors) {
    if (!known.emplace(tensor.name, true).second) continue;
    tensors.push_back(
        Json::object({{"name", names(tensor.name)}, {"shape", json_of(tensor.shape)}}));
  }
  Json pieces = Json::array();
  for (const PackedPiece& piece : packed.pieces) {
    if (!known.contains(piece.tensor)) continue;
    pieces.push_back(Json::object({{"tensor", names(piece.tensor)},
                                   {"offset", piece.offset},
                                   {"shape", json_of(piece.shape)},
                                   {"node", piece.node},
                                   {"role", piece.role},
                                   {"row", piece.row}}));
  }
  Json record = Json::object();
  if (!source.subfolder.empty()) record.set("folder", source.subfolder);
  record.set("texts", Json::object_of(texts));
  record.set("tensors", std::move(tensors));
  record.set("pieces", std::move(pieces));
  return record.text();
}

Status write_recorded(const Model& model, const std::string& folder) {
  const auto& metadata = model.data().file().metadata();
  const auto found = metadata.find(kRecordKey);
  if (found == metadata.end()) {
    return unsupported(
        "the model file does not keep the names of a checkpoint of Transformers: its source was a "
        "plain module, has weights in several modules, or was converted by an older version");
  }
  Record record(model);
  const Status parsed = record.parse(found->second);
  if (!parsed.ok()) return parsed.with_context("'" + std::string(kRecordKey) + "'");
  return std::move(record).write(folder);
}

}  // namespace lanewise::converters

#include "ops/embedding/embed.hpp"

#include <algorithm>
#include <cmath>

#include "base/dcheck.hpp"
#include "base/status_macros.hpp"
#include "ops/description.hpp"
#include "ops/embedding/embed_kernels.hpp"
#include "ops/embedding/sinusoidal.hpp"
#include "ops/row_operator.hpp"
#include "ops/weights/weight.hpp"

#define LW_KERNEL_TABLE EmbedKernels
#define LW_KERNEL_NAME embed_kernels
#include "ops/kernel_table.hpp"

namespace lanewise::ops {
namespace {

constexpr double kEmbedNanoseconds = 0.4;
constexpr int64_t kMostPositions = INT32_MAX;
constexpr int64_t kMostSinusoidalFloats = int64_t{1} << 26;

/// The attributes, checked.
struct EmbedSpec {
  double scale = 1.0;
  std::string position;  // none, learned, sinusoidal
  SinusoidalLayout layout = SinusoidalLayout::kInterleaved;
  int64_t position_offset = 0;
  int64_t max_positions = 0;  // 0: not given
  bool has_type_ids = false;
  bool has_positions = false;
};

Result<SinusoidalLayout> parse_layout(std::string_view name) {
  if (name == "interleaved") return SinusoidalLayout::kInterleaved;
  if (name == "halves") return SinusoidalLayout::kHalves;
  return invalid_argument("attribute 'sinusoidal_layout': expected interleaved or halves, found '" +
                          std::string(name) + "'");
}

Status check_positions(const EmbedSpec& spec) {
  if (spec.position != "none" && spec.position != "learned" && spec.position != "sinusoidal") {
    return invalid_argument("attribute 'position': expected none, learned or sinusoidal, found '" +
                            spec.position + "'");
  }
  if (spec.position == "none" && spec.has_positions) {
    return invalid_argument("attribute 'has_positions': there are no positions to look up");
  }
  if (spec.position_offset < 0 || spec.position_offset > kMostPositions) {
    return invalid_argument("attribute 'position_offset': " + std::to_string(spec.position_offset) +
                            " is out of range");
  }
  const int64_t least = spec.position == "sinusoidal" ? 1 : 0;
  if (spec.max_positions < least || spec.max_positions > kMostPositions) {
    return invalid_argument("attribute 'max_positions': " + std::to_string(spec.max_positions) +
                            " is out of range");
  }
  return {};
}

Result<EmbedSpec> read_spec(const Attributes& attributes) {
  LW_RETURN_IF_ERROR(
      attributes.expect_only({"scale", "position", "position_offset", "max_positions",
                              "sinusoidal_layout", "has_type_ids", "has_positions"}));
  EmbedSpec spec;
  LW_ASSIGN_OR_RETURN(spec.scale, attributes.get_double("scale", 1.0));
  if (!std::isfinite(spec.scale)) return invalid_argument("attribute 'scale' is not finite");
  LW_ASSIGN_OR_RETURN(spec.position, attributes.get_string("position", "none"));
  LW_ASSIGN_OR_RETURN(spec.position_offset, attributes.get_int("position_offset", 0));
  LW_ASSIGN_OR_RETURN(spec.max_positions, attributes.get_int("max_positions", 0));
  LW_ASSIGN_OR_RETURN(spec.has_type_ids, attributes.get_bool("has_type_ids", false));
  LW_ASSIGN_OR_RETURN(spec.has_positions, attributes.get_bool("has_positions", false));
  LW_ASSIGN_OR_RETURN(const std::string layout,
                      attributes.get_string("sinusoidal_layout", "interleaved"));
  LW_ASSIGN_OR_RETURN(spec.layout, parse_layout(layout));
  LW_RETURN_IF_ERROR(check_positions(spec));
  return spec;
}

Status check_operands(const OperatorConfig& config, const EmbedSpec& spec) {
  const size_t inputs = 1u + (spec.has_type_ids ? 1 : 0) + (spec.has_positions ? 1 : 0);
  if (config.inputs.size() != inputs) {
    return invalid_argument("expected " + std::to_string(inputs) + " inputs, found " +
                            std::to_string(config.inputs.size()));
  }
  for (const OperandSpec& input : config.inputs) {
    if (input.type == DataType::kI32 && input.features == 1) continue;
    return invalid_argument("expected inputs of 1 feature of type I32, found " +
                            std::to_string(input.features) + " of type " +
                            std::string(name_of(input.type)));
  }
  OperatorConfig output_alone;
  output_alone.output = config.output;
  return expect_same_features(output_alone, 0, 0);
}

/// The weight [any rows, dim] of that role.
Result<EmbedTable> table_weight(const OperatorConfig& config, std::string_view role,
                                DataType type = DataType::kF32) {
  const auto it = config.weights.find(role);
  const bool is_matrix = it != config.weights.end() && it->second.shape.size() == 2;
  EmbedTable table;
  table.rows = is_matrix ? it->second.shape[0] : 0;
  LW_ASSIGN_OR_RETURN(const void* data,
                      config.weight(role, type, {table.rows, config.output.features}));
  if (table.rows < 1) return invalid_argument("weight '" + std::string(role) + "' has no rows");
  table.data = data;
  return table;
}

/// A token table stored as rows.
Result<EmbedTable> token_rows(const OperatorConfig& config, WeightFormat format) {
  if (format == WeightFormat::f32_rows) return table_weight(config, "table");
  const bool is_i8 = format == WeightFormat::i8_rows;
  const DataType type = is_i8 ? DataType::kI8 : DataType::kBF16;
  LW_ASSIGN_OR_RETURN(EmbedTable table, table_weight(config, "table", type));
  table.type = is_i8 ? EmbedType::kI8 : EmbedType::kBF16;
  if (is_i8) {
    LW_ASSIGN_OR_RETURN(const void* scale,
                        config.weight("table_scale", DataType::kF32, {table.rows}));
    table.scale = static_cast<const float*>(scale);
  }
  return table;
}

/// A token table stored as panels, as products read it.
Result<WeightPtr> token_panels(const OperatorConfig& config, WeightFormat format) {
  const int64_t rows = info_of(format).code->rows(WeightTensors(config, "table"));
  if (rows < 1) return invalid_argument("weight 'table' has no rows");
  return bind_weight(config, "table", rows, config.output.features);
}

/// Fails for weights that belong neither to the table nor to what `spec` looks up besides it.
Status expect_known_weights(const OperatorConfig& config, const EmbedSpec& spec,
                            WeightFormat format) {
  const std::string_view types = spec.has_type_ids ? "type_table" : "table";
  const std::string_view positions = spec.position == "learned" ? "position_table" : "table";
  if (has_panels(format)) return expect_only_weights(config, "table", format, {types, positions});
  const std::string_view scale = format == WeightFormat::i8_rows ? "table_scale" : "table";
  return config.expect_only_weights({"table", scale, types, positions});
}

Result<EmbedTable> learned_positions(const OperatorConfig& config, const EmbedSpec& spec) {
  LW_ASSIGN_OR_RETURN(const EmbedTable table, table_weight(config, "position_table"));
  const int64_t needed = std::max(spec.max_positions, spec.position_offset + 1);
  if (table.rows >= needed) return table;
  return invalid_argument("weight 'position_table': expected at least " + std::to_string(needed) +
                          " rows, found " + std::to_string(table.rows));
}

Result<std::vector<float>> sinusoidal_positions(const OperatorConfig& config,
                                                const EmbedSpec& spec) {
  const int64_t rows = spec.max_positions + spec.position_offset;
  const int64_t dim = config.output.features;
  if (rows > kMostSinusoidalFloats / dim) {
    return resource_exhausted("attribute 'max_positions': a table of " + to_string({rows, dim}) +
                              " F32 is more than 256 MiB");
  }
  return sinusoidal_table(rows, dim, spec.layout);
}

class Embed final : public RowOperator {
 public:
  /// `panels`: the token table, unless it is the rows in `fixed`.
  Embed(const OperatorConfig& config, const EmbedSpec& spec, const EmbedBlock& fixed,
        WeightPtr panels, std::vector<float> sinusoidal)
      : RowOperator(kEmbedNanoseconds * static_cast<double>(config.output.features)),
        kernels_(kernels_for<EmbedKernels>(config.isa)),
        spec_(spec),
        panels_(std::move(panels)),
        sinusoidal_(std::move(sinusoidal)),
        fixed_(fixed) {
    if (!sinusoidal_.empty()) {
      fixed_.position.data = sinusoidal_.data();
      fixed_.position.rows = static_cast<int64_t>(sinusoidal_.size() / fixed_.dim);
    }
  }

  void run(const Operands& operands, const Piece& piece,
           std::byte* scratch) const noexcept override {
    auto* row_of_panels = reinterpret_cast<float*>(scratch);
    if (fixed_.position.data == nullptr || spec_.has_positions) {
      return embed(operands, piece.begin, piece.end, 0, row_of_panels);
    }
    // Within a sequence the position grows by one per row.
    const RaggedRows& ragged = *operands.inputs[0].ragged;
    const int32_t* const ends = ragged.offsets + 1;
    const int32_t* end = std::upper_bound(ends, ends + ragged.sequences, piece.begin);
    for (int32_t row = piece.begin; row < piece.end; ++end) {
      LW_DCHECK(end < ends + ragged.sequences);
      const int32_t stop = std::min(*end, piece.end);
      embed(operands, row, stop, row - end[-1], row_of_panels);
      row = stop;
    }
  }

  size_t scratch_bytes() const noexcept override {
    return panels_ == nullptr ? 0 : fixed_.dim * sizeof(float);
  }

 private:
  /// Rows of one sequence, the first at `position`; rows of several sequences if positions do not
  /// follow from rows.
  void embed(const Operands& operands, int32_t row, int32_t end, int64_t position,
             float* row_of_panels) const noexcept {
    const EmbedBlock block = block_of(operands, row, end, position);
    if (panels_ == nullptr) return kernels_.embed(block);
    for (size_t r = 0; r < block.rows; ++r) embed_unpacked(block, r, row_of_panels);
  }

  /// Unpacks the token of row r of a block, then embeds it.
  void embed_unpacked(const EmbedBlock& block, size_t r, float* row) const noexcept {
    const auto advance = [r](EmbedTable& table) {
      if (table.index == nullptr) {
        table.first += static_cast<int64_t>(r);
      } else {
        table.index += r * table.stride;
      }
    };
    EmbedBlock one = block;
    panels_->unpack_row(static_cast<size_t>(block.token.index[r * block.token.stride]), row);
    one.token = {.data = row, .rows = 1};
    advance(one.position);
    advance(one.type);
    one.y += r * block.y_stride;
    one.rows = 1;
    kernels_.embed(one);
  }

  EmbedBlock block_of(const Operands& operands, int32_t row, int32_t end,
                      int64_t position) const noexcept {
    EmbedBlock block = fixed_;
    size_t input = 0;
    const auto take = [&](EmbedTable& table) {
      const Operand& operand = operands.inputs[input++];
      table.index = operand.i32(row);
      table.stride = static_cast<size_t>(operand.stride);
    };
    take(block.token);
    if (spec_.has_type_ids) take(block.type);
    if (spec_.has_positions) take(block.position);
    block.position.first = position + spec_.position_offset;
    block.y = operands.output.f32(row);
    block.y_stride = static_cast<size_t>(operands.output.stride);
    block.rows = static_cast<size_t>(end - row);
    return block;
  }

  const EmbedKernels& kernels_;
  EmbedSpec spec_;
  WeightPtr panels_;               // or null
  std::vector<float> sinusoidal_;  // [max_positions + position_offset, dim], or empty
  EmbedBlock fixed_;               // constant from run to run
};

}  // namespace

Result<OperatorPtr> make_embed(const OperatorConfig& config) {
  LW_ASSIGN_OR_RETURN(const EmbedSpec spec, read_spec(config.attributes));
  LW_RETURN_IF_ERROR(check_operands(config, spec));
  const WeightFormat format = format_of(config, "table", WeightFormat::f32_rows);
  LW_RETURN_IF_ERROR(expect_known_weights(config, spec, format));
  EmbedBlock fixed;
  fixed.scale = static_cast<float>(spec.scale);
  fixed.dim = static_cast<size_t>(config.output.features);
  WeightPtr panels;
  if (has_panels(format)) {
    LW_ASSIGN_OR_RETURN(panels, token_panels(config, format));
  } else {
    LW_ASSIGN_OR_RETURN(fixed.token, token_rows(config, format));
  }
  if (spec.has_type_ids) {
    LW_ASSIGN_OR_RETURN(fixed.type, table_weight(config, "type_table"));
  }
  if (spec.position == "learned") {
    LW_ASSIGN_OR_RETURN(fixed.position, learned_positions(config, spec));
  }
  std::vector<float> sinusoidal;
  if (spec.position == "sinusoidal") {
    LW_ASSIGN_OR_RETURN(sinusoidal, sinusoidal_positions(config, spec));
  }
  return OperatorPtr(
      std::make_unique<Embed>(config, spec, fixed, std::move(panels), std::move(sinusoidal)));
}

namespace {

constexpr WeightRole kWeights[] = {
    {.role = "table", .use = WeightUse::kLookup, .low_precision = true},
    {.role = "table_scale", .use = WeightUse::kLookup},
    {.role = "type_table", .use = WeightUse::kLookup},
    {.role = "position_table", .use = WeightUse::kLookup}};

Result<bool> takes_positions(const Attributes& attributes) {
  // Not LW_ASSIGN_OR_RETURN: GCC 12 would report the moved string as uninitialised.
  const Result<std::string> kind = attributes.get_string("position", "none");
  if (!kind.ok()) return kind.status();
  return *kind != "none";
}

Result<std::vector<TableRows>> tables_of(const Attributes& attributes, const IdLimits& limits) {
  std::vector<TableRows> tables;
  constexpr std::array<std::string_view, 2> kTables = {"table", "type_table"};  // by input
  for (size_t i = 0; i < std::min(kTables.size(), limits.vocabularies.size()); ++i) {
    tables.push_back({kTables[i], limits.vocabularies[i]});
  }
  LW_ASSIGN_OR_RETURN(const int64_t offset, attributes.get_int("position_offset", 0));
  LW_ASSIGN_OR_RETURN(const int64_t most, attributes.get_int("max_positions", limits.tokens));
  if (offset < 0 || offset > INT32_MAX) {
    return data_loss("position_offset " + std::to_string(offset) + " is out of range");
  }
  if (most < limits.tokens) {
    return data_loss("max_positions " + std::to_string(most) + " is less than the " +
                     std::to_string(limits.tokens) + " tokens that the task allows");
  }
  tables.push_back({"position_table", limits.tokens + offset});
  return tables;
}

}  // namespace

constinit const OperatorDescription embed_operator = {
    .make = make_embed,
    .rows = same_rows,
    .step = DecodingStep{.kind = DecodingStep::Kind::kSame, .takes_positions = takes_positions},
    .weights = kWeights,
    .tables = tables_of,
};

}  // namespace lanewise::ops

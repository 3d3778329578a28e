#include "converters/tokenizers/sentencepiece_file.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "runtime/text/models/sentencepiece.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

/// One field of a protobuf message: a number, or bytes.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;      // of wire types 0, 1 and 5
  std::string_view bytes;  // of wire type 2
};

/// Iterates over the fields of a message. Every read is checked against the end.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  bool done() const noexcept { return rest_.empty(); }

  Result<Field> next() {
    LW_ASSIGN_OR_RETURN(const uint64_t tag, varint());
    Field field;
    field.number = static_cast<uint32_t>(tag >> 3);
    if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return broken();
    switch (tag & 7) {
      case 0: {
        LW_ASSIGN_OR_RETURN(field.value, varint());
        return field;
      }
      case 1:
        return fixed(8, field);
      case 5:
        return fixed(4, field);
      case 2: {
        LW_ASSIGN_OR_RETURN(const uint64_t size, varint());
        if (size > rest_.size()) return broken();
        field.bytes = rest_.substr(0, static_cast<size_t>(size));
        rest_.remove_prefix(static_cast<size_t>(size));
        return field;
      }
      default:
        return broken();
    }
  }

 private:
  static Status broken() { return data_loss("the SentencePiece model is truncated or damaged"); }

  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return broken();
  }

  Result<Field> fixed(size_t size, Field field) {
    if (size > rest_.size()) return broken();
    for (size_t i = 0; i < size; ++i) {
      field.value |= uint64_t{static_cast<uint8_t>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(size);
    return field;
  }

  std::string_view rest_;
};

/// Calls visit(field), which returns a Status, for each field of a message.
template <typename Visit>
Status each_field(std::string_view bytes, const Visit& visit) {
  for (Message message(bytes); !message.done();) {
    LW_ASSIGN_OR_RETURN(const Field field, message.next());
    LW_RETURN_IF_ERROR(visit(field));
  }
  return {};
}

Status read_piece(std::string_view bytes, SentencePieceFile* file) {
  SentencePieceFile::Piece piece;
  LW_RETURN_IF_ERROR(each_field(bytes, [&](const Field& field) -> Status {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    if (field.number == 3) piece.kind = field.value > 6 ? 0 : static_cast<int32_t>(field.value);
    return {};
  }));
  const std::string name = "piece " + std::to_string(file->pieces.size());
  if (piece.text.empty()) return data_loss(name + " of the SentencePiece model is empty");
  if (text::valid_utf8_prefix(piece.text) != piece.text.size()) {
    return data_loss(name + " of the SentencePiece model is not UTF-8");
  }
  if (piece.kind < 1 || !std::isfinite(piece.score)) {
    return data_loss(name + " of the SentencePiece model has no kind or no score");
  }
  file->pieces.push_back(std::move(piece));
  return {};
}

Status read_trainer(std::string_view bytes, SentencePieceFile* file) {
  uint64_t model_type = 1;
  LW_RETURN_IF_ERROR(each_field(bytes, [&](const Field& field) -> Status {
    if (field.number == 3) model_type = field.value;
    if (field.number == 24) file->treat_whitespace_as_suffix = field.value != 0;
    if (field.number == 35) file->byte_fallback = field.value != 0;
    if (field.number == 44) file->unk_surface = field.bytes;
    return {};
  }));
  constexpr std::array kAlgorithms = {"unigram", "bpe", "word", "char"};
  if (model_type < 1 || model_type > kAlgorithms.size()) {
    return data_loss("the SentencePiece model has no type " + std::to_string(model_type));
  }
  file->algorithm = kAlgorithms[model_type - 1];
  if (text::valid_utf8_prefix(file->unk_surface) != file->unk_surface.size()) {
    return data_loss("unk_surface of the SentencePiece model is not UTF-8");
  }
  return {};
}

Status read_normalizer(std::string_view bytes, SentencePieceFile* file) {
  return each_field(bytes, [&](const Field& field) -> Status {
    if (field.number == 2) file->charsmap = field.bytes;
    if (field.number == 3) file->add_dummy_prefix = field.value != 0;
    if (field.number == 4) file->remove_extra_whitespaces = field.value != 0;
    if (field.number == 5) file->escape_whitespaces = field.value != 0;
    return {};
  });
}

Status check_denormalizer(std::string_view bytes) {
  return each_field(bytes, [](const Field& field) -> Status {
    if (field.number != 2 || field.bytes.empty()) return {};
    return unsupported("SentencePiece models with a denormalizer are not supported");
  });
}

Status check_pieces(const SentencePieceFile& file) {
  std::unordered_set<std::string_view> texts;
  int unknown = 0;
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    if (!texts.insert(piece.text).second) {
      return data_loss("the SentencePiece model has the piece " + base::in_quotes(piece.text) +
                       " twice");
    }
    unknown += piece.kind == static_cast<int32_t>(text::PieceKind::kUnknown) ? 1 : 0;
  }
  if (unknown == 1) return {};
  return data_loss("the SentencePiece model has " + std::to_string(unknown) +
                   " unknown pieces, not one");
}

}  // namespace

Result<SentencePieceFile> read_sentencepiece_file(std::string_view bytes) {
  SentencePieceFile file;
  file.algorithm = "unigram";
  file.unk_surface = " \xE2\x81\x87 ";  // the format's default
  LW_RETURN_IF_ERROR(each_field(bytes, [&](const Field& field) -> Status {
    switch (field.number) {
      case 1:
        return read_piece(field.bytes, &file);
      case 2:
        return read_trainer(field.bytes, &file);
      case 3:
        return read_normalizer(field.bytes, &file);
      case 5:
        return check_denormalizer(field.bytes);
      default:
        return {};
    }
  }));
  LW_RETURN_IF_ERROR(check_pieces(file));
  return file;
}

}  // namespace lanewise::converters

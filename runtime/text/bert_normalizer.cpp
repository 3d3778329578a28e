#include "runtime/text/bert_normalizer.hpp"

#include <algorithm>

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

/// The state of one normalisation. Code points pass through clean(), space_ideograph(),
/// strip_accents() and lower(); each passes on what it keeps.
class Normalization {
 public:
  Normalization(const BertNormalizerOptions& options, NormalizedText* out)
      : options_(options), out_(out) {}

  void clean(char32_t code_point, Span span) {
    if (options_.clean_text) {
      const uint8_t bits = code_point_class(code_point);
      if (bits & kRemoved) return;
      if (bits & kSpace) code_point = ' ';
    }
    space_ideograph(code_point, span);
  }

  /// Flushes the run of marks at the end of the text.
  void finish() { flush_marks(); }

 private:
  /// A code point waiting for canonical ordering.
  struct Pending {
    char32_t code_point;
    int combining_class;
    bool first;  // of the decomposition of its original
  };

  void space_ideograph(char32_t code_point, Span span) {
    if (!options_.handle_chinese_chars || !is_ideograph(code_point)) {
      strip_accents(code_point, span);
      return;
    }
    strip_accents(' ', span);
    strip_accents(code_point, span);
    strip_accents(' ', span);
  }

  void strip_accents(char32_t code_point, Span span) {
    if (!options_.strip_accents) {
      lower(code_point, span);
      return;
    }
    char32_t parts[kMaxDecomposition];
    const int count = decompose(code_point, parts);
    origins_.push_back(span);
    for (int i = 0; i < count; ++i) {
      const int order = combining_class(parts[i]);
      if (order == 0) flush_marks();
      pending_.push_back({parts[i], order, i == 0});
    }
  }

  /// Orders the pending starter and marks, and passes on all but nonspacing marks.
  ///
  /// Hugging Face assigns spans after ordering: the first code point of each decomposition takes
  /// the next original, whichever it came from; the others take that of the code point before.
  void flush_marks() {
    if (pending_.size() > 1) {
      std::stable_sort(pending_.begin(), pending_.end(), [](const Pending& a, const Pending& b) {
        return a.combining_class < b.combining_class;
      });
    }
    size_t next = 0;
    for (const Pending& pending : pending_) {
      if (pending.first) origin_ = origins_[next++];
      if (!(code_point_class(pending.code_point) & kNonspacing)) lower(pending.code_point, origin_);
    }
    pending_.clear();
    origins_.erase(origins_.begin(), origins_.begin() + static_cast<std::ptrdiff_t>(next));
  }

  void lower(char32_t code_point, Span span) {
    if (!options_.lowercase) {
      out_->append(code_point, span);
      return;
    }
    char32_t lowered[2];
    const int count = lowercase(code_point, lowered);
    for (int i = 0; i < count; ++i) out_->append(lowered[i], span);
  }

  const BertNormalizerOptions& options_;
  NormalizedText* out_;
  std::vector<Pending> pending_;  // at most one starter, first; then marks
  std::vector<Span> origins_;     // of the pending code points, in text order
  Span origin_ = {0, 0};          // the last one taken
};

}  // namespace

Result<BertNormalizerOptions> bert_normalizer_from_json(const base::JsonFields& fields) {
  BertNormalizerOptions options;
  LW_ASSIGN_OR_RETURN(options.clean_text, fields.boolean_or("clean_text", true));
  LW_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                      fields.boolean_or("handle_chinese_chars", true));
  LW_ASSIGN_OR_RETURN(options.lowercase, fields.boolean_or("lowercase", true));
  LW_ASSIGN_OR_RETURN(options.strip_accents, fields.boolean_or("strip_accents", options.lowercase));
  return options;
}

base::JsonTree bert_normalizer_to_json(const BertNormalizerOptions& options) {
  return base::JsonTree::object({{"type", "BertNormalizer"},
                                 {"clean_text", options.clean_text},
                                 {"handle_chinese_chars", options.handle_chinese_chars},
                                 {"strip_accents", options.strip_accents},
                                 {"lowercase", options.lowercase}});
}

void normalize_bert(std::string_view text, int32_t offset, const BertNormalizerOptions& options,
                    NormalizedText* out) {
  Normalization normalization(options, out);
  for (size_t i = 0; i < text.size();) {
    const CodePoint code_point = decode_at(text, i);
    const auto begin = offset + static_cast<int32_t>(i);
    normalization.clean(code_point.value, {begin, begin + code_point.length});
    i += static_cast<size_t>(code_point.length);
  }
  normalization.finish();
}

}  // namespace lanewise::text

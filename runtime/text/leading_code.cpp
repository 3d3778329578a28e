#include "runtime/text/leading_code.hpp"

#include "base/status_macros.hpp"

namespace lanewise::text {

size_t LeadingCode::length(std::string_view text) const noexcept {
  if (open.empty() || !text.starts_with(open)) return 0;
  const size_t end = text.find(close);
  return end == text.npos ? 0 : end + close.size();
}

Result<LeadingCode> read_leading_code(const base::JsonFields& file) {
  LeadingCode code;
  if (!file.find("leading_code")) return code;
  LW_ASSIGN_OR_RETURN(const base::JsonFields fields, file.object("leading_code"));
  LW_ASSIGN_OR_RETURN(code.open, fields.string("open"));
  LW_ASSIGN_OR_RETURN(code.close, fields.string("close"));
  LW_ASSIGN_OR_RETURN(code.unk_token, fields.string("unk_token"));
  if (code.open.empty() || code.close.empty()) return data_loss("leading_code has no marks");
  return code;
}

}  // namespace lanewise::text

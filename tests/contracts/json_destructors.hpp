#pragma once

namespace lanewise::test {

/// Whether the calling function was called, directly or not, by a destructor of nlohmann::json.
///
/// Such a destructor allocates, a list of what it has to destroy next, and ends the process where it
/// cannot: no caller can do anything about it. Our readers do without; what writes JSON, and what
/// changes a tokenizer.json on its way into a model, still has them.
bool inside_json_destructor() noexcept;

/// Looks for those destructors in this program. Call it before inside_json_destructor().
void find_json_destructors();

}  // namespace lanewise::test

#pragma once

namespace lanewise::test {

/// Whether the calling function was called, directly or not, by something that builds or destroys
/// JSON with nlohmann-json.
///
/// That library does not stand a lack of memory: its destructors allocate (a list of what is to be
/// destroyed) and end the process where they cannot, and an object or array whose own allocation
/// fails is left half made, and then leaks or is read through a null pointer (version 3.11.2). Our
/// readers do without it; what writes JSON into a model file, and what changes a tokenizer.json on
/// its way there, does not.
bool inside_json_library() noexcept;

/// Looks for those functions in this program. Call it before inside_json_library().
void find_json_library();

}  // namespace lanewise::test

#pragma once

#include <string_view>

namespace lanewise::serve {

/// The text of the member `name` of `object`, as it stands there: a chat template sees members in
/// the order of the client, and numbers with its digits. Of several such members the last; empty if
/// there is none.
///
/// Requires that `object` is valid JSON and an object. Names with escapes are not found.
std::string_view raw_member(std::string_view object, std::string_view name) noexcept;

}  // namespace lanewise::serve

#pragma once

#include <string>
#include <string_view>

#include "lanewise/attention.hpp"

namespace lanewise::cli {

/// One HTML file that shows `attention` (cli/attention_page.html) and needs nothing else.
///
/// What is in the page, for scripts too: the element `data` has JSON (model, text, source, target,
/// written, maps: node, kind, layer, heads, queries, keys), and `weights0`, `weights1`, ... have
/// the weights of a map each: [heads, queries, keys] in base64, 16 bits a weight with the low byte
/// first. A weight is the number / 65534, within 8e-6; 65535 is NaN.
std::string attention_page(const TextAttention& attention, std::string_view model,
                           std::string_view text);

}  // namespace lanewise::cli

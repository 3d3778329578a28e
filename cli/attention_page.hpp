#pragma once

#include <string>
#include <string_view>

#include "lanewise/attention.hpp"

namespace lanewise::cli {

/// One self-contained HTML file that shows `attention` (cli/attention_page.html).
///
/// Data in the page, also for scripts: the element `data` has JSON (model, text, source, target,
/// written, maps: node, kind, layer, heads, queries, keys), and `weights0`, `weights1`, ... have
/// the weights of one map each: [heads, queries, keys] in base64, 16 bits per weight, low byte
/// first. A weight is the number / 65534, within 8e-6; 65535 is NaN.
std::string attention_page(const TextAttention& attention, std::string_view model,
                           std::string_view text);

}  // namespace lanewise::cli

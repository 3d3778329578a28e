#pragma once

#include "ops/linear/linear_list.hpp"

namespace lanewise::ops {

/// The product with a weight of i8, or of bf16, by oneDNN. Throws dnnl::error or std::bad_alloc.
OperatorPtr make_onednn_products(const LinearProblem& problem);

}  // namespace lanewise::ops

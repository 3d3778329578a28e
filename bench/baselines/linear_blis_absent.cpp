#include "bench/baselines/linear_case.hpp"

namespace lanewise::bench {

std::unique_ptr<LinearCase> make_blis_case(const LinearData&) { return nullptr; }

}  // namespace lanewise::bench

// What of the C interface needs the converters.

#include "lanewise/convert.hpp"

#include "runtime/c/calls.hpp"
#include "runtime/c/handles.hpp"

using lanewise::Status;
using lanewise::c::call;
using lanewise::c::check_given;

extern "C" {

lw_status lw_model_load(const char* path, lw_model** model) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"path", path}, {"model", model}}));
    return lanewise::c::hand_over(lanewise::load(path), model);
  });
}

lw_status lw_convert(const char* source, const char* destination,
                     const lw_convert_options* options) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"source", source}, {"destination", destination}}));
    LW_ASSIGN_OR_RETURN(const auto read, lanewise::c::read_options("lw_convert_options", options));
    lanewise::ConvertOptions convert;
    if (read.weights != nullptr) convert.weights = read.weights;
    convert.threads = read.threads;
    return lanewise::convert(source, destination, convert);
  });
}

}  // extern "C"

#include "lanewise/model.hpp"

#include "runtime/c/calls.hpp"
#include "runtime/c/handles.hpp"

using lanewise::Status;
using lanewise::c::call;
using lanewise::c::check_given;

extern "C" {

lw_status lw_model_open(const char* path, lw_model** model) {
  return call([&]() -> Status {
    LW_RETURN_IF_ERROR(check_given({{"path", path}, {"model", model}}));
    return lanewise::c::hand_over(lanewise::Model::open(path), model);
  });
}

void lw_model_free(lw_model* model) { delete model; }

const char* lw_model_task(const lw_model* model) {
  return model == nullptr ? "" : model->model.info().task.c_str();
}

}  // extern "C"

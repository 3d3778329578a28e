#pragma once

#include "ops/roofline/roofline_kernels.hpp"

#define LW_KERNEL_TABLE RooflineKernels
#define LW_KERNEL_NAME roofline_kernels
#include "ops/kernel_table.hpp"

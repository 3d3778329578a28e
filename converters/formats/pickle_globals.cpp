#include "converters/formats/pickle_globals.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/messages.hpp"

namespace lanewise::converters {
namespace {

using enum GlobalRole;

constexpr PickleGlobal kGlobals[] = {
    {"collections", "OrderedDict", kOrderedDict},
    {"collections", "defaultdict", kDefaultDict},
    {"copyreg", "_reconstructor", kReconstruct},
    {"copy_reg", "_reconstructor", kReconstruct},
    {"torch._utils", "_rebuild_tensor", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v2", kRebuildTensor},
    {"torch._utils", "_rebuild_tensor_v3", kRebuildTensorOfType},
    {"torch._utils", "_rebuild_parameter", kRebuildParameter},
    {"torch._utils", "_rebuild_parameter_with_state", kRebuildParameter},
    {"torch._tensor", "_rebuild_from_type_v2", kRebuildFromType},
    {"torch", "FloatStorage", kStorageType, DataType::kF32},
    {"torch", "HalfStorage", kStorageType, DataType::kF16},
    {"torch", "BFloat16Storage", kStorageType, DataType::kBF16},
    {"torch", "DoubleStorage", kStorageType, DataType::kF64},
    {"torch", "LongStorage", kStorageType, DataType::kI64},
    {"torch", "IntStorage", kStorageType, DataType::kI32},
    {"torch", "ShortStorage", kStorageType, DataType::kI16},
    {"torch", "CharStorage", kStorageType, DataType::kI8},
    {"torch", "ByteStorage", kStorageType, DataType::kU8},
    {"torch", "BoolStorage", kStorageType, DataType::kBool},
    {"torch.storage", "UntypedStorage", kStorageType, DataType::kU8},
    {"torch", "UntypedStorage", kStorageType, DataType::kU8},
    {"torch", "float32", kDataType, DataType::kF32},
    {"torch", "float16", kDataType, DataType::kF16},
    {"torch", "bfloat16", kDataType, DataType::kBF16},
    {"torch", "float64", kDataType, DataType::kF64},
    {"torch", "int64", kDataType, DataType::kI64},
    {"torch", "int32", kDataType, DataType::kI32},
    {"torch", "int16", kDataType, DataType::kI16},
    {"torch", "int8", kDataType, DataType::kI8},
    {"torch", "uint8", kDataType, DataType::kU8},
    {"torch", "bool", kDataType, DataType::kBool},
    {"torch", "ComplexFloatStorage", kForeignStorageType, {}, 8},
    {"torch", "ComplexDoubleStorage", kForeignStorageType, {}, 16},
    {"torch", "QInt8Storage", kForeignStorageType, {}, 1},
    {"torch", "QUInt8Storage", kForeignStorageType, {}, 1},
    {"torch", "QInt32Storage", kForeignStorageType, {}, 4},
    {"torch", "QUInt4x2Storage", kForeignStorageType, {}, 1},
    {"torch", "QUInt2x4Storage", kForeignStorageType, {}, 1},
    {"torch", "uint16", kForeignDataType},
    {"torch", "uint32", kForeignDataType},
    {"torch", "uint64", kForeignDataType},
    {"torch", "complex32", kForeignDataType},
    {"torch", "complex64", kForeignDataType},
    {"torch", "complex128", kForeignDataType},
    {"torch", "float8_e4m3fn", kForeignDataType},
    {"torch", "float8_e5m2", kForeignDataType},
    {"torch", "float8_e4m3fnuz", kForeignDataType},
    {"torch", "float8_e5m2fnuz", kForeignDataType},
    {"torch", "float8_e8m0fnu", kForeignDataType},
    {"torch", "float4_e2m1fn_x2", kForeignDataType},
    {"torch._utils", "_rebuild_qtensor", kRebuildForeign},
    {"torch._utils", "_rebuild_sparse_tensor", kRebuildForeign},
    {"torch._utils", "_rebuild_sparse_csr_tensor", kRebuildForeign},
    {"torch._utils", "_rebuild_nested_tensor", kRebuildForeign},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", kRebuildForeign},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", kRebuildForeign},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", kRebuildForeign},
    {"torch._utils", "_rebuild_wrapper_subclass", kRebuildForeign},
    {"torch", "Size", kSize},
    {"torch", "device", kIgnored},
    {"torch", "Tensor", kIgnored},
    {"torch.nn.parameter", "Parameter", kIgnored},
    // How protocol 2 writes bytes.
    {"_codecs", "encode", kIgnored},
};

/// Python's built-in values for which protocol 2 has no opcode.
constexpr PickleGlobal kPlainValue = {"builtins", "", kIgnored};
constexpr std::string_view kPlainValues[] = {
    "bool",      "bytearray", "bytes", "complex", "dict",   "Ellipsis", "float",
    "frozenset", "int",       "list",  "long",    "object", "range",    "set",
    "slice",     "str",       "tuple", "unicode", "xrange"};

/// Modules whose functions all run, load or send something.
constexpr std::string_view kRunningModules[] = {
    "os",     "posix",    "nt",          "subprocess", "sys",     "importlib", "runpy",
    "pickle", "_pickle",  "cPickle",     "marshal",    "shutil",  "socket",    "webbrowser",
    "pty",    "code",     "codeop",      "timeit",     "asyncio", "ctypes",    "pdb",
    "bdb",    "cProfile", "profile",     "pip",        "urllib",  "http",      "commands",
    "popen2", "dill",     "cloudpickle", "zipimport"};

struct RunningName {
  std::string_view module;
  std::string_view name;
};
constexpr RunningName kRunningNames[] = {{"builtins", "eval"},
                                         {"builtins", "exec"},
                                         {"builtins", "compile"},
                                         {"builtins", "open"},
                                         {"builtins", "__import__"},
                                         {"builtins", "input"},
                                         {"builtins", "breakpoint"},
                                         {"__builtin__", "eval"},
                                         {"__builtin__", "exec"},
                                         {"__builtin__", "compile"},
                                         {"__builtin__", "open"},
                                         {"__builtin__", "__import__"},
                                         {"__builtin__", "input"},
                                         {"__builtin__", "execfile"},
                                         {"__builtin__", "file"},
                                         {"io", "open"},
                                         {"_io", "open"},
                                         {"types", "CodeType"},
                                         {"types", "FunctionType"},
                                         {"numpy", "load"},
                                         {"torch", "load"}};

bool runs_something(std::string_view module, std::string_view name) {
  const std::string_view package = module.substr(0, module.find('.'));
  const bool by_module = std::find(std::begin(kRunningModules), std::end(kRunningModules),
                                   package) != std::end(kRunningModules);
  return by_module || module.starts_with("numpy.f2py") || module.starts_with("torch.hub") ||
         std::any_of(
             std::begin(kRunningNames), std::end(kRunningNames),
             [&](const RunningName& one) { return one.module == module && one.name == name; });
}

}  // namespace

const PickleGlobal* find_global(std::string_view module, std::string_view name) {
  const auto* found = std::find_if(
      std::begin(kGlobals), std::end(kGlobals),
      [&](const PickleGlobal& one) { return one.module == module && one.name == name; });
  if (found != std::end(kGlobals)) return found;
  const bool plain =
      (module == "builtins" || module == "__builtin__") &&
      std::find(std::begin(kPlainValues), std::end(kPlainValues), name) != std::end(kPlainValues);
  return plain ? &kPlainValue : nullptr;
}

std::string full_name(std::string_view module, std::string_view name) {
  constexpr size_t kMaxShown = 100;  // a name may be as long as its file
  return std::string(module.substr(0, kMaxShown)).append(".").append(name.substr(0, kMaxShown));
}

Status check_harmless(std::string_view module, std::string_view name) {
  if (!runs_something(module, name)) return {};
  return data_loss("pickle calls " + base::in_quotes(full_name(module, name)) +
                   ", which no state dict needs" + std::string(kNothingExecuted));
}

}  // namespace lanewise::converters

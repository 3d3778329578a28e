#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converters/formats/pickle.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A tensor of a state dict: its name, and its number in the pickle.
struct StateDictEntry {
  std::string name;
  size_t tensor = 0;
};

/// Finds the state dict in a file written by torch.save(), sorted by name: the pickled dict itself,
/// or a dict up to four levels below, in dicts, lists and tuples, where training scripts store it
/// beside epoch and optimizer. If there are several, those with a usual name (`state_dict`,
/// `model`, ...) take precedence, and among these the ones nearest to the root. Entries that are
/// not tensors are omitted.
///
/// Averaged copies (EMA) count only if there is nothing else. With `ema` they come first, and their
/// tensors are called `ema.NAME`, as if they were beside the plain ones in one state dict.
///
/// Fails with kInvalidArgument, naming them, if several remain; with kDataLoss if there is none;
/// with kUnsupported if there is an object of a custom class instead.
Result<std::vector<StateDictEntry>> find_state_dict(const Pickle& pickle, bool ema = false);

/// The tensors of the module in a TorchScript archive (torch.jit.save()), by name: attributes
/// of the pickled object and of the modules in it, whose names are joined by dots. Its code and its
/// nameless constants are ignored.
///
/// Fails with kDataLoss if the pickle is no module, and with kResourceExhausted if modules contain
/// one another so often that names multiply.
Result<std::vector<StateDictEntry>> find_script_tensors(const Pickle& pickle);

}  // namespace lanewise::converters

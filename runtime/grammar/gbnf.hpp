#pragma once

#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/grammar/automaton.hpp"

namespace lanewise::grammar {

/// The automaton of a grammar in GBNF, the notation of llama.cpp: rules `name ::= alternatives`
/// with literals, character classes, groups, `? * + {m,n}` and `#` comments; the texts are those of
/// the rule `root`.
///
/// An alternative may also begin a line of its own. Fails with kInvalidArgument for a syntax error,
/// an undefined or repeated rule, a missing root and left recursion; the message names the line.
/// Otherwise fails as AutomatonBuilder::build().
Result<Automaton> gbnf_automaton(std::string_view grammar);

}  // namespace lanewise::grammar

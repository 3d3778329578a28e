#pragma once

#include <string_view>

#include "lanewise/status.hpp"
#include "runtime/grammar/automaton.hpp"

namespace lanewise::grammar {

/// The automaton of the JSON texts that a JSON schema describes; what of JSON Schema is supported,
/// and how, is in the README of this folder.
///
/// Fails with kInvalidArgument if the schema is not JSON or not a schema, and if no value satisfies
/// it; with kUnsupported for keywords that restrict values and are not supported. The message names
/// the keyword and its place: `schema: '#/properties/a': keyword 'not' is not supported`.
/// Otherwise fails as AutomatonBuilder::build().
Result<Automaton> json_schema_automaton(std::string_view schema);

/// The automaton of all JSON texts.
Result<Automaton> json_automaton();

}  // namespace lanewise::grammar

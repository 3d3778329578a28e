#!/usr/bin/env bash
# check_includes.sh REPOSITORY
#
# Includes point one way:  include <- base <- ops <- runtime <- converters <- serve <- {cli, tests, bench, examples}
# serve/, cli/ and examples/ include the public headers alone, as a program of somebody else has to
# (and cli/ those of serve/), and each third-party header stays where the design put it. tests/cli/
# tests functions of cli/ too.
set -euo pipefail
cd "$1"

# One line per include or OpenMP pragma:  file <tab> line number <tab> the text after the directive,
# including its quotes.
list() {
  local folders=()
  for folder in include base ops runtime converters serve cli tests bench examples; do
    [ ! -d $folder ] || folders+=("$folder")
  done
  find "${folders[@]}" -type f \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.def' \) -print0 |
    xargs -0 grep -nHE '^[[:space:]]*#[[:space:]]*(include|pragma[[:space:]]+omp)\b|_Pragma\("omp' |
    sed -E 's/^([^:]*):([0-9]+):(.*)$/\1\t\2\t\3/'
}

list | awk -F '\t' '
  function fault(why) { print $1 ":" $2 ": " why; faults++ }
  function is(pattern) { return $1 ~ pattern }
  BEGIN {
    layer["include"] = 0; layer["base"] = 1; layer["ops"] = 2; layer["runtime"] = 3; layer["converters"] = 4
    layer["serve"] = 5
    layer["cli"] = layer["tests"] = layer["bench"] = layer["examples"] = 6
  }
  $3 ~ /omp/ && $3 ~ /[pP]ragma/ {
    if (!is("^runtime/exec/")) { if (!is("^(tests|bench|examples)/")) fault("OpenMP outside runtime/exec") }
    else if (omp_file != "" && omp_file != $1) fault("a second file with OpenMP, beside " omp_file)
    else omp_file = $1
    next
  }
  {
    total++
    header = $3
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
    quoted = header ~ /^"/
    sub(/^["<]/, "", header)
    sub(/[">].*$/, "", header)
    split($1, mine, "/"); from = mine[1]
    n = split(header, theirs, "/"); to = theirs[1] == "lanewise" ? "include" : theirs[1]
    if (header ~ /(^|\/)\.\.\//) fault("\"" header "\" goes up a folder, which hides its direction")
    if (n > 1 && to in layer) {
      if (layer[to] > layer[from]) fault(from "/ includes " to "/")
      else if (layer[to] == 6 && from != to && !(from ~ /^(tests|bench)$/ && to ~ /^(tests|bench)$/) &&
               !(is("^tests/cli/") && to == "cli"))
        fault(from "/ includes " to "/")
      else if (from ~ /^(serve|cli|examples)$/ && to != "include" && to != from && !(from == "cli" && to == "serve"))
        fault(from "/ includes " to "/, which is not public")
    }
    # Standard headers have neither a dot nor a slash, but for the two that the C interface needs.
    of_c = is("\\.h$") && header ~ /^std(def|int)\.h$/
    if (from == "include" && to != "include" && !of_c && (quoted || header ~ /[.\/]/))
      fault("a public header includes \"" header "\"")
    if (header ~ /^xsimd/ && $1 != "ops/simd.hpp") fault("xsimd outside ops/simd.hpp")
    if (header ~ /intrin\.h$/ && from == "ops" && $1 != "ops/simd.hpp") fault("intrinsics outside ops/simd.hpp")
    if (header ~ /(^|\/)(oneapi\/)?dnnl/ && !is("_onednn\\.[ch]pp$")) fault("oneDNN outside *_onednn.cpp and .hpp")
    if (header == "zip.h" && $1 != "converters/formats/zip_archive.cpp")
      fault("libzip outside converters/formats/zip_archive.cpp")
    if (header == "httplib.h" && !is("^(serve/http|tests/serve)/")) fault("cpp-httplib outside serve/http")
    # The library takes its parser, which calls us back for each value, and its digits of a number.
    # Its trees end the process where there is no memory to destroy them with.
    if (header ~ /^nlohmann\// && is("^(include|base|ops|runtime|converters)/") &&
        !is("^(base/json|base/json_text|runtime/file/safetensors_header)\\.cpp$"))
      fault("nlohmann-json in the library, outside the parsers of base/json.cpp and safetensors_header.cpp")
    # The whole header costs seconds in every file.
    if (header ~ /^nlohmann\// && !is("^(tests|bench)/|\\.cpp$"))
      fault("nlohmann-json in a header")
  }
  END {
    if (!total) { print "no includes found"; exit 1 }
    if (faults) exit 1
    print total " includes, all in order"
  }'

# Of nlohmann-json: events, what parsing may fail with, and one number.
uses=$(grep -rnE '\b(Json|nlohmann::json)\b' base/json.cpp base/json_text.cpp runtime/file/safetensors_header.cpp 2>/dev/null |
  grep -E ':[0-9]+:' | grep -vE ':[0-9]+: *//|using Json = nlohmann::json;|json_sax<Json>|Json::exception&|Json::sax_parse\(|nlohmann::json\(number\)\.dump\(\)') || true
if [ -n "$uses" ]; then
  echo "$uses"
  echo 'a tree of nlohmann-json in the library'
  exit 1
fi

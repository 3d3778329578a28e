#!/usr/bin/env bash
# planted_faults.sh
# includes|guide|public_symbols|output|text|test_files|headers|weak|instructions|size|exports|subproject|man_page|programs|docs CXX CMAKE
#
# Proves that each check can fail: it passes on a small clean tree, and fails with the right message
# on each of the faults planted here one at a time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
check=$1 cxx=${2:-c++} cmake=${3:-cmake}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{include/lanewise,ops/sum,runtime/exec,converters/formats,serve/http,cli,tests/ops,bench,examples,docs}
cd "$tree"

put() { printf '%s\n' "${@:2}" > "$1"; }
planted=0
# fault PATTERN FILE LINE...: expects the check to fail with PATTERN when FILE has these lines.
fault() {
  local pattern=$1 file=$2
  [ ! -e "$file" ] || cp "$file" "$tree/docs/saved"
  put "$file" "${@:3}"
  "$here/expect_failure.sh" "$pattern" "${command[@]}" > "$tree/docs/log" ||
    { echo "planted in $file: ${*:3}"; cat "$tree/docs/log"; exit 1; }
  if [ -e "$tree/docs/saved" ]; then mv "$tree/docs/saved" "$file"; else rm "$file"; fi
  planted=$((planted + 1))
}
clean() { "${command[@]}" > "$tree/docs/log" 2>&1 || { echo "the clean tree fails:"; cat "$tree/docs/log"; exit 1; }; }

put include/lanewise/a.hpp '#pragma once' '#include <cstdint>' 'inline std::int32_t a() { return 1; }'
put ops/ops.def 'LW_OPERATOR(sum, sum)'
put tests/ops/sum_test.cpp '#include "ops/sum/sum.hpp"' 'auto sum = make_sum(config);'
put ops/sum/sum.hpp '#pragma once' '#include "lanewise/a.hpp"' '// never calls abort()' 'static_assert(true);'
put ops/simd.hpp '#include <xsimd/xsimd.hpp>'
put runtime/exec/team.cpp '#include "ops/sum/sum.hpp"' '#pragma omp parallel' 'const char* s = "exit(1)";'
put serve/http/router.cpp '#include "serve/x.hpp"' '#include "lanewise/a.hpp"' '#include <httplib.h>'
put cli/main.cpp '#include "cli/x.hpp"' '#include "serve/x.hpp"' '#include "lanewise/a.hpp"' '#include "page.inc"'
put converters/x.cpp '#include "converters/formats/f.hpp"'
put converters/formats/f.hpp '#include "runtime/x.hpp"' '/* printf("no");' '   abort(); */ int f();'

case $check in
  includes)
    command=("$here/check_includes.sh" "$tree")
    clean
    fault 'ops/ includes runtime/' ops/sum/x.cpp '#include "runtime/x.hpp"'
    fault 'include/ includes ops/' include/lanewise/b.hpp '#include "ops/sum/sum.hpp"'
    fault 'runtime/ includes converters/' runtime/x.cpp '#include "converters/formats/f.hpp"'
    fault 'converters/ includes cli/' converters/x.cpp '#include "cli/main.hpp"'
    fault 'runtime/ includes tests/' runtime/x.cpp '#include <tests/data.hpp>'
    for folder in base ops runtime converters; do
      fault "cli/ includes $folder/, which is not public" cli/x.cpp "#include \"$folder/x.hpp\""
      fault "cli/ includes $folder/, which is not public" cli/x.hpp "#include <$folder/x.hpp>"
    done
    for folder in base ops runtime converters; do
      fault "serve/ includes $folder/, which is not public" serve/x.cpp "#include \"$folder/x.hpp\""
    done
    fault 'serve/ includes cli/' serve/x.cpp '#include "cli/x.hpp"'
    fault 'converters/ includes serve/' converters/x.cpp '#include "serve/x.hpp"'
    fault 'examples/ includes serve/' examples/x.cpp '#include "serve/x.hpp"'
    fault 'cpp-httplib outside' serve/x.cpp '#include <httplib.h>'
    fault 'cpp-httplib outside' cli/x.cpp '#include <httplib.h>'
    fault 'cli/ includes tests/' cli/x.cpp '#include "tests/data.hpp"'
    fault 'tests/ includes cli/' tests/ops/x_test.cpp '#include "cli/main.hpp"'
    fault 'examples/ includes runtime/' examples/x.cpp '#include "runtime/x.hpp"'
    fault 'goes up a folder' ops/sum/x.cpp '#include "../simd.hpp"'
    fault 'a public header includes "unistd' include/lanewise/b.h '#include <unistd.h>'
    fault 'a public header includes "stdint' include/lanewise/b.hpp '#include <stdint.h>'
    fault 'a public header includes "nlohmann' include/lanewise/b.hpp '#include <nlohmann/json.hpp>'
    fault 'xsimd outside' ops/sum/x.cpp '#include <xsimd/xsimd.hpp>'
    fault 'intrinsics outside' ops/sum/x.cpp '#include <immintrin.h>'
    fault 'oneDNN outside' ops/sum/x.cpp '#include <dnnl.hpp>'
    fault 'oneDNN outside' ops/sum/x.cpp '  #  include "oneapi/dnnl/dnnl.hpp"'
    fault 'libzip outside' converters/x.cpp '#include <zip.h>'
    for folder in ops/sum runtime converters; do
      fault 'nlohmann-json in the library' $folder/y.cpp '#include <nlohmann/json.hpp>'
      fault 'nlohmann-json in the library' $folder/y.hpp '#include <nlohmann/json_fwd.hpp>'
    done
    fault 'nlohmann-json in a header' cli/x.hpp '#include <nlohmann/json.hpp>'
    mkdir -p base
    fault 'a tree of nlohmann-json' base/json.cpp '#include <nlohmann/json.hpp>' 'Json tree = Json::object();'
    fault 'a tree of nlohmann-json' base/json_text.cpp 'auto text = nlohmann::json(value).dump();'
    fault 'OpenMP outside' ops/sum/x.cpp '#pragma omp parallel for'
    fault 'OpenMP outside' runtime/x.cpp '_Pragma("omp simd")'
    fault 'a second file with OpenMP' runtime/exec/zz.cpp '#pragma omp parallel'
    ;;
  guide)
    put include/lanewise/README.md '| `a.hpp` | numbers |' '| prose | names `gone.hpp` |'
    command=("$here/check_guide.sh" include/lanewise)
    clean
    fault 'b.hpp has no line' include/lanewise/b.hpp '#pragma once'
    fault 'c.hpp, which is not there' include/lanewise/README.md '| `a.hpp` | numbers |' '| `c.hpp` | more |'
    ;;
  output)
    command=("$here/check_no_output.sh" --sources "$tree")
    clean
    for line in 'printf("x");' 'std::cout << 1;' 'std::cerr << 1;' 'std::abort();' 'std::exit (1);' \
      'assert(x);' 'std::terminate();' 'fputs("x", stderr);' 'setenv("A", "b", 1);' \
      '/* a */ int x; /* b */ abort(); // c' 'const char* q = "\""; abort();'; do
      fault 'must not print' runtime/x.cpp 'int y;' "$line"
    done
    put docs/silent.cpp 'extern "C" int read(int, void*, unsigned long); int f() { return read(0, nullptr, 0); }'
    command=("$here/check_no_output.sh" --objects docs/x.o)
    compile() { "$cxx" -std=c++20 -O1 -c "$1" -o docs/x.o; }
    compile docs/silent.cpp
    clean
    for line in 'void f() { std::puts("x"); }' 'void f() { std::abort(); }' 'void f() { std::exit(1); }' \
      'void f(int x) { assert(x); }' 'void f() { std::cerr << 1; }' \
      'void f(const char* s) { std::fprintf(stderr, "%s", s); }'; do
      put docs/loud.cpp '#include <cassert>' '#include <cstdio>' '#include <cstdlib>' '#include <iostream>' "$line"
      compile docs/loud.cpp
      "$here/expect_failure.sh" 'must not print' "${command[@]}" > docs/log || { echo "planted: $line"; cat docs/log; exit 1; }
      planted=$((planted + 1))
    done
    ;;
  text)
    command=("$here/check_text.sh" "$tree")
    clean
    fault 'paths of a machine' cli/x.cpp "const char* p = \"/$(printf root)/x\";"
    fault 'paths of a machine' README.md "in /$(printf home)/somebody/x"
    fault 'unfinished marks' cli/x.cpp "// $(printf TO%s DO): later"
    fault 'unfinished merges' README.md "$(printf '<<<<%s HEAD' '<<<')"
    fault 'files over 1 MB' tests/big.bin "$(head -c 1100000 /dev/zero | tr '\0' x | fold -w 1000)"
    ;;
  test_files)
    command=("$cmake" "-DREPOSITORY=$tree" -P "$here/require_test_files.cmake")
    clean
    lacks_product="'product' has no tests/ops/product_test.cpp that calls make_product"
    fault "$lacks_product" ops/ops.def 'LW_OPERATOR(sum, sum)' 'LW_OPERATOR(product, products)'
    # An operator needs its own test, not that of another in its folder.
    put ops/ops.def 'LW_OPERATOR(sum, sum)' 'LW_OPERATOR(product, sum)'
    fault "$lacks_product" tests/ops/sum_test.cpp 'auto sum = make_sum(config);'
    fault "$lacks_product" tests/ops/sum_test.cpp 'make_sum(config);' '// make_product(config);'
    fault "$lacks_product" tests/ops/sum_test.cpp 'make_sum(config);' 'make_product_of_sums(config);'
    fault "$lacks_product" tests/ops/product_test.cpp '#include "ops/sum/product.hpp"'
    put tests/ops/sum_test.cpp ' make_sum(config);' ' make_product(config);'
    clean
    put ops/ops.def 'LW_OPERATOR(sum, sum)'
    fault "'pickle' has no tests/converters/pickle_test.cpp" converters/formats.def 'LW_FORMAT(pickle)'
    fault "'pickle' has no tests/fuzz/pickle_fuzz.cpp" converters/formats.def 'LW_FORMAT(pickle)'
    fault "'bert' has no tests/converters/bert_test.cpp" converters/families.def 'LW_FAMILY(bert, "bert")'
    ;;
  headers)
    command=("$here/check_header_alone.sh" "$cxx" include lanewise/a.hpp)
    clean
    fault 'int32_t' include/lanewise/a.hpp '#pragma once' 'inline std::int32_t a() { return 1; }'
    fault 'redefinition' include/lanewise/a.hpp 'inline int a() { return 1; }'
    ;;
  public_symbols)
    command=("$here/check_public_symbols.sh" docs/x.o)
    compile() { put docs/x.cpp "$@"; "$cxx" -std=c++20 -O1 -c docs/x.cpp -o docs/x.o; }
    compile 'namespace lanewise { struct Model { int info(); }; int load(Model&); namespace cli { int f(Model& m) { return load(m) + m.info(); } } }'
    clean
    for line in 'namespace ops { int best(); } namespace cli { int f() { return ops::best() + load(); } }' \
      'namespace file { struct View { int size(); }; } namespace cli { int f(file::View& v) { return v.size() + load(); } }' \
      'namespace internal { struct Data; } int size(internal::Data&); namespace cli { int f(internal::Data& d) { return size(d) + load(); } }'; do
      compile "namespace lanewise { int load(); $line }"
      "$here/expect_failure.sh" 'uses what is not public' "${command[@]}" > docs/log || { echo "planted: $line"; cat docs/log; exit 1; }
      planted=$((planted + 1))
    done
    ;;
  weak)
    command=("$here/check_weak_symbols.sh" docs/x.o)
    compile() { put docs/x.cpp "$@"; "$cxx" -std=c++20 -O0 -mavx2 -fPIC -c docs/x.cpp -o docs/x.o; }
    compile 'namespace { inline int lanes() { return 8; } }' 'namespace avx2 { int use() { return lanes(); } }'
    clean
    for line in 'inline int lanes() { return 8; }' 'template <class T> T lanes() { return 8; }' \
      'inline int table() { static int t = 8; return ++t; }' 'inline int kTable = 8;'; do
      compile "$line" 'namespace avx2 { auto use() { return sizeof(int) + '"$(
        case $line in *template*) echo 'lanes<int>()' ;; *lanes*) echo 'lanes()' ;; *kTable*) echo kTable ;; *) echo 'table()' ;; esac)"'; } }'
      "$here/expect_failure.sh" 'weak symbols in kernel objects' "${command[@]}" > docs/log ||
        { echo "planted: $line"; cat docs/log; exit 1; }
      planted=$((planted + 1))
    done
    ;;
  instructions)
    # Only the planted line uses what the flags below allow.
    compile() {
      put docs/x.cpp "int f(int x) { asm volatile(\"$1\"); return x; }"
      "$cxx" -O1 -msse4.2 -mavx512f -mavx512vl -mavx512vnni -mbmi -mlzcnt -mxsave -c docs/x.cpp -o docs/x.o
    }
    for line in 'paddd %xmm0, %xmm1' 'pextrw $1, %xmm0, %eax' 'cpuid' 'xgetbv' 'rep bsf %eax, %ecx' \
      'rep stosb' 'endbr64' 'lock cmpxchg %eax, (%rdi)'; do
      compile "$line"
      command=("$here/check_instructions.sh" "" docs/x.o)
      clean
    done
    beyond() { # FLAGS INSTRUCTION: expects it to be found in an object restricted to FLAGS
      compile "$2"
      "$here/expect_failure.sh" "^  ${2%% *} .*x\.o: f\(int\)" "$here/check_instructions.sh" "$1" docs/x.o > docs/log ||
        { echo "planted: $2"; cat docs/log; exit 1; }
      planted=$((planted + 1))
    }
    beyond "" 'haddps %xmm0, %xmm1'
    beyond "" 'pshufb %xmm0, %xmm1'
    beyond "" 'pmulld %xmm0, %xmm1'
    beyond "" 'popcnt %eax, %ecx'
    beyond "" 'lzcnt %eax, %ecx'
    beyond "" 'andn %eax, %ecx, %edx'
    beyond "" 'vaddps %xmm0, %xmm1, %xmm2'
    beyond "" 'vaddps %ymm0, %ymm1, %ymm2'
    beyond "-msse2" 'vaddps %zmm0, %zmm1, %zmm2'
    for avx2 in "-mavx2 -mfma" "-mavx2 -mfma -mavxvnni"; do
      beyond "$avx2" 'vaddps %zmm0, %zmm1, %zmm2'
      beyond "$avx2" 'vaddps %xmm16, %xmm1, %xmm2'
      beyond "$avx2" 'kmovw %k1, %eax'
    done
    beyond "-mavx512f -mavx512vl" 'vpdpbusd %zmm0, %zmm1, %zmm2'
    compile 'vpdpbusd %zmm0, %zmm1, %zmm2'
    command=("$here/check_instructions.sh" "-mavx512f -mavx512vnni -mprefer-vector-width=512" docs/x.o)
    clean
    ;;
  size)
    put docs/x.cpp 'char data[1000000] = {1};' 'int main() { return data[1]; }'
    "$cxx" docs/x.cpp -o docs/x
    command=("$here/check_size.sh" 8000000 docs/x)
    clean
    sed -i 's/1000000/8000000/' docs/x.cpp
    "$cxx" docs/x.cpp -o docs/x
    "$here/expect_failure.sh" 'the program is too large' "${command[@]}" > docs/log || { cat docs/log; exit 1; }
    planted=$((planted + 1))
    ;;
  exports)
    put docs/lanewise.h 'LW_API const char* lw_name(void);' 'LW_API void lw_free(void* it);'
    declare=('extern "C" { int lw_name() { return 0; }' 'void lw_free() {} }')
    public='namespace lanewise { struct Model { void open(); }; void Model::open() {} }'
    # library SONAME LINE...: builds it of these lines.
    library() {
      put docs/x.cpp "${@:2}"
      "$cxx" -shared -fPIC -Wl,-soname,"$1" docs/x.cpp -o docs/x.so
    }
    # refused PATTERN: the check fails on the library with this message.
    refused() {
      "$here/expect_failure.sh" "$1" "${command[@]}" > docs/log || { cat docs/log; exit 1; }
      planted=$((planted + 1))
    }
    command=("$here/check_exports.sh" docs/x.so docs/lanewise.h)
    library liblanewise.so.0 "${declare[@]}" "$public"
    clean
    library liblanewise.so.1 "${declare[@]}" "$public"
    refused "the soname is 'liblanewise.so.1'"
    library liblanewise.so.0 'extern "C" int lw_name() { return 0; }' "$public"
    refused 'declares lw_free, which is not exported'
    library liblanewise.so.0 "${declare[@]}" "$public" 'extern "C" void lw_more() {}'
    refused 'lw_more is exported'
    library liblanewise.so.0 "${declare[@]}" "$public" 'namespace lanewise::ops { void run() {} }'
    refused 'lanewise::ops::run'
    library liblanewise.so.0 "${declare[@]}" "$public" 'extern "C" void zip_open() {}'
    refused 'zip_open'
    ;;
  subproject)
    mkdir docs/lanewise
    library=('add_library(lanewise INTERFACE)' 'add_library(lanewise::lanewise ALIAS lanewise)'
      'add_library(lanewise::converters ALIAS lanewise)')
    project=docs/lanewise/CMakeLists.txt
    put $project "${library[@]}"
    command=("$cmake" -S "$here/../install/parent" -B docs/build -DCMAKE_CXX_COMPILER="$cxx"
      -DLANEWISE_DIR="$tree/docs/lanewise")
    clean
    fault "CMAKE_CXX_FLAGS was '-Wno-comment', is '-O3'" $project "${library[@]}" \
      'set(CMAKE_CXX_FLAGS -O3 PARENT_SCOPE)'
    fault 'defines the target docs' $project "${library[@]}" 'add_custom_target(docs)'
    fault 'cannot create target "tests"' $project "${library[@]}" 'add_custom_target(tests)'
    fault 'would stop the parent' $project "${library[@]}" 'file(WRITE x.cpp "")' 'add_library(lanewise_x x.cpp)' \
      'target_compile_options(lanewise_x PRIVATE -Werror)'
    fault 'adds tests: units' $project "${library[@]}" 'enable_testing()' 'add_test(NAME units COMMAND true)'
    fault 'lanewise_program is built' $project "${library[@]}" 'add_custom_target(lanewise_program)'
    ;;
  docs)
    command -v doxygen > /dev/null || { echo "needs doxygen"; exit 77; }
    mkdir -p tools docs/site
    cp "$here"/../../tools/{docs,lib.sh} tools
    cp "$here"/../../docs/site/* docs/site
    put README.md '# Lanewise'; cp README.md README.ko.md; cp README.md CONTRIBUTING.md; cp README.md docs/README.md
    command=("$here/check_docs.sh" "$tree")
    clean
    fault 'unable to resolve' docs/page.md '# Page' '[none](none.md)'
    fault 'param' include/lanewise/b.hpp '/// Adds.' '/// @param b a number' 'int add(int a);'
    ;;
  programs)
    command=("$here/join_programs.sh" "$tree" "$tree/cli/joined")
    put README.md '```cpp' 'int main(int, char**) {}' '```'
    cp README.md README.ko.md
    put docs/page.md '# Page' '<!-- runs on: ops/simd.hpp -->' '```cpp' 'int main(int, char**) {}' '```'
    clean
    fault 'line 1: no model is named' docs/other.md '```cpp' 'int main(int, char**) {}' '```'
    fault 'line 5: no model is named' docs/page.md '<!-- runs on: ops/simd.hpp -->' '```cpp' 'int main();' '```' '```cpp' '```'
    fault 'page_1 runs on ops/none, which is not there' docs/page.md '<!-- runs on: ops/none -->' '```cpp' '```'
    fault 'README.ko.md has another program' README.ko.md '```cpp' 'int main();' '```'
    ;;
  man_page)
    command -v groff > /dev/null || { echo "needs groff"; exit 77; }
    page=('.TH X 1' '.SH COMMANDS' '.SS "lanewise add [OPTIONS]"' 'Adds.' '.TP' '\fB\-\-much\fR N' 'Much.')
    # program LINE...: one with a command `add`, a flag --much, and a page of these lines.
    program() {
      put docs/program '#!/bin/sh' 'case $* in' '--man) cat docs/page ;;' \
        "--help) printf 'Commands:\n  add   Adds\n\n' ;;" "'add --help') printf '  --much N   Much\n' ;;" 'esac'
      chmod +x docs/program
      put docs/page "$@"
    }
    program "${page[@]}"
    command=("$here/check_man_page.sh" docs/program)
    clean
    fault 'groff complains' docs/page "${page[@]}" '.nosuchrequest'
    fault 'add is not described' docs/page '.TH X 1' '.SH COMMANDS' 'None.'
    fault 'add: no --much' docs/page "${page[@]:0:4}"
    ;;
  *) echo "unknown check: $check" >&2; exit 2 ;;
esac
echo "$check: all $planted planted faults were found"

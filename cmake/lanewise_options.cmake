# Options of every target of the project, none of them global: users of add_subdirectory() keep
# their own flags.

find_program(LANEWISE_CCACHE ccache)

# Precompiles the standard library's headers, once a target: a file then takes a third of a second
# to a second less. tools/tidy compiles without them and finds the file that lacks an include.
# Kernels include little, and fuzz targets have too few files.
function(lanewise_precompile_headers target)
  if(NOT PROJECT_IS_TOP_LEVEL OR
     NOT target MATCHES "^lanewise(_converters|_program|_[a-z]+_tests)?$")
    return()
  endif()
  # GCC 12 then crashes on OpenMP code with the thread sanitizer, and warns of overflows in the
  # library that it does not see otherwise.
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND
     (target STREQUAL "lanewise" OR LANEWISE_SANITIZE))
    return()
  endif()
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <cstdint> <functional> <map>
    <memory> <optional> <span> <string> <string_view> <utility> <vector>)
  if(target MATCHES "_tests$")
    target_precompile_headers(${target} PRIVATE <gtest/gtest.h>)
  elseif(target MATCHES "_program$")
    target_precompile_headers(${target} PRIVATE <CLI/CLI.hpp>)
  endif()
  # What ccache needs to know such a header by its contents, and not by its time.
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  else()
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  if(LANEWISE_CCACHE)
    set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${LANEWISE_CCACHE}")
  endif()
endfunction()

function(lanewise_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # Designated initializers leave the other members at their defaults on purpose.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Wno-missing-field-initializers)
  # A program that links the library drops the functions that it does not use (-Wl,--gc-sections).
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports false overlaps in std::string (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  # GCC warns after inlining, which sanitizers change, and then reports false positives. Clang warns
  # before inlining.
  if(PROJECT_IS_TOP_LEVEL AND (NOT LANEWISE_SANITIZE OR CMAKE_CXX_COMPILER_ID MATCHES "Clang"))
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LANEWISE_CCACHE)
    set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER ${LANEWISE_CCACHE})
  endif()
  if(LANEWISE_SANITIZE)
    # -O1 and line numbers: -O2 -g takes twice as long to compile. Without NDEBUG, so that LW_DCHECK
    # is active where a failure comes with a stack trace.
    target_compile_options(${target} PRIVATE -O1 -g1 -UNDEBUG -D_GLIBCXX_ASSERTIONS
      -fsanitize=${LANEWISE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${LANEWISE_SANITIZE})
    # Only code that reads files needs a fuzzer's counters, which double the compile time.
    if(LANEWISE_BUILD_FUZZ AND target MATCHES "^lanewise(_converters|_[a-z]+_fuzz)?$")
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endif()
  lanewise_precompile_headers(${target})
endfunction()

# lanewise_compile_for_size(target sources...): code that runs once a process, in no time. A
# precompiled header would have to be compiled for size too.
function(lanewise_compile_for_size target)
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES
    COMPILE_OPTIONS $<$<CONFIG:Release>:-Os> SKIP_PRECOMPILE_HEADERS ON)
endfunction()

# Options of every target of the project, none of them global: users of add_subdirectory() keep
# their own flags.

find_program(LANEWISE_CCACHE ccache)

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
    # What these find, the address sanitizer stops at too. They take a fifth of the time of most
    # files, and that no address wraps around takes ten times all other checks in kernels.
    if(LANEWISE_SANITIZE MATCHES "address.*undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,object-size,pointer-overflow)
    endif()
  endif()
endfunction()

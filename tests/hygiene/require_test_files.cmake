# cmake -DREPOSITORY=DIR -P require_test_files.cmake
#
# Stops the build if an operator, checkpoint format or model family has no test of its own, or a
# format no fuzz target.
#
# The test of an operator is tests/ops/<name>_test.cpp, or tests/ops/<folder>_test.cpp shared by the
# operators of a folder, and calls make_<name>(): neither another operator's test nor an empty file
# counts.

set(missing "")

# lanewise_entries(def-file out): the first two words of each LW_<KIND>(name[, folder]), as name/folder.
function(lanewise_entries def out)
  set(result "")
  if(EXISTS ${REPOSITORY}/${def})
    file(STRINGS ${REPOSITORY}/${def} entries REGEX "^LW_[A-Z_]+\\(")
    foreach(entry IN LISTS entries)
      string(REGEX MATCH "\\(([a-z0-9_]+)(, *([a-z0-9_]+))?" _ "${entry}")
      list(APPEND result "${CMAKE_MATCH_1}/${CMAKE_MATCH_3}")
    endforeach()
  endif()
  set(${out} "${result}" PARENT_SCOPE)
endfunction()

lanewise_entries(ops/ops.def operators)
foreach(operator IN LISTS operators)
  string(REPLACE "/" ";" operator "${operator}")
  list(GET operator 0 name)
  set(tested OFF)
  foreach(file IN LISTS operator)
    set(test ${REPOSITORY}/tests/ops/${file}_test.cpp)
    if(file AND EXISTS ${test})
      file(STRINGS ${test} calls REGEX "^[^/]*[^a-z0-9_]make_${name}[^a-z0-9_]")
      if(calls)
        set(tested ON)
      endif()
    endif()
  endforeach()
  if(NOT tested)
    list(APPEND missing "ops/ops.def: '${name}' has no tests/ops/${name}_test.cpp that calls make_${name}()")
  endif()
endforeach()

foreach(def formats families)
  lanewise_entries(converters/${def}.def entries)
  foreach(entry IN LISTS entries)
    string(REGEX REPLACE "/.*" "" name ${entry})
    file(GLOB tests ${REPOSITORY}/tests/converters/${name}_test.cpp
                    ${REPOSITORY}/tests/converters/*_${name}_test.cpp)
    if(NOT tests)
      list(APPEND missing "converters/${def}.def: '${name}' has no tests/converters/${name}_test.cpp")
    endif()
    if(def STREQUAL "formats" AND NOT EXISTS ${REPOSITORY}/tests/fuzz/${name}_fuzz.cpp)
      list(APPEND missing "converters/formats.def: '${name}' has no tests/fuzz/${name}_fuzz.cpp")
    endif()
  endforeach()
endforeach()

if(missing)
  list(JOIN missing "\n  " missing)
  message(FATAL_ERROR "\n  ${missing}")
endif()

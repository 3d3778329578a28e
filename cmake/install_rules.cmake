# `cmake --install`: both libraries, the public headers, the program, and a package config that
# find_package(lanewise) reads. tests/install is the consumer that proves it.
#
# The libraries are static, so their private packages reach the consumer's link line; the config
# finds those again. Header-only ones must stay out of it: link them as $<BUILD_INTERFACE:...>.

option(LANEWISE_INSTALL "Install the libraries, headers and program" ${PROJECT_IS_TOP_LEVEL})
if(NOT LANEWISE_INSTALL)
  return()
endif()
if(LANEWISE_FETCH_DEPS)
  message(STATUS "lanewise: no install rules, as dependencies may have been downloaded into the build")
  return()
endif()

include(CMakePackageConfigHelpers)
set(lanewise_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)

set_target_properties(lanewise_converters PROPERTIES EXPORT_NAME converters)
install(TARGETS lanewise lanewise_converters EXPORT lanewise-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lanewise DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(EXPORT lanewise-targets NAMESPACE lanewise:: DESTINATION ${lanewise_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lanewise-config.cmake.in
  ${PROJECT_BINARY_DIR}/lanewise-config.cmake INSTALL_DESTINATION ${lanewise_package_dir})
# Before 1.0 a minor version may break the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lanewise-config.cmake
              ${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
        DESTINATION ${lanewise_package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(TARGET lanewise_program)
  install(TARGETS lanewise_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

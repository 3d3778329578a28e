# `cmake --install`: both libraries, the public headers, the program with its manual page, a package
# config that find_package(lanewise) reads, and a pkg-config file. tests/install is a consumer that
# proves it. The components are those of the packages: runtime (the shared library), dev, tools.
#
# Private dependencies of static libraries are on the consumer's link line, so the config finds them
# again: OpenMP, oneDNN, utf8proc, PCRE2, libzip. A shared library is already linked to them.

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

# A consumer needs no JSON headers, and finds the other libraries at its own paths.
foreach(target lanewise lanewise_converters)
  if(BUILD_SHARED_LIBS)
    break()
  endif()
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  list(REMOVE_ITEM libraries $<LINK_ONLY:nlohmann_json::nlohmann_json>)
  foreach(private lanewise_utf8proc=utf8proc lanewise_pcre2=pcre2-8 lanewise_onednn=dnnl lanewise_libzip=zip)
    string(REPLACE "=" ";" private ${private})
    list(GET private 0 here)
    list(GET private 1 there)
    list(TRANSFORM libraries REPLACE "^(\\$<LINK_ONLY:)${here}>$"
         "$<BUILD_INTERFACE:\\1${here}>>;$<INSTALL_INTERFACE:\\1lanewise::${there}>>")
  endforeach()
  set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES "${libraries}")
endforeach()

if(BUILD_SHARED_LIBS)
  # Templates of the standard library are visible wherever they are instantiated, so the list says
  # what is exported. Its node is the version of the symbols.
  set(exports ${CMAKE_CURRENT_LIST_DIR}/exports.map)
  set_target_properties(lanewise PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${exports})
  target_link_options(lanewise PRIVATE LINKER:--version-script=${exports})
endif()
install(TARGETS lanewise lanewise_converters EXPORT lanewise-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lanewise DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT dev FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(EXPORT lanewise-targets NAMESPACE lanewise:: DESTINATION ${lanewise_package_dir} COMPONENT dev)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/lanewise-config.cmake.in
  ${PROJECT_BINARY_DIR}/lanewise-config.cmake INSTALL_DESTINATION ${lanewise_package_dir})
# Before 1.0 a minor version may break the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lanewise-config.cmake
              ${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
        DESTINATION ${lanewise_package_dir} COMPONENT dev)

# For builds without CMake. Its prefix follows from its place, so the package can be moved. Whoever
# links static libraries also links what they use, and C programs the library of C++.
set(lanewise_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH lanewise_prefix_from_pc /${lanewise_pc_dir} /)
string(REGEX REPLACE "/$" "" lanewise_prefix_from_pc "${lanewise_prefix_from_pc}")
if(BUILD_SHARED_LIBS)
  set(lanewise_pc_cflags " -DLANEWISE_SHARED")
  set(lanewise_pc_libs "-llanewise")
else()
  set(lanewise_pc_libs "-llanewise_converters -llanewise -lutf8proc -lpcre2-8 -lzip")
  if(LANEWISE_HAS_ONEDNN)
    string(APPEND lanewise_pc_libs " -ldnnl")
  endif()
  string(APPEND lanewise_pc_libs " ${OpenMP_CXX_FLAGS} -lstdc++ -lm")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/lanewise.pc.in ${PROJECT_BINARY_DIR}/lanewise.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lanewise.pc DESTINATION ${lanewise_pc_dir} COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT license)

if(TARGET lanewise_program)
  # Where the system's loader looks, the program needs no path of its own.
  if(BUILD_SHARED_LIBS AND NOT CMAKE_INSTALL_FULL_LIBDIR IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    file(RELATIVE_PATH libraries /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
    set_target_properties(lanewise_program PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries}")
  endif()
  install(TARGETS lanewise_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  if(NOT CMAKE_CROSSCOMPILING AND NOT LANEWISE_SANITIZE)
    install(FILES ${PROJECT_BINARY_DIR}/lanewise.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tools)
  endif()
  if(TARGET lanewise_serve)
    # The unit names the program at its place, which `cmake --install --prefix` may choose. systemd
    # looks below /usr and below /usr/local, whatever the folder of libraries is called.
    set(lanewise_unit ${PROJECT_BINARY_DIR}/lanewise-serve@.service)
    install(CODE "set(LANEWISE_PROGRAM \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/lanewise)
      configure_file(${PROJECT_SOURCE_DIR}/packaging/lanewise-serve@.service.in ${lanewise_unit} @ONLY)"
      COMPONENT tools)
    install(FILES ${lanewise_unit} DESTINATION lib/systemd/system COMPONENT tools)
  endif()
endif()

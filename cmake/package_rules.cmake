# `cpack`: Debian packages of the components that install_rules.cmake names (packaging/README.md). The
# preset `package` builds for them; tools/package does everything.

if(NOT PROJECT_IS_TOP_LEVEL OR NOT LANEWISE_INSTALL OR LANEWISE_FETCH_DEPS)
  return()
endif()

set(packaging ${PROJECT_SOURCE_DIR}/packaging)
# Debian's variables for who makes a package.
set(LANEWISE_PACKAGE_CONTACT "the lanewise contributors <nobody@localhost>" CACHE STRING
  "Maintainer of the packages; default: $DEBFULLNAME and $DEBEMAIL")
set(CPACK_PACKAGE_CONTACT ${LANEWISE_PACKAGE_CONTACT})
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_PACKAGE_NAME lanewise)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # it would stand before that of each component
set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${packaging}/compress.cmake)
# Programs link a library only with the same version of it: before 1.0 another may differ.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
string(TIMESTAMP lanewise_package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # or $SOURCE_DATE_EPOCH
configure_file(${packaging}/changelog.in ${PROJECT_BINARY_DIR}/changelog.Debian @ONLY)

# lanewise_package(component name section SUMMARY text DESCRIPTION text [DEPENDS packages]): the package
# of a component. Its documents belong to no other installation.
function(lanewise_package component name section)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "SUMMARY;DESCRIPTION;DEPENDS" "")
  set(doc ${CMAKE_INSTALL_DATAROOTDIR}/doc/${name})
  install(FILES ${packaging}/copyright ${PROJECT_BINARY_DIR}/changelog.Debian DESTINATION ${doc}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${doc} RENAME changelog
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  string(TOUPPER ${component} key)
  set(variable CPACK_DEBIAN_${key}_PACKAGE)
  set(${variable}_NAME ${name} PARENT_SCOPE)
  set(${variable}_SECTION ${section} PARENT_SCOPE)
  set(${variable}_DEPENDS ${arg_DEPENDS} PARENT_SCOPE)
  set(CPACK_COMPONENT_${key}_DESCRIPTION "${arg_SUMMARY}\n${arg_DESCRIPTION}" PARENT_SCOPE)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} PARENT_SCOPE)
endfunction()

set(about "lanewise runs Transformers on ordinary CPUs. It loads PyTorch checkpoints
without Python and does everything from tokenization to sentence embeddings
and generated text.")
set(version "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_COMPONENTS_ALL)
if(BUILD_SHARED_LIBS)
  lanewise_package(runtime liblanewise${PROJECT_VERSION_MAJOR} libs SUMMARY "Transformers on CPUs (library)"
    DESCRIPTION "${about}\n\nThis package contains the shared library.")
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${packaging}/triggers)
  set(runtime_package "liblanewise${PROJECT_VERSION_MAJOR} ${version}")
  set(link_packages ${runtime_package})
else()
  set(link_packages "libutf8proc-dev, libpcre2-dev, libzip-dev")
  if(LANEWISE_HAS_ONEDNN)
    string(APPEND link_packages ", libdnnl-dev")
  endif()
endif()
lanewise_package(dev liblanewise-dev libdevel DEPENDS "${link_packages}"
  SUMMARY "Transformers on CPUs (development files)"
  DESCRIPTION "${about}\n\nThis package contains what programs that use it are compiled with.")
if(TARGET lanewise_program)
  lanewise_package(tools lanewise science DEPENDS "${runtime_package}" SUMMARY "Transformers on CPUs (program)"
    DESCRIPTION "${about}\n\nThis package contains the program lanewise.")
endif()
# Where dpkg-shlibdeps finds the library of another package that the program is linked with.
get_target_property(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS lanewise BINARY_DIR)
include(CPack)

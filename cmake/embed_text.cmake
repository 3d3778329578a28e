# lanewise_embed_text(file name): writes `file` as a C++ string literal into name.inc of the binary
# folder. The line `/* page_style.css */` of a page becomes the style that all pages share.

set(lanewise_page_style ${CMAKE_CURRENT_LIST_DIR}/page_style.css)

function(lanewise_embed_text file name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file} ${lanewise_page_style})
  file(READ ${file} text)
  file(READ ${lanewise_page_style} style)
  string(REPLACE "/* page_style.css */\n" "${style}" text "${text}")
  file(CONFIGURE OUTPUT ${name}.inc CONTENT "R\"lanewise(@text@)lanewise\"\n" @ONLY)
endfunction()

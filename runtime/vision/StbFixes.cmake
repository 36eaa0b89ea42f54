# stb_image 2.27, which Debian 12 has, reads and writes out of bounds for some damaged pictures.
# A copy of the system's header goes to the build folder with the few lines changed that matter;
# versions that have mended a line do not contain it, and are left as they are.
#
#   bluec_fix_stb(SYSTEM_HEADER COPY)

function(bluec_fix_stb from to)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(READ ${from} text)

  # A marker in the middle of a JPEG's data left the bit buffer short, and what read from it took
  # more bits than there were. Zeros follow the data instead, as many as are asked for.
  string(REPLACE
    "j->nomore = 1;\n            return;"
    "j->nomore = 1;\n            b = 0;"
    text "${text}")
  # A code that is in no table got an index out of one.
  string(REPLACE
    "+ h->delta[k];\n   STBI_ASSERT"
    "+ h->delta[k];\n   if (c < 0 || c >= 256) return -1;\n   STBI_ASSERT"
    text "${text}")

  file(CONFIGURE OUTPUT ${to} CONTENT "@text@" @ONLY)
endfunction()

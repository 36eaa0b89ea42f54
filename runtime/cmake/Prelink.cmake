# bluec_prelink(NAME LIBRARY...): target NAME makes NAME.o of the object library NAME_main, of
# LIBRARY... and of what the system has of a static program: start files and libraries. Any linker
# makes a program of it and of the code that it asks for, with no compiler and no library at hand.
# No target, and a message, where the system has no static libraries.
function(bluec_prelink name)
  foreach(file crt1.o crti.o crtbeginT.o libstdc++.a libm.a libgcc.a libgcc_eh.a libc.a crtend.o crtn.o)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${file}
                    OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT IS_ABSOLUTE "${path}")
      message(STATUS "no ${file} for static programs: no ${name}.o")
      return()
    endif()
    list(APPEND files ${path})
  endforeach()
  list(SUBLIST files 0 3 start)
  list(SUBLIST files 3 5 libraries)
  list(SUBLIST files 8 2 end)
  set(out ${PROJECT_BINARY_DIR}/${name}.o)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
  add_custom_command(OUTPUT ${out}
    # A warning would be for dlopen, which no program of this kind calls: its code is linked in.
    COMMAND ${CMAKE_CXX_COMPILER} -r -nostdlib -fuse-ld=bfd -Wl,--strip-debug,--no-warnings -o ${out}
            ${start} $<TARGET_OBJECTS:${name}_main> ${archives}
            -Wl,--start-group ${libraries} -Wl,--end-group ${end}
    DEPENDS $<TARGET_OBJECTS:${name}_main> ${ARGN}
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Prelinking ${name}.o")
  add_custom_target(${name} ALL DEPENDS ${out})
endfunction()

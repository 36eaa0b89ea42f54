# Lays down at TO what every folder of C++ source has beside the model: the runtime's sources with
# their headers, and what is in folder/.
file(REMOVE_RECURSE ${TO})
file(COPY ${ROOT}/targets/cpp/folder/README.md DESTINATION ${TO})
configure_file(${ROOT}/targets/cpp/folder/CMakeLists.txt.in ${TO}/CMakeLists.txt COPYONLY)
configure_file(${ROOT}/runtime/cli/ask.cpp ${TO}/main.cpp COPYONLY)
file(COPY ${ROOT}/runtime DESTINATION ${TO})
file(COPY ${JSON}/nlohmann DESTINATION ${TO}/runtime/headers)
file(COPY ${STB}/stb/stb_image.h DESTINATION ${TO}/runtime/headers/stb)

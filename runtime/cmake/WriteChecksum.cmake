# cmake -D TEXT=file -D ABOUT=string -D ROOT=folder -D SUM=file -P WriteChecksum.cmake: writes the
# checksum of TEXT and of ABOUT without the paths below ROOT to SUM, and removes TEXT.
file(SHA256 ${TEXT} text)
string(REPLACE "${ROOT}" "" about "${ABOUT}")
string(SHA256 sum "${text} ${about}")
file(WRITE ${SUM} "${sum}\n")
file(REMOVE ${TEXT})

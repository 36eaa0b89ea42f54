// The version that artefacts and `bluec --version` carry.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_VERSION_H
#define BLUEC_COMPILER_DRIVER_SESSION_VERSION_H

namespace bluec {

// BLUEC_VERSION is the project's version, from CMakeLists.txt.
inline constexpr char kProducer[] = "bluec " BLUEC_VERSION;

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_VERSION_H

// For tests of what a message says, whatever the line and the column.
#ifndef BLUEC_TESTS_UNIT_COMPILER_BASE_WITHOUTPLACE_H
#define BLUEC_TESTS_UNIT_COMPILER_BASE_WITHOUTPLACE_H

#include <regex>
#include <string>

namespace bluec {

/// "file:3:17: what is wrong" as "file: what is wrong".
inline std::string withoutPlace(const std::string &message) {
  return std::regex_replace(message, std::regex("^([^:]*):[0-9]+:[0-9]+:"), "$1:");
}

} // namespace bluec

#endif // BLUEC_TESTS_UNIT_COMPILER_BASE_WITHOUTPLACE_H

// UTF-8 text by code points, with the classes and the cases of Python's str.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_CODEPOINTS_H
#define BLUEC_COMPILER_IMPORT_JINJA_CODEPOINTS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bluec::jinja {

/// Bytes of the first code point; what is no UTF-8 counts byte by byte. `text` is not empty.
size_t codePointBytes(std::string_view text);
uint32_t codePointOf(std::string_view text);
size_t countCodePoints(std::string_view text);
/// Byte offset of a code point; the end for one past the last.
size_t offsetOf(std::string_view text, size_t index);
void appendCodePoint(std::string &text, uint32_t codePoint);
std::vector<uint32_t> codePointsOf(std::string_view text);

/// As std::string_view's find and rfind, in time that is linear whatever the texts are.
size_t findText(std::string_view text, std::string_view what);
size_t findLastText(std::string_view text, std::string_view what);

bool isSpace(uint32_t codePoint); // str.isspace

enum class Side { Left, Right, Both };
/// Without white space at its ends.
std::string_view strip(std::string_view text, Side side);
/// Without those of the code points `set` at its ends.
std::string_view strip(std::string_view text, std::string_view set, Side side);

/// As str.splitlines, which knows more ends of a line than \n.
std::vector<std::string_view> splitLines(std::string_view text, bool keepsEnds);

// Letters outside of ASCII that have cases make these fail: no tables of them are kept here.
std::string lowerCase(std::string_view text);
std::string upperCase(std::string_view text);
std::string swapCase(std::string_view text);
std::string capitalize(std::string_view text);
std::string titleCase(std::string_view text);  // str.title
std::string titleWords(std::string_view text); // the filter title
bool isLowerCase(std::string_view text);       // str.islower
bool isUpperCase(std::string_view text);       // str.isupper

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_CODEPOINTS_H

// Files of JSON, field by field: every field that is read is checked.
#ifndef BLUEC_COMPILER_BASE_JSONREADER_H
#define BLUEC_COMPILER_BASE_JSONREADER_H

#include "compiler/base/JsonValue.h"

#include <initializer_list>
#include <span>

namespace bluec {

/// The value in a regular file; `shownAs` begins the messages. Nothing, and a line in `fault`, for
/// anything else.
std::optional<JsonValue> readJsonFile(const std::string &path, std::string_view shownAs,
                                      const JsonLimits &limits, std::string &fault);

/// The object itself where the name of a file may stand, too: "{...}", or "json:{...}" as the value
/// of a pass option, from which MLIR would take the braces off. Nothing for anything else.
std::optional<std::string_view> inlineJson(std::string_view nameOrText);
/// As the value of a pass option, which MLIR prints and reads as the same.
std::string asPassOption(std::string_view nameOrText);

/// Null in a file of others means that a field is not there; in a file of bluec's own it is wrong.
enum class JsonNulls { Wrong, Absent };

/// One object of a file. The first fault is kept, as one line: file:line:column: field: expected,
/// found. What is read after it may be anything, so a row of reads needs one check at its end.
class JsonReader {
public:
  /// `field` is the object's name in messages; empty: it is the file itself. `value` and `fault`
  /// outlive the reader.
  JsonReader(const JsonValue &value, std::string file, std::string field, std::string &fault,
             JsonNulls nulls = JsonNulls::Wrong);

  /// The reader of another value of the file.
  JsonReader of(const JsonValue &value, std::string field) const {
    return JsonReader(value, file, std::move(field), fault, nulls);
  }
  /// The reader of a member; of an empty object if there is none.
  JsonReader child(const char *key) const;

  bool failed() const { return !fault.empty(); }
  const JsonValue &value() const { return object; }

  /// Null when it is not there.
  const JsonValue *find(const char *key) const;
  /// A fault when it is not there.
  const JsonValue *require(const char *key, const std::string &expected) const;
  /// Whether the object has members of these names only.
  bool hasOnly(std::initializer_list<const char *> keys) const {
    return hasOnly(std::span<const char *const>(keys.begin(), keys.size()));
  }
  bool hasOnly(std::span<const char *const> keys) const;

  /// Fields that are not there are `otherwise`.
  bool boolean(const char *key, bool otherwise) const;
  std::string string(const char *key, std::string otherwise) const;
  double number(const char *key, double otherwise) const;
  double number(const char *key, double otherwise, double least, double most) const;
  std::optional<int64_t> integer(const char *key, int64_t least, int64_t most) const;
  /// A string for people: short, and without control characters.
  std::string line(const char *key, std::string otherwise) const;
  /// One of `names`; a fault when it is not there.
  std::string choice(const char *key, std::span<const std::string> names) const;
  /// Of at least `least` values and at most `most`. `what` they are, such as " rules". Null, and a
  /// fault, for anything else; null alone when it is not there.
  const JsonValue::Array *list(const char *key, size_t least, size_t most,
                               const char *what = "") const;

  /// The same of a value that was found.
  int64_t asInteger(const JsonValue &found, const std::string &key, int64_t least,
                    int64_t most) const;
  double asNumber(const JsonValue &found, const std::string &key) const;

  /// `key` may be empty: the object itself is at fault.
  void fail(const std::string &key, const std::string &expected, const JsonValue &found) const {
    add(key, expected, shown(found), found.place());
  }
  void failWith(const std::string &key, const std::string &expected,
                const std::string &found) const {
    const JsonValue *value = object.find(key);
    add(key, expected, found, value ? value->place() : object.place());
  }

  /// The value as messages show it: not too long.
  static std::string shown(const JsonValue &value);
  static std::string shown(std::string_view text) { return shown(JsonValue(std::string(text))); }
  /// "a, b or c"
  static std::string listed(std::span<const std::string> names);

private:
  void add(const std::string &key, const std::string &expected, const std::string &found,
           JsonPlace place) const;

  const JsonValue &object;
  std::string file, field;
  std::string &fault;
  JsonNulls nulls;
};

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_JSONREADER_H

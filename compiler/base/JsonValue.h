// JSON as data: light values that know where in their text they were found.
//
// Text is hostile input: it is UTF-8 or refused, and its size, its nesting and its number of values
// are limited. Infinity, -Infinity and NaN are numbers, as Python writes and reads them; whoever
// wants a finite one has to ask for it.
#ifndef BLUEC_COMPILER_BASE_JSONVALUE_H
#define BLUEC_COMPILER_BASE_JSONVALUE_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bluec {

/// Of a value's first character, counted from 1, columns in bytes; 0: the value is from no text.
struct JsonPlace {
  uint32_t line = 0, column = 0;
};

struct JsonMember;

/// Null by default. Members of an object keep their order; of several with one name, the first has
/// the place and the last one the value.
class JsonValue {
public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;

  JsonValue() = default;
  template <typename T> explicit JsonValue(T value, JsonPlace place = {});

  bool isNull() const { return std::holds_alternative<std::monostate>(data); }
  bool isObject() const { return object() != nullptr; }
  /// Null of another kind of value.
  const bool *boolean() const { return std::get_if<bool>(&data); }
  const std::string *string() const { return std::get_if<std::string>(&data); }
  const Array *array() const { return std::get_if<Array>(&data); }
  const Object *object() const { return std::get_if<Object>(&data); }
  /// A number that was written without fraction and exponent and has 64 bits.
  std::optional<int64_t> integer() const;
  /// Any number.
  std::optional<double> number() const;
  /// The member of that name; null without one, and of what is no object.
  const JsonValue *find(std::string_view key) const;

  /// Sets a member of an object, behind the others if it is new.
  void set(std::string_view key, JsonValue value);

  JsonPlace place() const { return where; }

  /// As JSON on one line. Numbers are written so that reading them gives the same.
  std::string text() const;

private:
  void print(std::string &to) const;

  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> data;
  JsonPlace where;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

template <typename T>
JsonValue::JsonValue(T value, JsonPlace place) : data(std::move(value)), where(place) {}

struct JsonLimits {
  size_t bytes = size_t{1} << 20;
  int depth = 16;          // levels of nesting
  size_t values = 100'000; // in all
};

/// The value that `text` is. Nothing, and one line in `fault` that begins with `file` and, where
/// there is one, line and column, for anything else.
std::optional<JsonValue> parseJson(std::string_view text, std::string_view file,
                                   const JsonLimits &limits, std::string &fault);

/// "file:3:17", or "file" without a place.
std::string jsonPlaceText(std::string_view file, JsonPlace place);

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_JSONVALUE_H

// The values of a tokenizer.json, and faults that name their places.
#ifndef BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENIZERJSON_H
#define BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENIZERJSON_H

#include "compiler/base/JsonReader.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>

namespace bluec::tokenizer {

inline constexpr const char *kFileName = "tokenizer.json", *kConfigName = "tokenizer_config.json";

// `at` is the value of `file` that is at fault, or null.
inline runtime::Status bad(const JsonValue &at, const std::string &message,
                           const char *file = kFileName) {
  return {runtime::Code::InvalidArgument, jsonPlaceText(file, at.place()) + ": " + message};
}

inline runtime::Status unsupported(const JsonValue &at, const std::string &place,
                                   const std::string &expected, const std::string &found) {
  return bad(at, place + ": expected " + expected + ", found " + runtime::inQuotes(found));
}

// Member `key` of an object; null when it is absent or `json` is no object.
inline const JsonValue &member(const JsonValue &json, const char *key) {
  static const JsonValue none;
  const JsonValue *found = json.find(key);
  return found ? *found : none;
}

// Values of a list; none of what is no list.
inline const JsonValue::Array &valuesOf(const JsonValue &json) {
  static const JsonValue::Array none;
  return json.array() ? *json.array() : none;
}

inline bool isTrue(const JsonValue &json, const char *key, bool absent = false) {
  const bool *value = member(json, key).boolean();
  return value ? *value : absent;
}

inline std::string textOf(const JsonValue &json, const char *key) {
  const std::string *value = member(json, key).string();
  return value ? *value : std::string();
}

// An id, or nothing.
inline std::optional<std::uint32_t> idOf(std::optional<std::int64_t> value) {
  if (!value || *value < 0 || *value > 0x7ffffffe)
    return std::nullopt;
  return std::uint32_t(*value);
}

} // namespace bluec::tokenizer

#endif // BLUEC_COMPILER_IMPORT_TOKENIZER_TOKENIZERJSON_H

#include "compiler/base/JsonReader.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

using namespace bluec;

std::optional<JsonValue> bluec::readJsonFile(const std::string &path, std::string_view shownAs,
                                             const JsonLimits &limits, std::string &fault) {
  std::error_code code;
  // The kind is asked before the file is opened: opening a FIFO would wait for a writer.
  const bool isFile = std::filesystem::is_regular_file(path, code);
  const uintmax_t size = isFile ? std::filesystem::file_size(path, code) : 0;
  if (!isFile || code || size > limits.bytes) {
    fault = std::string(shownAs) + ": expected a file of at most " +
            std::to_string(limits.bytes >> 20) + " MiB";
    return std::nullopt;
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text(size, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(size))) {
    fault = std::string(shownAs) + ": expected a file that can be read";
    return std::nullopt;
  }
  return parseJson(text, shownAs, limits, fault);
}

static constexpr std::string_view kInlinePrefix = "json:";

std::optional<std::string_view> bluec::inlineJson(std::string_view nameOrText) {
  if (nameOrText.starts_with(kInlinePrefix))
    nameOrText.remove_prefix(kInlinePrefix.size());
  return nameOrText.starts_with("{") ? std::optional(nameOrText) : std::nullopt;
}

std::string bluec::asPassOption(std::string_view nameOrText) {
  const bool isText = nameOrText.starts_with("{");
  return std::string(isText ? kInlinePrefix : "").append(nameOrText);
}

JsonReader::JsonReader(const JsonValue &value, std::string file, std::string field,
                       std::string &fault, JsonNulls nulls)
    : object(value), file(std::move(file)), field(std::move(field)), fault(fault), nulls(nulls) {
  if (!object.isObject())
    fail("", "an object", object);
}

JsonReader JsonReader::child(const char *key) const {
  static const JsonValue none{JsonValue::Object()};
  const JsonValue *value = find(key);
  return of(value ? *value : none, field.empty() ? key : field + "." + key);
}

const JsonValue *JsonReader::find(const char *key) const {
  const JsonValue *value = object.find(key);
  return value && value->isNull() && nulls == JsonNulls::Absent ? nullptr : value;
}

const JsonValue *JsonReader::require(const char *key, const std::string &expected) const {
  const JsonValue *value = find(key);
  if (!value)
    failWith(key, expected, "none");
  return value;
}

bool JsonReader::hasOnly(std::span<const char *const> keys) const {
  const JsonValue::Object *members = object.object();
  if (!members)
    return false; // which was said
  for (const JsonMember &member : *members)
    if (std::find(keys.begin(), keys.end(), member.name) == keys.end()) {
      std::vector<std::string> names(keys.begin(), keys.end());
      add("", listed(names), shown(member.name), member.value.place());
      return false;
    }
  return true;
}

bool JsonReader::boolean(const char *key, bool otherwise) const {
  const JsonValue *value = find(key);
  if (value && !value->boolean())
    fail(key, "true or false", *value);
  return value && value->boolean() ? *value->boolean() : otherwise;
}

std::string JsonReader::string(const char *key, std::string otherwise) const {
  const JsonValue *value = find(key);
  if (value && !value->string())
    fail(key, "a string", *value);
  return value && value->string() ? *value->string() : otherwise;
}

double JsonReader::number(const char *key, double otherwise) const {
  const JsonValue *value = find(key);
  return value ? asNumber(*value, key) : otherwise;
}

double JsonReader::number(const char *key, double otherwise, double least, double most) const {
  const JsonValue *value = find(key);
  if (!value)
    return otherwise;
  std::optional<double> found = value->number();
  if (found && *found >= least && *found <= most)
    return *found;
  fail(key, "a number from " + shown(JsonValue(least)) + " to " + shown(JsonValue(most)), *value);
  return otherwise;
}

std::optional<int64_t> JsonReader::integer(const char *key, int64_t least, int64_t most) const {
  const JsonValue *value = find(key);
  return value ? std::optional(asInteger(*value, key, least, most)) : std::nullopt;
}

std::string JsonReader::line(const char *key, std::string otherwise) const {
  constexpr size_t kLongest = 1000;
  const JsonValue *value = find(key);
  if (!value)
    return otherwise;
  const std::string *text = value->string();
  const auto isControl = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  if (!text || text->size() > kLongest)
    fail(key, "a string of at most " + std::to_string(kLongest) + " bytes", *value);
  else if (std::any_of(text->begin(), text->end(), isControl))
    fail(key, "a string without control characters", *value);
  else
    return *text;
  return otherwise;
}

std::string JsonReader::choice(const char *key, std::span<const std::string> names) const {
  const JsonValue *value = require(key, listed(names));
  const std::string *text = value ? value->string() : nullptr;
  if (text && std::find(names.begin(), names.end(), *text) != names.end())
    return *text;
  if (value)
    fail(key, listed(names), *value);
  return names.empty() ? std::string() : names.front();
}

const JsonValue::Array *JsonReader::list(const char *key, size_t least, size_t most,
                                         const char *what) const {
  const JsonValue *value = find(key);
  if (!value)
    return nullptr;
  const JsonValue::Array *values = value->array();
  if (values && values->size() >= least && values->size() <= most)
    return values;
  const std::string range = least == 0 ? "at most " + std::to_string(most)
                                       : std::to_string(least) + " to " + std::to_string(most);
  fail(key, "a list of " + range + what, *value);
  return nullptr;
}

int64_t JsonReader::asInteger(const JsonValue &found, const std::string &key, int64_t least,
                              int64_t most) const {
  std::optional<int64_t> value = found.integer();
  if (value && *value >= least && *value <= most)
    return *value;
  fail(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most), found);
  return least;
}

double JsonReader::asNumber(const JsonValue &found, const std::string &key) const {
  std::optional<double> value = found.number();
  if (value && std::isfinite(*value))
    return *value;
  fail(key, "a number", found);
  return 1;
}

void JsonReader::add(const std::string &key, const std::string &expected, const std::string &found,
                     JsonPlace place) const {
  if (failed())
    return;
  const std::string name = field.empty() || key.empty() ? field + key : field + "." + key;
  fault = jsonPlaceText(file, place) + ": " + (name.empty() ? "" : name + ": ") + "expected " +
          expected + ", found " + found;
  // Strings of the file are part of it.
  std::replace_if(
      fault.begin(), fault.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
}

std::string JsonReader::shown(const JsonValue &value) {
  size_t most = 60;
  std::string text = value.text();
  if (text.size() <= most)
    return text;
  while ((static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) // not within a character
    --most;
  return text.substr(0, most) + "...";
}

std::string JsonReader::listed(std::span<const std::string> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

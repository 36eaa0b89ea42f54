#include "compiler/base/JsonReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"

using namespace bluec;
using llvm::StringRef;

static constexpr int deepest = 16; // levels of nesting
static constexpr size_t longestText = 1000;

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> JsonReader::readFile(StringRef path) {
  uint64_t size = 0;
  if (!llvm::sys::fs::is_regular_file(path) || llvm::sys::fs::file_size(path, size) ||
      size > largestFile)
    return llvm::createStringError(path + ": expected a file of at most 1 MiB");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  return std::move(*buffer);
}

std::optional<JsonReader::Json> JsonReader::parse(StringRef text) {
  if (text.size() > largestFile) {
    fault = where + ": expected at most 1 MiB, found " + std::to_string(text.size()) + " bytes";
    return std::nullopt;
  }
  bool tooDeep = false;
  auto watchDepth = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > deepest;
    return !tooDeep; // what is deeper is thrown away while it is read
  };
  Json json = Json::parse(text.begin(), text.end(), watchDepth, /*allow_exceptions=*/false);
  if (tooDeep)
    fault = where + ": expected at most " + std::to_string(deepest) + " levels of nesting";
  else if (json.is_discarded())
    fault = where + ": expected JSON";
  else
    return json;
  return std::nullopt;
}

bool JsonReader::fail(const std::string &place, const std::string &expected, const Json &found) {
  return failWith(place, expected, shown(found));
}

bool JsonReader::failWith(const std::string &place, const std::string &expected,
                          const std::string &found) {
  if (fault.empty())
    fault = where + ": " + place + ": expected " + expected + ", found " + found;
  return false;
}

llvm::Error JsonReader::takeFault() {
  if (fault.empty())
    return llvm::Error::success();
  for (char &c : fault)
    c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return llvm::createStringError(fault);
}

bool JsonReader::isObject(const std::string &place, const Json &value,
                          llvm::ArrayRef<const char *> allowedKeys) {
  if (!value.is_object())
    return fail(place, "an object", value);
  for (const auto &[key, ignored] : value.items())
    if (llvm::none_of(allowedKeys, [&](const char *known) { return key == known; })) {
      std::vector<std::string> names(allowedKeys.begin(), allowedKeys.end());
      return fail(place, listed(names), Json(key));
    }
  return true;
}

void JsonReader::string(const std::string &place, const Json &object, const char *key,
                        std::string &to) {
  auto found = object.find(key);
  if (found == object.end())
    return;
  if (!found->is_string() || found->get_ref<const std::string &>().size() > longestText) {
    fail(place + "." + key, "a string of at most " + std::to_string(longestText) + " bytes",
         *found);
    return;
  }
  // It stands in tables and in messages of one line.
  const std::string &text = found->get_ref<const std::string &>();
  if (llvm::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }))
    fail(place + "." + key, "a string without control characters", *found);
  else
    to = text;
}

void JsonReader::boolean(const std::string &place, const Json &object, const char *key, bool &to) {
  auto found = object.find(key);
  if (found == object.end())
    return;
  if (!found->is_boolean())
    fail(place + "." + key, "true or false", *found);
  else
    to = found->get<bool>();
}

std::string JsonReader::oneLine(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string JsonReader::shown(const Json &value) {
  constexpr size_t most = 60;
  std::string text = oneLine(value);
  return text.size() > most ? text.substr(0, most) + "..." : text;
}

std::string JsonReader::listed(llvm::ArrayRef<std::string> names) {
  std::string text;
  for (auto [i, name] : llvm::enumerate(names))
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + name;
  return text;
}

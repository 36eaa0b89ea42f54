// Data files of users (recipes, machine descriptions): JSON whose every field is checked.
#ifndef BLUEC_COMPILER_BASE_JSONREADER_H
#define BLUEC_COMPILER_BASE_JSONREADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>

namespace bluec {

/// Base of readers. Keeps the first fault, as one line: where, place, expected, found; what is read
/// after it may be anything.
class JsonReader {
public:
  using Json = nlohmann::ordered_json;

  static constexpr uint64_t largestFile = uint64_t{1} << 20; // bytes; real ones have a few hundred

  /// Null and an error for what is no regular file of at most `largestFile`.
  static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readFile(llvm::StringRef path);

protected:
  explicit JsonReader(llvm::StringRef where) : where(where.str()) {}

  /// Nothing, and a fault, for text that is no JSON, too long, or nested too deeply.
  std::optional<Json> parse(llvm::StringRef text);

  bool fail(const std::string &place, const std::string &expected, const Json &found);
  bool failWith(const std::string &place, const std::string &expected, const std::string &found);
  bool failed() const { return !fault.empty(); }
  llvm::Error takeFault();

  /// Fields that are not there keep what `to` is; `object` is one.
  bool isObject(const std::string &place, const Json &value,
                llvm::ArrayRef<const char *> allowedKeys);
  void string(const std::string &place, const Json &object, const char *key, std::string &to);
  void boolean(const std::string &place, const Json &object, const char *key, bool &to);

  /// The value as messages show it: not too long.
  static std::string shown(const Json &value);
  /// "a, b or c"
  static std::string listed(llvm::ArrayRef<std::string> names);
  /// The same on one line.
  static std::string oneLine(const Json &json);

private:
  std::string where, fault;
};

} // namespace bluec

#endif // BLUEC_COMPILER_BASE_JSONREADER_H

// Errors as values. Nothing in the runtime throws across a function that returns one of these.
//
// A message is one line, lower case, without a final period: where it is, what was expected, what
// was found. File contents that end up in a message are quoted and cut short by `inQuotes`.
#ifndef BLUEC_RUNTIME_BASE_STATUS_H
#define BLUEC_RUNTIME_BASE_STATUS_H

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace bluec::runtime {

// Same values as enum bluec_status in bluec_runtime.h.
enum class Code {
  Ok = 0,
  InvalidArgument = 1, // the caller broke a documented rule
  NotFound = 2,        // a file is missing or cannot be read
  BadBundle = 3,       // damaged, or inconsistent with itself
  Incompatible = 4,    // sound, but for another version, architecture or CPU
  BadPicture = 5,      // not a picture, damaged, or too large
  ContextFull = 6,     // does not fit into what is left of the context
  Cancelled = 7,
  Unsupported = 8, // the model has no such part
  OutOfMemory = 9,
  Internal = 10, // a fault of the runtime or of the compiled code
};

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : code(code), text(std::move(message)) {}

  static Status success() { return {}; }
  bool ok() const { return code == Code::Ok; }
  Code getCode() const { return code; }
  const std::string &message() const { return text; }

private:
  Code code = Code::Ok;
  std::string text;
};

// A value, or the reason why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : storage(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : storage(std::in_place_index<1>, std::move(status)) {}

  bool ok() const { return storage.index() == 0; }
  // Only when ok().
  T &operator*() { return *std::get_if<0>(&storage); }
  const T &operator*() const { return *std::get_if<0>(&storage); }
  T *operator->() { return std::get_if<0>(&storage); }
  const T *operator->() const { return std::get_if<0>(&storage); }
  // Success when ok().
  Status status() const { return ok() ? Status() : *std::get_if<1>(&storage); }

private:
  std::variant<T, Status> storage;
};

// `text` in single quotes, control characters and non-ASCII replaced by '?', at most 80 characters:
// safe to print whatever a hostile file put there.
std::string inQuotes(std::string_view text);

// What the system says of an errno, as messages have it.
std::string reasonOf(int error);

} // namespace bluec::runtime

#define BLUEC_RETURN_IF_ERROR(expression)                                                          \
  do {                                                                                             \
    if (::bluec::runtime::Status bluecStatus = (expression); !bluecStatus.ok())                    \
      return bluecStatus;                                                                          \
  } while (false)

#endif // BLUEC_RUNTIME_BASE_STATUS_H

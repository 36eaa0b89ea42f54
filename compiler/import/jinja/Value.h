// What a template computes with: the values of Python that Jinja's expressions can make.
//
// Copies are cheap and share what they hold, which never changes; namespaces, iterators and loops
// are the exception.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_VALUE_H
#define BLUEC_COMPILER_IMPORT_JINJA_VALUE_H

#include "compiler/import/jinja/Budget.h"

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace bluec::jinja {

class Value;
class Dictionary;

enum class Kind {
  Undefined,
  None,
  Bool,
  Int,
  Float,
  String,
  List,
  Tuple,
  Dict,
  Range,
  View,
  Iterator,
  Namespace,
  Callable,
  Loop
};

struct Text {
  std::string bytes; // UTF-8
  size_t length;     // code points
  bool isSafe;       // marked by the filters safe and escape
};

struct Sequence {
  std::vector<Value> values;
  int depth;
};

struct Range {
  int64_t start, stop, step;
  int64_t size() const;
};

/// What dict.keys(), .values() and .items() give.
struct View {
  enum class Part { Keys, Values, Items };
  std::shared_ptr<const Dictionary> of;
  Part part;
};

/// Is read once, as a generator in Python.
struct Iterator {
  std::function<std::optional<Value>()> next;
  int depth; // of what it reads
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members;
  const Value *find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Callable {
  std::string name;
  std::function<Value(Arguments &)> call;
  int depth = 0; // of what it holds
};

/// The variable `loop`; the evaluator makes it.
class Loop {
public:
  virtual ~Loop() = default;
  virtual std::optional<Value> attribute(std::string_view name) = 0;
  virtual size_t length() = 0;
  virtual int depth() const = 0;
};

class Value {
public:
  struct UndefinedData {
    std::shared_ptr<const std::string> what; // for messages; may be null
  };
  struct ListData {
    std::shared_ptr<const Sequence> of;
  };
  struct TupleData {
    std::shared_ptr<const Sequence> of;
  };

  /// Undefined.
  Value() = default;
  template <std::same_as<bool> T> Value(T value) : data(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) : data(static_cast<int64_t>(value)) {}
  Value(double value) : data(value) {}
  Value(std::string value, bool isSafe = false);
  Value(std::string_view value) : Value(std::string(value)) {}
  Value(const char *value) : Value(std::string(value)) {}
  Value(std::shared_ptr<const Dictionary> value) : data(std::move(value)) {}
  Value(Range value) : data(std::make_shared<const Range>(value)) {}
  Value(View value) : data(std::make_shared<const View>(std::move(value))) {}
  Value(std::shared_ptr<Iterator> value) : data(std::move(value)) {}
  Value(std::shared_ptr<Namespace> value) : data(std::move(value)) {}
  Value(Callable value) : data(std::make_shared<const Callable>(std::move(value))) {}
  Value(std::shared_ptr<Loop> value) : data(std::move(value)) {}

  /// `what`: how messages name it, such as "'name' of a dict".
  static Value undefined(std::string what);
  static Value none();
  static Value list(std::vector<Value> values);
  static Value tuple(std::vector<Value> values);
  /// Of several members with one name, the first has the place and the last the value.
  static Value dict(std::vector<std::pair<std::string, Value>> members);

  Kind kind() const { return static_cast<Kind>(data.index()); }
  bool is(Kind other) const { return kind() == other; }
  bool isUndefined() const { return is(Kind::Undefined); }
  bool isNone() const { return is(Kind::None); }

  /// Null, or nothing, of another kind of value.
  const Text *text() const { return pointee<std::shared_ptr<const Text>>(); }
  const Sequence *sequence() const; // of a list or a tuple
  const Dictionary *dictionary() const { return pointee<std::shared_ptr<const Dictionary>>(); }
  std::shared_ptr<const Dictionary> sharedDictionary() const;
  const Range *range() const { return pointee<std::shared_ptr<const Range>>(); }
  const View *view() const { return pointee<std::shared_ptr<const View>>(); }
  std::shared_ptr<Iterator> iterator() const;
  Namespace *space() const { return pointee<std::shared_ptr<Namespace>>(); }
  const Callable *callable() const { return pointee<std::shared_ptr<const Callable>>(); }
  Loop *loop() const { return pointee<std::shared_ptr<Loop>>(); }
  std::optional<int64_t> whole() const; // of a bool or an int
  std::optional<double> real() const;   // of a bool, an int or a float

  /// How messages name what is undefined.
  std::string undefinedName() const;
  /// Python's name of the type.
  std::string_view typeName() const;
  /// Levels of values that hold values: what destroying one recurses into.
  int depth() const;
  bool isTrue() const;
  /// Python's len(); nothing for what has none.
  std::optional<size_t> length() const;
  bool isSameObject(const Value &other) const;

private:
  template <typename Pointer> typename Pointer::element_type *pointee() const {
    const Pointer *held = std::get_if<Pointer>(&data);
    return held ? held->get() : nullptr;
  }

  std::variant<UndefinedData, std::monostate, bool, int64_t, double, std::shared_ptr<const Text>,
               ListData, TupleData, std::shared_ptr<const Dictionary>, std::shared_ptr<const Range>,
               std::shared_ptr<const View>, std::shared_ptr<Iterator>, std::shared_ptr<Namespace>,
               std::shared_ptr<const Callable>, std::shared_ptr<Loop>>
      data;
};

/// In the order of insertion.
class Dictionary {
public:
  using Member = std::pair<Value, Value>;

  /// Fails when the key is unhashable.
  void set(const Value &key, Value value, Budget &budget);
  const Value *find(const Value &key, Budget &budget) const;
  const Value *find(std::string_view key) const;
  const std::vector<Member> &members() const { return content; }
  int depth() const { return levels; }

private:
  friend class Value;
  size_t place(const std::string &key) const;
  void setByKey(std::string key, const Value &name, Value value);

  std::vector<Member> content;
  std::unordered_map<std::string, size_t> places;
  int levels = 1;
};

/// Equal values have equal keys. Nothing for what Python cannot hash.
std::optional<std::string> hashKey(const Value &value, Budget &budget);

/// Python's ==.
bool equals(const Value &a, const Value &b, Budget &budget);
/// Negative, 0, positive, or nothing when a NaN is involved; fails for what has no order.
std::optional<int> compare(const Value &a, const Value &b, Budget &budget);

/// Fails for what cannot be iterated over.
std::shared_ptr<Iterator> iterate(const Value &value, Budget &budget);
std::vector<Value> valuesOf(const Value &value, Budget &budget);

/// Containers of computed values: paid for, and not too deep.
Value makeList(std::vector<Value> values, Budget &budget);
Value makeTuple(std::vector<Value> values, Budget &budget);
Value makeDict(Dictionary dictionary, Budget &budget);
Value makeText(std::string text, Budget &budget, bool isSafe = false);
/// `depth`: that of the values that `next` holds.
std::shared_ptr<Iterator> makeIterator(int depth, std::function<std::optional<Value>()> next,
                                       Budget &budget);

/// Fails when `value` is undefined, as nearly all operations on it do.
void requireDefined(const Value &value);
[[noreturn]] void failExpected(std::string_view expected, const Value &found);

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_VALUE_H

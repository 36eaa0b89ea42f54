// What a stranger's template may cost, and how its evaluation ends early.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_BUDGET_H
#define BLUEC_COMPILER_IMPORT_JINJA_BUDGET_H

#include <cstddef>
#include <string>

namespace bluec::jinja {

struct Limits {
  size_t templateBytes = size_t{1} << 20;
  size_t steps = 2'000'000;             // nodes evaluated, values made and compared
  size_t outputBytes = size_t{4} << 20; // of the result, and of each string on the way
  int depth = 200;                      // of syntax, of data and of calls of macros
};

/// Thrown inside this folder only; Template catches it.
struct Fault {
  std::string message; // without the line
};

[[noreturn]] inline void fail(std::string message) { throw Fault{std::move(message)}; }

/// All work is paid for before it is done.
class Budget {
public:
  explicit Budget(const Limits &limits) : limits(limits), left(limits.steps) {}

  void spend(size_t steps = 1) {
    if (steps > left)
      fail("expected at most " + std::to_string(limits.steps) + " steps, found more");
    left -= steps;
  }
  /// Before a string of that length is made.
  void spendText(size_t bytes) {
    constexpr size_t kBytesOfStep = 64;
    if (bytes > limits.outputBytes)
      fail("expected at most " + std::to_string(limits.outputBytes) + " bytes of text, found more");
    spend(1 + bytes / kBytesOfStep);
  }
  void checkDepth(int depth) const {
    if (depth > limits.depth)
      fail("expected at most " + std::to_string(limits.depth) + " levels of nesting, found more");
  }

  const Limits &limit() const { return limits; }
  size_t spent() const { return limits.steps - left; }

private:
  const Limits limits;
  size_t left;
};

/// Pays for a text while it grows.
class GrowingText {
public:
  explicit GrowingText(Budget &budget) : budget(budget) {}

  void reached(size_t bytes) {
    if (bytes > budget.limit().outputBytes)
      budget.spendText(bytes); // fails
    budget.spendText(bytes - paid);
    paid = bytes;
  }

private:
  Budget &budget;
  size_t paid = 0;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_BUDGET_H

#include "compiler/import/jinja/LoopState.h"

#include <algorithm>

using namespace bluec::jinja;

std::optional<Value> LoopState::next() {
  budget.spend();
  std::optional<Value> value;
  if (!ahead.empty()) {
    value = std::move(ahead.back());
    ahead.pop_back();
  } else {
    value = source->next();
  }
  if (value) {
    ++index0;
    before = std::exchange(current, value);
  }
  return value;
}

bool LoopState::isLast() {
  if (ahead.empty())
    if (std::optional<Value> value = source->next())
      ahead.push_back(std::move(*value));
  return ahead.empty();
}

size_t LoopState::length() {
  if (!known) {
    // What comes from an iterator has to be read to be counted.
    std::reverse(ahead.begin(), ahead.end());
    while (std::optional<Value> value = source->next())
      ahead.push_back(std::move(*value));
    std::reverse(ahead.begin(), ahead.end());
    known = static_cast<size_t>(index0 + 1) + ahead.size();
  }
  return *known;
}

Value LoopState::cycle(const Arguments &arguments) const {
  const std::vector<Value> &values = arguments.positional;
  if (values.empty() || !arguments.named.empty())
    fail("expected values for loop.cycle, found none");
  return values[static_cast<size_t>(index0) % values.size()];
}

bool LoopState::hasChanged(const Arguments &arguments) {
  const std::vector<Value> &values = arguments.positional;
  if (!arguments.named.empty())
    fail("expected values for loop.changed, found an argument with a name");
  for (const Value &value : values)
    if (!value.isUndefined() && !value.isNone() && !value.real() && !value.text())
      fail("expected numbers and strings for loop.changed, found " + std::string(value.typeName()));
  const bool isSame =
      lastSeen && std::equal(lastSeen->begin(), lastSeen->end(), values.begin(), values.end(),
                             [&](const Value &a, const Value &b) { return equals(a, b, budget); });
  lastSeen = values;
  return !isSame;
}

std::optional<Value> LoopState::number(std::string_view name) {
  if (name == "index")
    return index0 + 1;
  if (name == "index0")
    return index0;
  if (name == "depth")
    return depth0 + 1;
  if (name == "depth0")
    return depth0;
  if (name == "length")
    return length();
  if (name == "revindex")
    return static_cast<int64_t>(length()) - index0;
  if (name == "revindex0")
    return static_cast<int64_t>(length()) - index0 - 1;
  return std::nullopt;
}

std::optional<Value> LoopState::neighbour(std::string_view name) {
  if (name == "first")
    return Value(index0 == 0);
  if (name == "last")
    return Value(isLast());
  if (name == "previtem")
    return before ? *before : Value::undefined("previous element of a loop at its first");
  if (name == "nextitem")
    return isLast() ? Value::undefined("next element of a loop at its last") : ahead.back();
  return std::nullopt;
}

std::optional<Value> LoopState::attribute(std::string_view name) {
  if (std::optional<Value> found = number(name))
    return found;
  if (std::optional<Value> found = neighbour(name))
    return found;
  const auto method = [&](auto call) {
    return Value(Callable{"loop." + std::string(name), std::move(call), depth() + 1});
  };
  if (name == "cycle")
    return method(
        [self = shared_from_this()](Arguments &arguments) { return self->cycle(arguments); });
  if (name == "changed")
    return method([self = shared_from_this()](Arguments &arguments) {
      return Value(self->hasChanged(arguments));
    });
  return std::nullopt;
}

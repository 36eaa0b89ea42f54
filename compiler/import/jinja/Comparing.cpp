// Which values are equal, which are less, and dictionaries, which find their members by that.
#include "compiler/import/jinja/Value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

using namespace bluec::jinja;

std::optional<std::string> bluec::jinja::hashKey(const Value &value, Budget &budget) {
  budget.spend();
  const auto number = [](double real) {
    char buffer[32];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, real).ptr);
  };
  switch (value.kind()) {
  case Kind::Undefined:
    return "u";
  case Kind::None:
    return "N";
  case Kind::Bool:
  case Kind::Int:
    return "n" + std::to_string(*value.whole());
  case Kind::Float: {
    const double real = *value.real();
    if (std::abs(real) < 9e18 && real == std::trunc(real))
      return "n" + std::to_string(static_cast<int64_t>(real));
    return "n" + number(real);
  }
  case Kind::String:
    budget.spendText(value.text()->bytes.size());
    return "s" + value.text()->bytes;
  case Kind::Tuple: {
    std::string key = "t";
    for (const Value &one : value.sequence()->values) {
      const std::optional<std::string> part = hashKey(one, budget);
      if (!part)
        return std::nullopt;
      key += std::to_string(part->size()) + ":" + *part;
      budget.spendText(key.size());
    }
    return key;
  }
  case Kind::List:
  case Kind::Dict:
  case Kind::View:
    return std::nullopt;
  default:
    fail("expected a key of numbers and strings, found " + std::string(value.typeName()));
  }
}

size_t Dictionary::place(const std::string &key) const {
  const auto found = places.find(key);
  return found == places.end() ? content.size() : found->second;
}

void Dictionary::setByKey(std::string key, const Value &name, Value value) {
  levels = std::max({levels, 1 + value.depth(), 1 + name.depth()});
  const size_t at = place(key);
  if (at < content.size()) {
    content[at].second = std::move(value);
    return;
  }
  places.emplace(std::move(key), at);
  content.emplace_back(name, std::move(value));
}

void Dictionary::set(const Value &key, Value value, Budget &budget) {
  std::optional<std::string> hashed = hashKey(key, budget);
  if (!hashed)
    failExpected("a hashable key", key);
  budget.spend();
  setByKey(std::move(*hashed), key, std::move(value));
}

const Value *Dictionary::find(const Value &key, Budget &budget) const {
  const std::optional<std::string> hashed = hashKey(key, budget);
  if (!hashed)
    return nullptr;
  const size_t at = place(*hashed);
  return at < content.size() ? &content[at].second : nullptr;
}

const Value *Dictionary::find(std::string_view key) const {
  const size_t at = place("s" + std::string(key));
  return at < content.size() ? &content[at].second : nullptr;
}

//===------------------------------------------------------------------------------------------===//
// Comparing
//===------------------------------------------------------------------------------------------===//

/// Exact also where a double does not hold the whole number.
static std::optional<int> compareNumbers(const Value &a, const Value &b) {
  const auto wide = [](const Value &value) -> long double {
    const std::optional<int64_t> whole = value.whole();
    return whole ? static_cast<long double>(*whole) : static_cast<long double>(*value.real());
  };
  const long double left = wide(a), right = wide(b);
  if (std::isnan(left) || std::isnan(right))
    return std::nullopt;
  return left < right ? -1 : left > right;
}

static bool equalDicts(const Dictionary &a, const Dictionary &b, Budget &budget) {
  if (a.members().size() != b.members().size())
    return false;
  for (const auto &[key, value] : a.members()) {
    const Value *other = b.find(key, budget);
    if (!other || !equals(value, *other, budget))
      return false;
  }
  return true;
}

bool bluec::jinja::equals(const Value &a, const Value &b, Budget &budget) {
  budget.spend();
  if (a.real() && b.real())
    return compareNumbers(a, b) == 0;
  if (a.kind() != b.kind())
    return false;
  if (a.isSameObject(b))
    return true;
  switch (a.kind()) {
  case Kind::Undefined:
  case Kind::None:
    return true;
  case Kind::String:
    budget.spendText(a.text()->bytes.size());
    return a.text()->bytes == b.text()->bytes;
  case Kind::List:
  case Kind::Tuple: {
    const std::vector<Value> &left = a.sequence()->values, &right = b.sequence()->values;
    if (left.size() != right.size())
      return false;
    for (size_t i = 0; i < left.size(); ++i)
      if (!equals(left[i], right[i], budget))
        return false;
    return true;
  }
  case Kind::Dict:
    return equalDicts(*a.dictionary(), *b.dictionary(), budget);
  case Kind::Range: {
    const Range &left = *a.range(), &right = *b.range();
    const int64_t size = left.size();
    return size == right.size() && (size == 0 || left.start == right.start) &&
           (size <= 1 || left.step == right.step);
  }
  case Kind::View:
    fail("expected no comparison of dict views, which bluec does not evaluate, found one");
  default:
    return false;
  }
}

std::optional<int> bluec::jinja::compare(const Value &a, const Value &b, Budget &budget) {
  budget.spend();
  requireDefined(a);
  requireDefined(b);
  if (a.real() && b.real())
    return compareNumbers(a, b);
  if (a.is(Kind::String) && b.is(Kind::String)) {
    // The order of UTF-8 bytes is the order of code points.
    budget.spendText(std::min(a.text()->bytes.size(), b.text()->bytes.size()));
    const int order = a.text()->bytes.compare(b.text()->bytes);
    return order < 0 ? -1 : order > 0;
  }
  if (!a.sequence() || a.kind() != b.kind())
    fail("expected values that have an order, found " + std::string(a.typeName()) + " and " +
         std::string(b.typeName()));
  const std::vector<Value> &left = a.sequence()->values, &right = b.sequence()->values;
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (!equals(left[i], right[i], budget))
      return compare(left[i], right[i], budget);
  return left.size() < right.size() ? -1 : left.size() > right.size();
}

// The variable `loop` of a {% for %}.
#ifndef BLUEC_COMPILER_IMPORT_JINJA_LOOPSTATE_H
#define BLUEC_COMPILER_IMPORT_JINJA_LOOPSTATE_H

#include "compiler/import/jinja/Value.h"

namespace bluec::jinja {

class LoopState : public Loop, public std::enable_shared_from_this<LoopState> {
public:
  /// `known`: the number of values, when it is known before they are read.
  LoopState(std::shared_ptr<Iterator> source, std::optional<size_t> known, int depth0,
            Budget &budget)
      : source(std::move(source)), known(known), depth0(depth0), budget(budget) {}

  /// The next value; nothing behind the last.
  std::optional<Value> next();

  std::optional<Value> attribute(std::string_view name) override;
  size_t length() override;
  int depth() const override { return source->depth + 1; }

private:
  bool isLast();
  Value cycle(const Arguments &arguments) const;
  bool hasChanged(const Arguments &arguments);
  std::optional<Value> number(std::string_view name);
  std::optional<Value> neighbour(std::string_view name);

  std::shared_ptr<Iterator> source;
  std::optional<size_t> known;
  const int depth0;
  Budget &budget;
  std::vector<Value> ahead; // read from the source, in reverse
  std::optional<Value> current, before;
  std::optional<std::vector<Value>> lastSeen; // by changed()
  int64_t index0 = -1;
};

} // namespace bluec::jinja

#endif // BLUEC_COMPILER_IMPORT_JINJA_LOOPSTATE_H

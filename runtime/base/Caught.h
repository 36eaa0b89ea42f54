// Where exceptions end: in a status, on threads and at borders behind which nobody catches them.
#ifndef BLUEC_RUNTIME_BASE_CAUGHT_H
#define BLUEC_RUNTIME_BASE_CAUGHT_H

#include "base/Status.h"

#include <exception>
#include <new>

namespace bluec::runtime {

// The status that `function` returns, or what it throws as one. Making that needs no memory when
// there is none: the message fits into the string itself.
template <typename Function> Status caught(Function function) noexcept {
  try {
    try {
      return function();
    } catch (const std::bad_alloc &) {
      return {Code::OutOfMemory, "out of memory"};
    } catch (const std::exception &error) {
      return {Code::Internal, std::string("internal error: ") + error.what()};
    }
  } catch (...) {
    return {Code::Internal, ""}; // not even room for the message
  }
}

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_BASE_CAUGHT_H

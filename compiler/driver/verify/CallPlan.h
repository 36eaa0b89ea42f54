// Which calls of a decoder are compared with the package's own graph, and what that leaves out.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_CALLPLAN_H
#define BLUEC_COMPILER_DRIVER_VERIFY_CALLPLAN_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec {

/// What a decoder's calls cost, in products of two numbers.
struct CallCost {
  int64_t weights = 0;   ///< a row: elements of weights
  int64_t attention = 0; ///< a row and a position that it sees
  int64_t heads = 1;     ///< of queries, in a layer
  int64_t pasts = 0;     ///< elements of a row of all pasts
  int64_t vocabulary = 1;

  /// Of `rows` rows after `past` rows. Plain evaluators read all weights again in each call.
  double of(int64_t rows, int64_t past) const;
};

/// Of a blue decoder.
CallCost callCostOf(mlir::ModuleOp raised);

struct CallPlan {
  /// Tokens of the conversation: first a prompt in chunks, then one by one.
  int64_t prompt = 0, total = 0;
  /// Tokens that one call takes.
  int64_t oneCall = 0;
  /// Calls after a past that no call made.
  struct Leap {
    int64_t past, rows;
  };
  std::vector<Leap> leaps;
  /// Each a phrase of what is not compared.
  std::vector<std::string> uncovered;
};

/// A prompt of several chunks (of `prompt` tokens, if that is not 0), and as much of the context as
/// `work` allows each kind of calls. Leaps go where a graph may begin to do something else: around
/// the powers of two, to the end of the context, and to places between.
CallPlan planCalls(int64_t context, int64_t chunk, int64_t prompt, const CallCost &cost,
                   double work);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_CALLPLAN_H

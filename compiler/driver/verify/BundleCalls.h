// The calls of a bundle's model.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_BUNDLECALLS_H
#define BLUEC_COMPILER_DRIVER_VERIFY_BUNDLECALLS_H

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/verify/ModelCalls.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/Session.h"

namespace bluec {

/// Through the session's entry points: as many rows as a call's capacity, or one (`decode`).
class BundleCalls : public ModelCalls {
public:
  /// All outlive this.
  BundleCalls(const runtime::Bundle &bundle, runtime::Session &session, Diagnostics &diagnostics)
      : bundle(bundle), session(session), diagnostics(diagnostics) {}

  mlir::FailureOr<TensorPtr> features(const TensorPtr &pixels) override;
  mlir::FailureOr<TensorPtr> embeddings(const TensorPtr &ids) override;
  mlir::FailureOr<TensorPtr> logits(const TokenRows &rows, int64_t position) override;

private:
  mlir::LogicalResult call(const bluec_entry &entry, int64_t count, int64_t position,
                           const void *input, void *output, const int32_t *places = nullptr);

  const runtime::Bundle &bundle;
  runtime::Session &session;
  Diagnostics &diagnostics;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_BUNDLECALLS_H

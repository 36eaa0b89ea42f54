// Pass lower-dots-to-products; its description stands in LowerDotsToProducts.td.
#ifndef BLUEC_TARGETS_CPP_LOWER_DOTS_TO_PRODUCTS_H
#define BLUEC_TARGETS_CPP_LOWER_DOTS_TO_PRODUCTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bluec::targets {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "targets/cpp/lower_dots_to_products/LowerDotsToProducts.h.inc"

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_LOWER_DOTS_TO_PRODUCTS_H

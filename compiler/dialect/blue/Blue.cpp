#include "compiler/dialect/blue/Blue.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace bluec::blue;

#include "compiler/dialect/blue/BlueDialect.cpp.inc"

#include "compiler/dialect/blue/BlueEnums.cpp.inc"

/// `, search`: an enum's case by its bare name.
static ParseResult parseMethod(AsmParser &parser, QuantizeMethod &method) {
  StringRef name;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return failure();
  std::optional<QuantizeMethod> found = symbolizeQuantizeMethod(name);
  if (!found)
    return parser.emitError(location)
           << "expected nearest, search, gptq or keep as method, found " << name;
  method = *found;
  return success();
}
static void printMethod(AsmPrinter &printer, QuantizeMethod method) {
  printer << stringifyQuantizeMethod(method);
}

#define GET_TYPEDEF_CLASSES
#include "compiler/dialect/blue/BlueTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compiler/dialect/blue/BlueAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "compiler/dialect/blue/BlueOps.cpp.inc"

void BlueDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "compiler/dialect/blue/BlueTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compiler/dialect/blue/BlueAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compiler/dialect/blue/BlueOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------------------------===//
// !blue.quantized<i4 group 64 scale f16 zeros>
//===----------------------------------------------------------------------------------------===//

Type QuantizedType::parse(AsmParser &parser) {
  Type storage, scale;
  int64_t group = 0;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseType(storage) || parser.parseKeyword("group"))
    return {};
  if (failed(parser.parseOptionalKeyword("row")) && parser.parseInteger(group))
    return {};
  if (parser.parseKeyword("scale") || parser.parseType(scale))
    return {};
  bool zeros = succeeded(parser.parseOptionalKeyword("zeros"));
  if (parser.parseGreater())
    return {};
  auto integer = dyn_cast<IntegerType>(storage);
  auto floating = dyn_cast<FloatType>(scale);
  if (!integer || !floating) {
    parser.emitError(location) << "expected an integer as storage and a float as scale, found "
                               << storage << " and " << scale;
    return {};
  }
  return parser.getChecked<QuantizedType>(location, parser.getContext(), integer, group, floating,
                                          zeros);
}

void QuantizedType::print(AsmPrinter &printer) const {
  printer << '<' << getStorage() << " group ";
  if (getGroup() == 0)
    printer << "row";
  else
    printer << getGroup();
  printer << " scale " << getScale() << (getZeros() ? " zeros>" : ">");
}

LogicalResult QuantizedType::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                                    IntegerType storage, int64_t group, FloatType scale, bool) {
  if (!storage.isSignless() || !llvm::is_contained({4u, 8u, 16u}, storage.getWidth()))
    return emitError() << "expected i4, i8 or i16 as storage, found " << storage;
  if (!scale.isF16() && !scale.isF32())
    return emitError() << "expected f16 or f32 as scale, found " << scale;
  // Kernels read words of 32 bits, which no group may share.
  int64_t unit = 32 / static_cast<int64_t>(storage.getWidth());
  if (group < 0 || group % unit != 0)
    return emitError() << "expected a group that is a multiple of " << unit << " or a row, found "
                       << group;
  return success();
}

std::optional<Role> bluec::blue::roleOf(Operation *function) {
  auto role = function->getAttrOfType<RoleAttr>(kRoleAttr);
  return role ? std::optional(role.getValue()) : std::nullopt;
}

void bluec::blue::setRole(Operation *function, Role role) {
  function->setAttr(kRoleAttr, RoleAttr::get(function->getContext(), role));
}

func::FuncOp bluec::blue::partOf(ModuleOp model, Role role) {
  for (auto function : model.getOps<func::FuncOp>())
    if (roleOf(function) == role)
      return function;
  return {};
}

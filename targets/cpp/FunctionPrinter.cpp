#include "targets/cpp/FunctionPrinter.h"

#include "compiler/dialect/abi/Abi.h"
#include "compiler/dialect/kernel/Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

namespace {

/// How tightly an expression binds: what it may stand beside without parentheses.
enum class Binds { Loosely, Sum, Product, Tightly };

struct Expression {
  std::string text;
  Binds binds = Binds::Tightly;
  int ops = 0; // that are written into it
  bool readsMemory = false;
  std::string loadedFrom = {}; // of a load and no more: the place

  std::string in(Binds least) const { return binds < least ? "(" + text + ")" : text; }
};

/// Of one that is written where it is used.
constexpr int kMostOps = 6;
constexpr size_t kMostChars = 72;

bool isIndex(Type type) { return type.isIndex() || type.isInteger(64); }

std::string elementType(Type type) {
  if (isIndex(type))
    return "std::int64_t";
  if (type.isInteger(1))
    return "bool";
  if (auto integer = dyn_cast<IntegerType>(type))
    return "std::int" + std::to_string(integer.getWidth()) + "_t";
  return type.isF16() ? "Half" : type.isF32() ? "float" : "";
}

/// "F32x8": what a function says for Vec<float, 8>.
std::string vectorAlias(VectorType type) {
  Type element = type.getElementType();
  std::string lanes = "x" + std::to_string(type.getNumElements());
  if (element.isInteger(1))
    return "Mask" + lanes;
  if (isIndex(element))
    return "I64" + lanes;
  return (isa<IntegerType>(element) ? "I" : "F") + std::to_string(element.getIntOrFloatBitWidth()) +
         lanes;
}

std::string floatLiteral(const APFloat &value) {
  if (value.isNaN())
    return "kNan";
  if (value.isInfinity())
    return value.isNegative() ? "-kInfinity" : "kInfinity";
  float number = value.convertToFloat();
  char text[32];
  for (int digits = 6; digits <= 9; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(number));
    if (std::strtof(text, nullptr) == number)
      break;
  }
  std::string literal = text;
  if (literal.find_first_of(".e") == literal.npos)
    literal += ".0";
  return literal + "f";
}

std::string halfLiteral(const APFloat &value) {
  return "Half{" + std::to_string(value.bitcastToAPInt().getZExtValue()) + "}";
}

bool isWritten(Value buffer) {
  return llvm::any_of(buffer.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto store = dyn_cast<vector::StoreOp>(user))
      return store.getBase() == buffer;
    if (auto store = dyn_cast<vector::MaskedStoreOp>(user))
      return store.getBase() == buffer;
    if (auto store = dyn_cast<vector::ScatterOp>(user))
      return store.getBase() == buffer;
    if (auto store = dyn_cast<memref::StoreOp>(user))
      return store.getMemRef() == buffer;
    return false;
  });
}

/// "v1", but not "v12".
bool mentions(StringRef text, StringRef name) {
  for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1))
    if (at + name.size() == text.size() || !llvm::isDigit(text[at + name.size()]))
      return true;
  return false;
}

class Printer {
public:
  explicit Printer(func::FuncOp function)
      : function(function), module(function->getParentOfType<ModuleOp>()) {}
  FailureOr<std::string> print();
  std::string signature();
  std::vector<std::string> argumentNames();

private:
  std::string typeOf(Type type);
  std::string nameArguments();
  std::string name(const char *prefix) { return prefix + std::to_string(++numbers[prefix]); }

  /// The expression that stands for a value: its name, or what was written into its place.
  Expression of(Value value);
  std::string atom(Value value) { return of(value).in(Binds::Tightly); }
  std::string text(Value value) { return of(value).text; }

  /// "from + 64 * row + column".
  std::string place(Value buffer, ValueRange indices);
  /// "row * 64 + column".
  Expression offset(MemRefType type, ValueRange indices);

  std::optional<Expression> constant(arith::ConstantOp op);
  std::optional<Expression> expression(Operation &op);
  std::optional<Expression> compare(arith::CmpFOp op);
  std::optional<Expression> compare(arith::CmpIOp op);
  Expression binary(Operation &op, const char *sign, Binds binds, const char *wrapping = nullptr);
  Expression call(Operation &op, const std::string &callee);
  Expression cast(Operation &op, const char *ofVectors);
  std::optional<Expression> buffer(abi::BufferOp op, bool written);

  bool goesIntoUser(Operation &op, const Expression &made);
  LogicalResult statement(Operation &op);
  LogicalResult loop(scf::ForOp op);
  LogicalResult condition(scf::IfOp op);
  LogicalResult callKernel(func::CallOp op);
  LogicalResult block(Block &block);
  void assign(ArrayRef<std::string> names, Operation *yield);
  void line(const std::string &text) { out += std::string(2 * depth, ' ') + text + "\n"; }

  func::FuncOp function;
  ModuleOp module;
  std::string out;
  size_t depth = 1;
  DenseMap<Value, Expression> known;
  std::map<std::string, int> numbers;
  std::map<std::string, std::string> aliases;
};

} // namespace

std::string targets::identifierOf(llvm::StringRef symbol) {
  std::string name = symbol.str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  return name;
}

std::string Printer::typeOf(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return elementType(type);
  std::string alias = vectorAlias(vector);
  aliases[alias] = "Vec<" + elementType(vector.getElementType()) + ", " +
                   std::to_string(vector.getNumElements()) + ">";
  return alias;
}

/// Kernels take buffers, then the call's count and position and the range of tasks.
std::string Printer::nameArguments() {
  std::string arguments;
  unsigned count = function.getNumArguments();
  auto bufferType = [](Type type) { return isa<MemRefType>(type); };
  bool isKernel =
      count >= 4 && llvm::count_if(function.getArgumentTypes(), bufferType) + 4 == count;
  // A step takes a call and the range of tasks.
  bool isStep = count == 3 && isa<abi::CallType>(function.getArgumentTypes().front());
  static constexpr const char *kRange[] = {"count", "position", "begin", "end"};
  for (BlockArgument argument : function.getArguments()) {
    unsigned at = argument.getArgNumber();
    std::string type, its;
    if (auto buffer = dyn_cast<MemRefType>(argument.getType())) {
      bool writes = isWritten(argument);
      its = name(writes ? "out" : "in");
      type = (writes ? "" : "const ") + elementType(buffer.getElementType()) + " *BLUEC_RESTRICT ";
    } else if (isa<abi::CallType>(argument.getType())) {
      its = "call";
      type = "const bluec_call *";
    } else {
      its = isKernel ? kRange[at + 4 - count] : isStep ? kRange[at + 1] : name("n");
      type = typeOf(argument.getType()) + " ";
    }
    known[argument] = {its};
    bool isUsed = !argument.use_empty();
    // Buffers a line each.
    bool endsLine = isKernel && at + 4 <= count;
    arguments += (at == 0 ? "" : ",") +
                 std::string(endsLine  ? "\n    "
                             : at == 0 ? ""
                                       : " ") +
                 type + (isUsed ? its : "/*" + its + "*/");
  }
  return arguments;
}

std::string Printer::signature() {
  std::string result =
      function.getNumResults() == 0 ? "void" : typeOf(function.getResultTypes().front());
  return result + " " + identifierOf(function.getSymName()) + "(" + nameArguments() + ")";
}

std::vector<std::string> Printer::argumentNames() {
  nameArguments();
  std::vector<std::string> names;
  for (BlockArgument argument : function.getArguments())
    names.push_back(text(argument));
  return names;
}

FailureOr<std::string> Printer::print() {
  std::string head = signature();
  if (failed(block(function.getBody().front())))
    return failure();
  std::string usings;
  for (const auto &[alias, type] : aliases)
    if (mentions(out, alias))
      usings += "  using " + alias + " = " + type + ";\n";
  return head + " {\n" + usings + out + "}\n";
}

//===------------------------------------------------------------------------------------------===//
// Expressions
//===------------------------------------------------------------------------------------------===//

Expression Printer::of(Value value) {
  auto found = known.find(value);
  assert(found != known.end() && "a value before what defines it");
  return found->second;
}

Expression Printer::offset(MemRefType type, ValueRange indices) {
  Expression sum;
  int64_t stride = 1;
  SmallVector<std::string> terms;
  for (size_t i = indices.size(); i-- > 0;) {
    IntegerAttr::ValueType number;
    bool isNumber = matchPattern(indices[i], m_ConstantInt(&number));
    if (isNumber && !number.isZero())
      terms.insert(terms.begin(), std::to_string(number.getSExtValue() * stride));
    else if (!isNumber)
      terms.insert(terms.begin(), stride == 1 ? of(indices[i]).in(Binds::Sum)
                                              : of(indices[i]).in(Binds::Product) + " * " +
                                                    std::to_string(stride));
    sum.ops += of(indices[i]).ops;
    stride *= type.getDimSize(static_cast<unsigned>(i));
  }
  sum.text = terms.empty() ? "0" : llvm::join(terms, " + ");
  sum.binds = Binds::Sum;
  return sum;
}

std::string Printer::place(Value buffer, ValueRange indices) {
  Expression at = offset(::cast<MemRefType>(buffer.getType()), indices);
  std::string base = atom(buffer);
  return at.text == "0" ? base : base + " + " + at.text;
}

std::optional<Expression> Printer::constant(arith::ConstantOp op) {
  auto literal = [](Attribute value) -> std::string {
    if (auto number = dyn_cast<FloatAttr>(value))
      return number.getType().isF16() ? halfLiteral(number.getValue())
                                      : floatLiteral(number.getValue());
    auto number = ::cast<IntegerAttr>(value);
    if (number.getType().isInteger(1))
      return number.getValue().isZero() ? "false" : "true";
    return std::to_string(number.getInt());
  };
  auto vector = dyn_cast<VectorType>(op.getType());
  if (!vector) {
    std::string text = literal(op.getValue());
    bool isNarrow = op.getType().isInteger(8) || op.getType().isInteger(16);
    if (isNarrow)
      text = elementType(op.getType()) + "(" + text + ")";
    return Expression{text, text[0] == '-' ? Binds::Loosely : Binds::Tightly};
  }
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense)
    return std::nullopt;
  std::string type = typeOf(vector);
  if (dense.isSplat())
    return Expression{"splat<" + type + ">(" + literal(dense.getSplatValue<Attribute>()) + ")"};
  std::string values;
  for (Attribute value : dense.getValues<Attribute>())
    values += (values.empty() ? "" : ", ") + literal(value);
  return Expression{"lanes<" + type + ">(" + values + ")"};
}

Expression Printer::binary(Operation &op, const char *sign, Binds binds, const char *wrapping) {
  Type type = op.getResult(0).getType();
  // Places do not overflow; narrower integers may.
  if (wrapping && isa<IntegerType>(type) && !isIndex(type) && !type.isInteger(1))
    return call(op, wrapping);
  // The left side may bind as this does, the right one has to bind more tightly.
  Binds left = binds == Binds::Loosely ? Binds::Tightly : binds;
  Binds right = binds == Binds::Sum ? Binds::Product : Binds::Tightly;
  std::string text =
      of(op.getOperand(0)).in(left) + " " + sign + " " + of(op.getOperand(1)).in(right);
  return {text, binds};
}

Expression Printer::call(Operation &op, const std::string &callee) {
  std::string arguments;
  for (Value operand : op.getOperands())
    arguments += (arguments.empty() ? "" : ", ") + text(operand);
  return {callee + "(" + arguments + ")"};
}

/// Of numbers a static_cast, of vectors `ofVectors` with the type that it gives.
Expression Printer::cast(Operation &op, const char *ofVectors) {
  Type type = op.getResult(0).getType();
  std::string callee = isa<VectorType>(type) ? ofVectors : "static_cast";
  return call(op, callee + "<" + typeOf(type) + ">");
}

std::optional<Expression> Printer::compare(arith::CmpFOp op) {
  using Is = arith::CmpFPredicate;
  auto compared = [&](const char *sign) { return binary(*op, sign, Binds::Loosely); };
  // Signs of C++ are false where a number is none; what is true there is the contrary of one.
  auto contrary = [&](const char *sign) {
    return Expression{"!(" + compared(sign).text + ")", Binds::Loosely};
  };
  switch (op.getPredicate()) {
  case Is::OEQ:
    return compared("==");
  case Is::OLT:
    return compared("<");
  case Is::OLE:
    return compared("<=");
  case Is::OGT:
    return compared(">");
  case Is::OGE:
    return compared(">=");
  case Is::UNE:
    return compared("!=");
  case Is::ULT:
    return contrary(">=");
  case Is::ULE:
    return contrary(">");
  case Is::UGT:
    return contrary("<=");
  case Is::UGE:
    return contrary("<");
  default:
    return std::nullopt;
  }
}

std::optional<Expression> Printer::compare(arith::CmpIOp op) {
  using Is = arith::CmpIPredicate;
  auto compared = [&](const char *sign) { return binary(*op, sign, Binds::Loosely); };
  switch (op.getPredicate()) {
  case Is::eq:
    return compared("==");
  case Is::ne:
    return compared("!=");
  case Is::slt:
    return compared("<");
  case Is::sle:
    return compared("<=");
  case Is::sgt:
    return compared(">");
  case Is::sge:
    return compared(">=");
  default:
    return std::nullopt;
  }
}

/// What a buffer of a call is, as a kernel takes it.
std::optional<Expression> Printer::buffer(abi::BufferOp op, bool written) {
  abi::Base base = op.getBase();
  if (written && base == abi::Base::Weights)
    return std::nullopt;
  std::string type = elementType(op.getType().getElementType());
  const char *field = base == abi::Base::Arena     ? "arena"
                      : base == abi::Base::Weights ? "weights"
                                                   : "kv";
  return Expression{"reinterpret_cast<" + std::string(written ? "" : "const ") + type + " *>(" +
                    atom(op.getCall()) + "->" + field + " + " + std::to_string(op.getOffset()) +
                    ")"};
}

/// None: the op is a statement, or has no form in C++.
std::optional<Expression> Printer::expression(Operation &op) {
  Type type = op.getNumResults() == 1 ? op.getResult(0).getType() : Type();
  bool isPlace = type && isIndex(type);
  using Made = std::optional<Expression>;
  auto reading = [](std::string text) {
    Expression made{std::move(text)};
    made.readsMemory = true;
    return made;
  };
  auto load = [&](const std::string &place) {
    Expression made = reading("load<" + typeOf(type) + ">(" + place + ")");
    made.loadedFrom = place;
    return made;
  };
  return llvm::TypeSwitch<Operation *, Made>(&op)
      .Case([&](arith::ConstantOp op) -> Made { return constant(op); })
      .Case([&](arith::AddIOp) -> Made { return binary(op, "+", Binds::Sum, "add"); })
      .Case([&](arith::SubIOp) -> Made { return binary(op, "-", Binds::Sum, "subtract"); })
      .Case([&](arith::MulIOp) -> Made { return binary(op, "*", Binds::Product, "multiply"); })
      .Case([&](arith::DivUIOp) -> Made {
        return isPlace ? Made(call(op, "quotient")) : std::nullopt;
      })
      .Case([&](arith::RemUIOp) -> Made {
        return isPlace ? Made(call(op, "remainder")) : std::nullopt;
      })
      .Case([&](arith::AndIOp) -> Made { return binary(op, "&", Binds::Loosely); })
      .Case([&](arith::OrIOp) -> Made { return binary(op, "|", Binds::Loosely); })
      .Case([&](arith::XOrIOp) -> Made { return binary(op, "^", Binds::Loosely); })
      .Case([&](arith::ShLIOp) -> Made { return call(op, "shiftLeft"); })
      .Case([&](arith::ShRSIOp) -> Made { return call(op, "shiftRight"); })
      .Case([&](arith::ShRUIOp) -> Made { return call(op, "shiftRightUnsigned"); })
      .Case([&](arith::MinSIOp) -> Made { return call(op, "min"); })
      .Case([&](arith::MaxSIOp) -> Made { return call(op, "max"); })
      .Case<arith::AddFOp>([&](auto) -> Made { return binary(op, "+", Binds::Sum); })
      .Case<arith::SubFOp>([&](auto) -> Made { return binary(op, "-", Binds::Sum); })
      .Case<arith::MulFOp>([&](auto) -> Made { return binary(op, "*", Binds::Product); })
      .Case<arith::DivFOp>([&](auto) -> Made { return binary(op, "/", Binds::Product); })
      .Case<arith::NegFOp>(
          [&](auto) -> Made { return Expression{"-" + atom(op.getOperand(0)), Binds::Loosely}; })
      .Case<arith::CmpFOp, arith::CmpIOp>([&](auto op) -> Made { return compare(op); })
      .Case([&](arith::SelectOp op) -> Made {
        if (isa<VectorType>(op.getCondition().getType()))
          return call(*op, "select");
        return Expression{atom(op.getCondition()) + " ? " + atom(op.getTrueValue()) + " : " +
                              atom(op.getFalseValue()),
                          Binds::Loosely};
      })
      .Case<arith::ExtSIOp, arith::TruncIOp, arith::SIToFPOp, arith::FPToSIOp>(
          [&](auto) -> Made { return cast(op, "convert"); })
      .Case([&](arith::ExtUIOp extend) -> Made {
        bool isMask = getElementTypeOrSelf(extend.getIn()).isInteger(1);
        if (isMask)
          return cast(op, "ones");
        return call(op, "convertUnsigned<" + typeOf(type) + ">");
      })
      .Case([&](vector::InsertOp insert) -> Made {
        if (insert.getStaticPosition().size() != 1 || insert.hasDynamicPosition())
          return std::nullopt;
        return Expression{"insert<" + std::to_string(insert.getStaticPosition().front()) + ">(" +
                          text(insert.getDest()) + ", " + text(insert.getValueToStore()) + ")"};
      })
      .Case([&](arith::IndexCastOp cast) -> Made {
        if (isPlace && isIndex(cast.getIn().getType()))
          return of(cast.getIn());
        return this->cast(op, "convert");
      })
      .Case([&](arith::ExtFOp) -> Made { return call(op, "widen"); })
      .Case([&](arith::TruncFOp) -> Made { return call(op, "narrow"); })
      .Case([&](arith::BitcastOp) -> Made { return call(op, "bitcast<" + typeOf(type) + ">"); })
      .Case([&](vector::BitCastOp cast) -> Made {
        // Memory has no type: what is loaded may be loaded as what it is taken for.
        std::string from = of(cast.getSource()).loadedFrom;
        return !from.empty() ? load(from) : call(op, "bitcast<" + typeOf(type) + ">");
      })
      .Case([&](kernel::DotOp dot) -> Made {
        bool isPairs = dot.getK() == 2 && dot.getLhs().getType().getElementType().isInteger(16);
        if (!isPairs || dot.getUnsignedLhs() || dot.getUnsignedRhs())
          return std::nullopt;
        return call(op, "dot");
      })
      .Case<math::FmaOp, vector::FMAOp>([&](auto) -> Made { return call(op, "fma"); })
      .Case([&](math::AbsFOp) -> Made { return call(op, "abs"); })
      .Case([&](math::SqrtOp) -> Made { return call(op, "sqrt"); })
      .Case([&](math::RoundEvenOp) -> Made { return call(op, "roundEven"); })
      .Case([&](vector::BroadcastOp broadcast) -> Made {
        std::string from = text(broadcast.getSource());
        if (auto vector = dyn_cast<VectorType>(broadcast.getSourceType()))
          from = vector.getNumElements() == 1 ? "lane<0>(" + from + ")" : "";
        return from.empty() ? Made() : Expression{"splat<" + typeOf(type) + ">(" + from + ")"};
      })
      .Case([&](vector::ExtractOp extract) -> Made {
        if (extract.getNumIndices() != 1 || extract.hasDynamicPosition())
          return std::nullopt;
        std::string from = of(extract.getSource()).loadedFrom;
        if (!from.empty() && extract.getSourceVectorType().getNumElements() == 1)
          return load(from);
        return Expression{"lane<" + std::to_string(extract.getStaticPosition().front()) + ">(" +
                          text(extract.getSource()) + ")"};
      })
      .Case([&](vector::FromElementsOp) -> Made { return call(op, "lanes<" + typeOf(type) + ">"); })
      .Case([&](vector::ShuffleOp shuffle) -> Made {
        std::string which;
        for (int64_t lane : shuffle.getMask())
          which += (which.empty() ? "" : ", ") + std::to_string(lane);
        return call(op, "shuffle<" + which + ">");
      })
      .Case([&](vector::ReductionOp reduction) -> Made {
        if (reduction.getKind() != vector::CombiningKind::ADD || reduction.getAcc())
          return std::nullopt;
        return call(op, "sum");
      })
      .Case([&](vector::LoadOp op) -> Made { return load(place(op.getBase(), op.getIndices())); })
      .Case([&](vector::MaskedLoadOp load) -> Made {
        return reading("loadMasked(" + place(load.getBase(), load.getIndices()) + ", " +
                       text(load.getMask()) + ", " + text(load.getPassThru()) + ")");
      })
      .Case([&](memref::LoadOp load) -> Made {
        return reading(atom(load.getMemRef()) + "[" +
                       offset(load.getMemRefType(), load.getIndices()).text + "]");
      })
      .Case(
          [&](abi::CountOp count) -> Made { return Expression{atom(count.getCall()) + "->count"}; })
      .Case([&](abi::PositionOp position) -> Made {
        return Expression{atom(position.getCall()) + "->position"};
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// Whether the op's expression is written where its value is used.
bool Printer::goesIntoUser(Operation &op, const Expression &made) {
  if (isa<arith::ConstantOp>(op))
    return !isa<VectorType>(op.getResult(0).getType()) || made.text.size() < kMostChars / 2;
  Value value = op.getResult(0);
  if (isa<arith::IndexCastOp>(op) && made.ops == 0 && made.binds == Binds::Tightly)
    return true;
  if (!value.hasOneUse() || made.ops > kMostOps || made.text.size() > kMostChars)
    return false;
  OpOperand &use = *value.use_begin();
  Operation *user = use.getOwner();
  if (user->getBlock() != op.getBlock())
    return false;
  // Bounds are evaluated each time round.
  if (isa<scf::ForOp>(user))
    return false;
  if (!made.readsMemory)
    return true;
  for (Operation *next = op.getNextNode(); next != user; next = next->getNextNode())
    if (next->getNumRegions() > 0 ||
        !(isMemoryEffectFree(next) || hasSingleEffect<MemoryEffects::Read>(next) ||
          isa<memref::PrefetchOp>(next)))
      return false;
  return true;
}

//===------------------------------------------------------------------------------------------===//
// Statements
//===------------------------------------------------------------------------------------------===//

/// Names of a loop's state, or of a condition's results, become the values that are yielded.
void Printer::assign(ArrayRef<std::string> names, Operation *yield) {
  SmallVector<std::string> values;
  for (Value value : yield->getOperands())
    values.push_back(text(value));
  // One that reads what is assigned before it is computed first.
  for (size_t i = 0; i < values.size(); ++i)
    if (llvm::any_of(names.take_front(i), [&](StringRef n) { return mentions(values[i], n); })) {
      std::string kept = name("v");
      line("const " + typeOf(yield->getOperand(static_cast<unsigned>(i)).getType()) + " " + kept +
           " = " + values[i] + ";");
      values[i] = kept;
    }
  for (size_t i = 0; i < values.size(); ++i)
    if (names[i] != values[i])
      line(names[i] + " = " + values[i] + ";");
}

LogicalResult Printer::loop(scf::ForOp op) {
  SmallVector<std::string> names;
  for (auto [init, argument, result] :
       llvm::zip_equal(op.getInitArgs(), op.getRegionIterArgs(), op.getResults())) {
    names.push_back(name("state"));
    line(typeOf(init.getType()) + " " + names.back() + " = " + text(init) + ";");
    known[argument] = {names.back()};
    known[result] = {names.back()};
  }
  std::string i = name("i");
  known[op.getInductionVar()] = {i};
  std::string step = text(op.getStep());
  line("for (std::int64_t " + i + " = " + text(op.getLowerBound()) + "; " + i + " < " +
       atom(op.getUpperBound()) + "; " + (step == "1" ? "++" + i : i + " += " + step) + ") {");
  ++depth;
  if (failed(block(*op.getBody())))
    return failure();
  assign(names, op.getBody()->getTerminator());
  --depth;
  line("}");
  return success();
}

LogicalResult Printer::condition(scf::IfOp op) {
  SmallVector<std::string> names;
  for (Value result : op.getResults()) {
    names.push_back(name("chosen"));
    line(typeOf(result.getType()) + " " + names.back() + ";");
    known[result] = {names.back()};
  }
  line("if (" + text(op.getCondition()) + ") {");
  auto branch = [&](Block &body) {
    ++depth;
    if (failed(block(body)))
      return failure();
    assign(names, body.getTerminator());
    --depth;
    return success();
  };
  if (failed(branch(*op.thenBlock())))
    return failure();
  if (op.elseBlock()) {
    line("} else {");
    if (failed(branch(*op.elseBlock())))
      return failure();
  }
  line("}");
  return success();
}

LogicalResult Printer::callKernel(func::CallOp op) {
  auto callee = module.lookupSymbol<func::FuncOp>(op.getCallee());
  std::string arguments;
  for (auto [operand, parameter] : llvm::zip_equal(op.getOperands(), callee.getArguments())) {
    std::optional<Expression> argument;
    if (auto from = operand.getDefiningOp<abi::BufferOp>())
      argument = buffer(from, isWritten(parameter));
    else
      argument = of(operand);
    if (!argument)
      return op.emitError("internal error: a kernel writes weights");
    // Buffers a line each: there are many, and they are what one looks for.
    bool isBuffer = isa<MemRefType>(operand.getType());
    arguments += (arguments.empty() ? "" : ",") + (isBuffer ? "\n      " : std::string(" ")) +
                 argument->text;
  }
  line(identifierOf(op.getCallee()) + "(" + StringRef(arguments).ltrim(' ').str() + ");");
  return success();
}

LogicalResult Printer::statement(Operation &op) {
  if (isa<scf::YieldOp>(op)) // of whoever holds the block
    return success();
  if (isa<abi::BufferOp>(op)) // of whoever takes it
    return success();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return this->loop(loop);
  if (auto condition = dyn_cast<scf::IfOp>(op))
    return this->condition(condition);
  if (auto call = dyn_cast<func::CallOp>(op))
    return callKernel(call);
  if (auto run = dyn_cast<abi::RunOp>(op)) {
    line("if (const std::int32_t answer = runSteps(" + text(run.getCall()) + ", " +
         identifierOf(run.getFunction()) + ", " + text(run.getTasks()) + ", " +
         std::to_string(run.getFirst()) + ", " + std::to_string(run.getEnd()) + "))");
    line("  return answer;");
    return success();
  }
  if (auto ret = dyn_cast<func::ReturnOp>(op)) {
    if (ret.getNumOperands() == 1)
      line("return " + text(ret.getOperand(0)) + ";");
    return success();
  }
  if (auto alloca = dyn_cast<memref::AllocaOp>(op)) {
    MemRefType type = alloca.getType();
    std::string buffer = name("buffer");
    known[alloca] = {buffer};
    line("alignas(" + std::to_string(alloca.getAlignment().value_or(1)) + ") " +
         elementType(type.getElementType()) + " " + buffer + "[" +
         std::to_string(type.getNumElements()) + "];");
    return success();
  }
  if (auto store = dyn_cast<vector::StoreOp>(op)) {
    line("store(" + place(store.getBase(), store.getIndices()) + ", " +
         text(store.getValueToStore()) + ");");
    return success();
  }
  if (auto store = dyn_cast<vector::MaskedStoreOp>(op)) {
    line("storeMasked(" + place(store.getBase(), store.getIndices()) + ", " +
         text(store.getMask()) + ", " + text(store.getValueToStore()) + ");");
    return success();
  }
  if (auto store = dyn_cast<vector::ScatterOp>(op)) {
    line("scatter(" + place(store.getBase(), store.getOffsets()) + ", " + text(store.getIndices()) +
         ", " + text(store.getMask()) + ", " + text(store.getValueToStore()) + ");");
    return success();
  }
  if (auto store = dyn_cast<memref::StoreOp>(op)) {
    line(atom(store.getMemRef()) + "[" + offset(store.getMemRefType(), store.getIndices()).text +
         "] = " + text(store.getValue()) + ";");
    return success();
  }
  if (auto prefetch = dyn_cast<memref::PrefetchOp>(op)) {
    line("BLUEC_PREFETCH(" + place(prefetch.getMemref(), prefetch.getIndices()) + ");");
    return success();
  }
  return op.emitError() << "internal error: '" << op.getName() << "' has no form in C++";
}

LogicalResult Printer::block(Block &block) {
  for (Operation &op : block) {
    for (Type type : op.getResultTypes())
      if (auto vector = dyn_cast<VectorType>(type); vector && vector.getRank() != 1)
        return op.emitError() << "internal error: vectors of rank " << vector.getRank()
                              << " have no form in C++";
    std::optional<Expression> made = expression(op);
    if (!made) {
      if (failed(statement(op)))
        return failure();
      continue;
    }
    ++made->ops;
    for (Value operand : op.getOperands()) {
      made->ops += of(operand).ops;
      made->readsMemory |= of(operand).readsMemory;
    }
    if (isa<arith::ConstantOp>(op) || isa<arith::IndexCastOp>(op))
      --made->ops;
    Value value = op.getResult(0);
    if (value.use_empty())
      continue;
    if (goesIntoUser(op, *made)) {
      known[value] = *made;
      continue;
    }
    std::string its = name(isIndex(value.getType()) ? "n" : "v");
    line("const " + typeOf(value.getType()) + " " + its + " = " + made->text + ";");
    known[value] = {its};
  }
  return success();
}

std::vector<std::string> targets::argumentNamesOf(func::FuncOp function) {
  return Printer(function).argumentNames();
}

std::string targets::signatureOf(func::FuncOp function) { return Printer(function).signature(); }

FailureOr<std::string> targets::printFunction(func::FuncOp function) {
  return Printer(function).print();
}

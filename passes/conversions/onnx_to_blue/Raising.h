// From nodes to layers: what the patterns share.
//
// Raising has three steps, and only the last one changes the IR.
// 1. Match. Ops are visited in order; a pattern that recognises an op as the last node of a layer
//    records a `Match` and what the op's results mean: which value of the blue level they hold, and
//    how their elements are arranged.
// 2. Demand. From the function's outputs back: which matches are needed. A needed value that is no
//    layer is marked with the reason; everything it reads is needed too, so that one run names all
//    nodes that cannot be raised.
// 3. Build. When nothing is missing, a new function is made from the needed matches in order.
#ifndef BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_RAISING_H
#define BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_RAISING_H

#include "passes/conversions/onnx_to_blue/Cone.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

#include <deque>
#include <functional>

namespace bluec::onnx_to_blue {

/// Elements of one value that are numbered, at most: numbers must be exact in float.
inline constexpr int64_t kMaxNumbered = int64_t{1} << 24;

/// The regrouping of a grid of tokens (see blue.token_downsample).
struct Downsample {
  int64_t height, width, factor;
  bool columnMajor, channelsFirst, transposed;
  int64_t down() const { return llvm::divideCeilSigned(height, factor); }
  int64_t across() const { return llvm::divideCeilSigned(width, factor); }
};

/// Columns [begin, end) of rows; with a stride, of each stretch of so many columns. None: all.
struct Columns {
  int64_t begin = 0, end = 0;
  int64_t stride = 0;

  bool isAll() const { return end == 0; }
  /// How many they are of rows of `width`.
  int64_t count(int64_t width) const {
    return isAll() ? width : (end - begin) * (stride ? width / stride : 1);
  }
  /// The place of a column of the rows among these; nothing when it is none of them.
  std::optional<int64_t> placeOf(int64_t column) const {
    if (isAll())
      return column;
    int64_t inStretch = stride ? column % stride : column;
    if (inStretch < begin || inStretch >= end)
      return std::nullopt;
    return (stride ? column / stride * (end - begin) : 0) + inStretch - begin;
  }
  bool operator==(const Columns &) const = default;
};

/// An operand of a layer: what the value of an anchor holds, some of its columns, or some of each
/// picture's tokens, perhaps regrouped. An anchor is an activation that is a layer's result or a
/// function argument.
struct RowsUse {
  mlir::Value anchor;
  Columns columns = {}; ///< of the last dim
  /// Tokens [firstToken, endToken) of each picture when `endToken` is not 0.
  int64_t firstToken = 0, endToken = 0;
  std::optional<Downsample> downsample = std::nullopt; ///< of those tokens
  /// The anchor as it is.
  bool isWhole() const { return columns.isAll() && endToken == 0 && !downsample; }
};

/// A weight or a constant: a source with transforms, or a value.
struct WeightUse {
  std::string name; ///< of the initializer
  blue::SourceAttr source;
  llvm::SmallVector<mlir::Attribute> transforms;
  std::shared_ptr<const Tensor> value; ///< when there is no source
  std::vector<int64_t> shape;          ///< after the transforms
  mlir::Type elementType;              ///< after the transforms

  void transpose(llvm::ArrayRef<int64_t> permutation);
  /// False, and nothing done, when the numbers of elements differ.
  bool reshape(std::vector<int64_t> newShape);
  void slice(int64_t axis, int64_t begin, int64_t end);
  void scale(double factor);
  void offset(double addend);
};

class Emitter;

/// What a linear layer is made of.
struct LinearParts {
  RowsUse x;
  WeightUse weight; ///< [N, K]
  std::optional<WeightUse> bias;
};

/// A recognised layer.
struct Match {
  /// Kinds that other patterns build on.
  enum class Kind { Other, Linear, LayerNorm, Silu, Attention };
  Kind kind = Kind::Other;
  std::shared_ptr<const LinearParts> linear; ///< of a Linear
  /// The nodes that make it up; the first one names it when their names have no common path.
  llvm::SmallVector<mlir::Operation *> nodes;
  llvm::SmallVector<RowsUse> uses;
  /// The values that the layer stands for, in the order of `build`'s answer.
  llvm::SmallVector<mlir::Value> results;
  /// Makes the layer's ops and returns its values at the blue level.
  std::function<llvm::SmallVector<mlir::Value>(Emitter &, mlir::Location)> build;
  /// A layer whose columns can be made one by one (a linear): makes some of them.
  std::function<mlir::Value(Emitter &, mlir::Location, Columns)> buildColumns;
};

/// What an onnx value holds at the blue level.
struct Meaning {
  const Match *match = nullptr; ///< null for function arguments and for ops that are no layer
  /// The shape at the blue level: the first dim is the number of rows (or pictures), and dynamic.
  llvm::SmallVector<int64_t> shape;
  /// Element e of the onnx value is element arrangement[e] - 1 of the blue value; not set when they
  /// have the same row-major order.
  std::function<std::optional<Tensor>(Probe &)> arrangement;
};

/// Cosines and sines by position, [context, rotated / 2].
struct RopeTables {
  std::shared_ptr<const Tensor> cos, sin;
  std::optional<Lengths> unsettled = std::nullopt; ///< a call whose rows have others
  llvm::SmallVector<int64_t> axes = {}; ///< that each angle follows; none: the rows' own numbers
  std::string oddAngle = {};            ///< of positions on axes: what no axis explains
};

/// The attention that appends to a past, and what it appends.
struct CacheUse {
  const Match *attention;
  RowsUse added;
};

class Raising {
public:
  Raising(mlir::func::FuncOp function, reference::WeightValues *weights, int64_t context);

  /// Prepares inputs and probes; one error at the function when that cannot be done.
  mlir::LogicalResult prepare();

  mlir::func::FuncOp function;
  blue::Role role;
  int64_t context; ///< positions that rotary tables cover
  llvm::SmallVector<GraphInput> inputs;

  bool isDecoder() const { return role == blue::Role::Decoder; }
  /// Whether rows come with positions on several axes.
  bool hasAxes() const {
    return llvm::any_of(inputs, [](const GraphInput &input) { return input.hasAxes; });
  }
  const Dependences &dependences() const { return *dependenceInfo; }
  /// Two short probes, of different lengths where lengths are dynamic; for data.
  llvm::ArrayRef<Probe *> shortProbes() const { return shorts; }
  /// The short ones and some near the context's end; for masks and tables.
  llvm::ArrayRef<Probe *> allProbes() const { return all; }
  /// A probe at other lengths; null when the types do not allow them.
  std::unique_ptr<Probe> probeAt(Lengths lengths);

  //--- What values mean ---

  /// Records `match` for its results. `meanings` are in the order of the match's results.
  const Match *record(Match match, llvm::ArrayRef<Meaning> meanings);
  /// Records a layer that is one value, of `shape` at the blue level, in its natural order. Null
  /// when the onnx value cannot hold that.
  const Match *recordRows(Match match, llvm::ArrayRef<int64_t> shape);
  /// The match that makes `value`, under casts; null when it is no layer of that kind.
  const Match *matchOf(mlir::Value value, Match::Kind kind) const;
  bool isLayer(mlir::Value value) const { return meanings.contains(value); }
  /// The meaning of an anchor; of a value that is no layer, what it would be if its rows were in
  /// their natural order. Null when it can have no rows.
  const Meaning *meaning(mlir::Value anchor);
  /// The blue shape of an anchor at a probe.
  std::vector<int64_t> shapeAt(llvm::ArrayRef<int64_t> shape, const Probe &probe) const;
  /// [rows, channels] or, of pictures, [B, tokens, channels]: the blue shape of a value whose last
  /// dim is its channels. Empty when the value is not made of rows.
  llvm::SmallVector<int64_t> rowsShape(mlir::Value value);
  /// 1, 2, 3... in the onnx arrangement of an anchor, plus `base`.
  std::optional<Tensor> numbered(mlir::Value anchor, Probe &probe, int64_t base = 0);

  /// The rows that a value holds in their natural order, if it does: an anchor, some of the columns
  /// of one, or some of its tokens, perhaps regrouped.
  std::optional<RowsUse> rows(mlir::Value value);
  /// As `rows`, but only a whole anchor.
  std::optional<RowsUse> wholeRows(mlir::Value value);
  /// The blue shape of an operand, and its last dim.
  llvm::SmallVector<int64_t> shapeOf(const RowsUse &use);
  int64_t channels(const RowsUse &use) { return shapeOf(use).back(); }

  /// A weight or constant, followed through transposes and the like. Nothing when the value is not
  /// the same in every call.
  std::optional<WeightUse> weight(mlir::Value value);
  /// A weight of `count` elements as a vector.
  std::optional<WeightUse> vectorWeight(mlir::Value value, int64_t count);

  /// What is the same for every picture of every call, but repeated for each: the table [tokens,
  /// channels] that `value`, [pictures, tokens, channels], has for each of them.
  std::optional<WeightUse> pictureTable(mlir::Value value);

  /// The single number that a value is in every call.
  std::optional<double> scalar(mlir::Value value);

  /// By the past's argument.
  llvm::DenseMap<mlir::Value, CacheUse> caches;
  /// Results of nodes that append to a past themselves: the past's argument.
  llvm::DenseMap<mlir::Value, mlir::Value> nodePresents;
  /// The tables found so far, by what they were computed from.
  llvm::StringMap<RopeTables> ropeTables;
  /// What is odd about masks, by the masks and what they should hide (findOddRow).
  llvm::StringMap<std::string> oddMaskRows;
  /// A table that layers share: equal tables are one.
  std::shared_ptr<const Tensor> intern(Tensor table);

  /// Why `op` is not a layer, for the message; the first reason given stays.
  void explain(mlir::Operation *op, const llvm::Twine &reason);
  llvm::StringRef reason(mlir::Operation *op) const;

private:
  friend class Emitter;

  reference::WeightValues *weights;
  /// That probes may still make of the function: seconds of work. Real models' masks and rotary
  /// tables take a thousandth of it.
  int64_t products = int64_t{1} << 29;
  std::unique_ptr<Dependences> dependenceInfo;
  std::vector<std::unique_ptr<Probe>> probes;
  llvm::SmallVector<Probe *> shorts, all;
  std::deque<Match> matches;
  llvm::SmallVector<std::shared_ptr<const Tensor>> tables;
  llvm::DenseMap<mlir::Value, Meaning> meanings, guesses;
  llvm::DenseMap<mlir::Operation *, std::string> reasons;
};

/// A pattern: looks at `op` as the last node of a layer; true when it recorded a match, or when no
/// other pattern may.
using LayerPattern = bool (*)(Raising &, mlir::Operation *op);

/// The patterns, one file a kind of layer.
bool matchLinear(Raising &raising, mlir::Operation *op);
bool matchRmsNorm(Raising &raising, mlir::Operation *op);
bool matchLayerNorm(Raising &raising, mlir::Operation *op);
bool matchExperts(Raising &raising, mlir::Operation *op);
bool matchNormNode(Raising &raising, mlir::Operation *op);
bool matchGelu(Raising &raising, mlir::Operation *op);
bool matchGates(Raising &raising, mlir::Operation *op);
bool matchElementwise(Raising &raising, mlir::Operation *op);
bool matchRope(Raising &raising, mlir::Operation *op);
bool matchAttention(Raising &raising, mlir::Operation *op);
bool matchFusedAttention(Raising &raising, mlir::Operation *op);
bool matchPatchEmbed(Raising &raising, mlir::Operation *op);
bool matchEmbedding(Raising &raising, mlir::Operation *op);
bool matchPositionEmbedding(Raising &raising, mlir::Operation *op);
bool matchTokens(Raising &raising, mlir::Operation *op);

/// Makes the blue function.
class Emitter {
public:
  Emitter(Raising &raising, mlir::OpBuilder builder) : raising(raising), builder(builder) {}

  Raising &raising;
  mlir::OpBuilder builder;
  /// The blue values of anchors.
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  /// The presents of attentions, by the past's argument.
  llvm::DenseMap<mlir::Value, mlir::Value> presents;
  /// The position argument of a decoder, and the one of each row's positions on axes, or null.
  mlir::Value position, places;

  mlir::Value rows(const RowsUse &use, mlir::Location location);
  /// The weight, named after the module of `location` and `suffix` ("weight", "bias"), as floats;
  /// with `keepsIntegers` one that is quantized in the model stays so, in exactly its type.
  mlir::Value weight(WeightUse use, llvm::StringRef suffix, mlir::Location location,
                     bool keepsIntegers = false);
  /// A computed table (see Raising::intern).
  mlir::Value table(std::shared_ptr<const Tensor> tensor, llvm::StringRef name,
                    mlir::Location location);
  mlir::RankedTensorType floats(llvm::ArrayRef<int64_t> shape);

private:
  mlir::Value constant(const Tensor &tensor, llvm::StringRef name, mlir::Location location);

  llvm::StringMap<mlir::Value> emittedWeights;
  llvm::DenseMap<const Tensor *, mlir::Value> emittedTables;
};

/// The location of a layer made of `nodes`.
mlir::Location layerLocation(llvm::ArrayRef<mlir::Operation *> nodes);

} // namespace bluec::onnx_to_blue

#endif // BLUEC_PASSES_CONVERSIONS_ONNX_TO_BLUE_RAISING_H

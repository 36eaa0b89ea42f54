#include "targets/cpp/DescriptorPrinter.h"

#include "runtime/abi/bluec_abi.h"
#include "targets/cpp/FunctionPrinter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace bluec;
using namespace bluec::targets;

/// Features of CPUs that the runtime knows, by LLVM's names, and what compilers say when they may
/// use them for loops and numbers.
static constexpr std::pair<const char *, const char *> kFeatures[] = {
    {"sse3", "__SSE3__"},
    {"ssse3", "__SSSE3__"},
    {"sse4.1", "__SSE4_1__"},
    {"sse4.2", "__SSE4_2__"},
    {"popcnt", "__POPCNT__"},
    {"movbe", "__MOVBE__"},
    {"lzcnt", "__LZCNT__"},
    {"bmi", "__BMI__"},
    {"bmi2", "__BMI2__"},
    {"avx", "__AVX__"},
    {"avx2", "__AVX2__"},
    {"fma", "__FMA__"},
    {"f16c", "__F16C__"},
    {"gfni", "__GFNI__"},
    {"avxvnni", "__AVXVNNI__"},
    {"avxifma", "__AVXIFMA__"},
    {"avxvnniint8", "__AVXVNNIINT8__"},
    {"avxvnniint16", "__AVXVNNIINT16__"},
    {"avx512f", "__AVX512F__"},
    {"avx512bw", "__AVX512BW__"},
    {"avx512cd", "__AVX512CD__"},
    {"avx512dq", "__AVX512DQ__"},
    {"avx512vl", "__AVX512VL__"},
    {"avx512ifma", "__AVX512IFMA__"},
    {"avx512vbmi", "__AVX512VBMI__"},
    {"avx512vbmi2", "__AVX512VBMI2__"},
    {"avx512bitalg", "__AVX512BITALG__"},
    {"avx512vpopcntdq", "__AVX512VPOPCNTDQ__"},
    {"avx512vnni", "__AVX512VNNI__"},
    {"avx512bf16", "__AVX512BF16__"},
    {"avx512fp16", "__AVX512FP16__"},
    {"dotprod", "__ARM_FEATURE_DOTPROD"},
    {"fullfp16", "__ARM_FEATURE_FP16_VECTOR_ARITHMETIC"},
    {"lse", "__ARM_FEATURE_ATOMICS"},
    {"rdm", "__ARM_FEATURE_QRDMX"},
    {"i8mm", "__ARM_FEATURE_MATMUL_INT8"},
    {"bf16", "__ARM_FEATURE_BF16_VECTOR_ARITHMETIC"},
    {"sve", "__ARM_FEATURE_SVE"},
    {"sve2", "__ARM_FEATURE_SVE2"},
};

/// As a literal of C++.
static std::string quoted(StringRef text) {
  std::string literal;
  llvm::raw_string_ostream out(literal);
  // Three octal digits end an escape, whatever follows.
  for (unsigned char c : text)
    if (c == '"' || c == '\\')
      out << '\\' << c;
    else if (llvm::isPrint(static_cast<char>(c)) && c != '?')
      out << c;
    else
      out << llvm::format("\\%03o", c);
  return "\"" + literal + "\"";
}

static StringRef dtypeOf(Type type) {
  if (type.isF32())
    return "BLUEC_F32";
  if (type.isInteger(32))
    return "BLUEC_I32";
  return type.isF16() ? "BLUEC_F16" : "BLUEC_I8";
}

static std::string tensor(abi::TensorAttr tensor) {
  if (!tensor)
    return R"({"", 0, 0, {0, 0, 0, 0}, 0, 0})";
  SmallVector<int64_t> dims(tensor.getDims());
  dims.resize(abi::kMaxRank);
  return llvm::formatv("{{{0}, {1}, {2}, {{{3:$[, ]}}, {4}, {5}}", quoted(tensor.getName()),
                       dtypeOf(tensor.getElement()), tensor.getDims().size(),
                       llvm::make_range(dims.begin(), dims.end()), tensor.getOffset(),
                       tensor.getBytes());
}

/// Writes a table, when it has rows, and says what its pointer is.
static std::string table(raw_ostream &out, StringRef type, const std::string &name,
                         ArrayRef<std::string> rows) {
  if (rows.empty())
    return "nullptr";
  out << "const " << type << " " << name << "[] = {\n";
  for (const std::string &row : rows)
    out << "    " << row << ",\n";
  out << "};\n";
  return "bluec::" + name;
}

static std::string printEntry(raw_ostream &out, abi::ModelOp model, abi::EntryOp entry) {
  SmallVector<std::string> inputs, outputs, steps;
  for (auto row : entry.getInputs().getAsRange<abi::TensorAttr>())
    inputs.push_back(tensor(row));
  for (auto row : entry.getOutputs().getAsRange<abi::TensorAttr>())
    outputs.push_back(tensor(row));
  for (auto step : entry.getBody().getOps<abi::StepOp>())
    steps.push_back(llvm::formatv("{{{0}, {1}, {2}, {3}}", quoted(step.getName()),
                                  quoted(step.getKernel()), step.getTasks(),
                                  tensor(step.getOutput().value_or(abi::TensorAttr()))));
  std::string name = identifierOf(entry.getName());
  std::string in = table(out, "bluec_tensor", name + "_inputs", inputs);
  std::string made = table(out, "bluec_tensor", name + "_outputs", outputs);
  std::string done = table(out, "bluec_step", name + "_steps", steps);
  static constexpr const char *kRoles[] = {"", "BLUEC_ROLE_ENCODE", "BLUEC_ROLE_EMBED",
                                           "BLUEC_ROLE_DECODE"};
  std::string row;
  llvm::raw_string_ostream(row) << "{" << quoted(entry.getName()) << ", "
                                << kRoles[static_cast<uint32_t>(entry.getRole())] << ", "
                                << entry.getStage() << ", " << entry.getStages() << ", "
                                << abi::segmentIndex(model, entry.getSegment()) << ", "
                                << abi::deviceIndex(model, entry.getDevice()) << ", 0, "
                                << entry.getCapacity() << ", " << entry.getArenaBytes() << ", "
                                << identifierOf(entry.getRun()) << ",\n     " << inputs.size()
                                << ", " << in << ", " << outputs.size() << ", " << made << ", "
                                << steps.size() << ", " << done << "}";
  return row;
}

std::string targets::printDescriptor(abi::ModelOp model) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "// What the runtime asks of this model: bluec_abi.h says what each field is.\n"
         "#include \"entries.h\"\n\nnamespace bluec {\nnamespace {\n\n";
  SmallVector<std::string> entries, segments, devices;
  for (auto entry : model.getBody().getOps<abi::EntryOp>()) {
    entries.push_back(printEntry(out, model, entry));
    out << "\n";
  }
  for (auto op : model.getBody().getOps<abi::SegmentOp>())
    segments.push_back(
        llvm::formatv("{{{0}, {1}, {2}}", quoted(op.getName()), op.getOffset(), op.getBytes()));
  for (auto op : model.getBody().getOps<abi::DeviceOp>())
    devices.push_back(quoted(op.getName()));
  std::string segmentTable = table(out, "bluec_segment", "segments", segments);
  std::string entryTable = table(out, "bluec_entry", "entries", entries);
  std::string deviceTable = table(out, "char *const", "devices", devices);
  std::string hash;
  if (std::optional<ArrayRef<int8_t>> bytes = model.getWeightsSha256())
    for (int8_t byte : *bytes)
      hash +=
          (hash.empty() ? "" : ", ") + llvm::formatv("{0:x2}", static_cast<uint8_t>(byte)).str();
  out << "\n} // namespace\n} // namespace bluec\n\n"
         "// A shared library exports it, whatever else is hidden.\n"
         "#ifdef __GNUC__\n#define BLUEC_EXPORT __attribute__((visibility(\"default\")))\n"
         "#else\n#define BLUEC_EXPORT\n#endif\n\n"
         "extern \"C\" BLUEC_EXPORT const struct bluec_model " BLUEC_MODEL_SYMBOL ";\n"
         "const struct bluec_model " BLUEC_MODEL_SYMBOL " = {\n"
         "    BLUEC_ABI_MAGIC, BLUEC_ABI_VERSION, sizeof(struct bluec_model), "
      << model.getAlignment() << ",\n";
  auto field = [&](StringRef name, const auto &value) {
    out << "    " << value << ", // " << name << "\n";
  };
  field("producer", quoted(model.getProducer()));
  field("target", quoted(model.getTarget()));
  field("triple", quoted(model.getTriple()));
  // What the compiler may use, the machine has to have.
  out << "    \"\"\n";
  for (auto [feature, macro] : kFeatures)
    out << "#ifdef " << macro << "\n    \"" << feature << ",\"\n#endif\n";
  out << "    , // cpu_features\n";
  field("weights_bytes", model.getWeightsBytes());
  field("weights_sha256", "{" + hash + "}");
  field("kv_bytes", model.getCacheBytes());
  field("context", model.getContext());
  field("ring_positions", model.getRingPositions().value_or(0));
  field("ring_back", model.getRingBack().value_or(0));
  field("hidden", model.getHidden());
  field("vocabulary", model.getVocabulary());
  field("tokens_per_tile", model.getTokensPerTile());
  field("tile_height", model.getTileHeight());
  field("tile_width", model.getTileWidth());
  field("segments", std::to_string(segments.size()) + ", " + segmentTable);
  field("entries", std::to_string(entries.size()) + ", " + entryTable);
  field("devices", std::to_string(devices.size()) + ", " + deviceTable);
  out << "};\n";
  return text;
}

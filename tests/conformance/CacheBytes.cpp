#include "tests/conformance/CacheBytes.h"

using namespace bluec::conformance;

Operand CacheBytes::operand() const {
  // A group is a multiple of 4 unless it is the row.
  std::string group = heads == 1 ? "row" : std::to_string(dims);
  std::string bits = encoder ? std::to_string(dotBits) : "8", scale = encoder ? "f32" : "f16";
  Shape shape = {context, heads * dims};
  if (encoder)
    shape.insert(shape.begin(), batch);
  return {encoder ? Place::Input : Place::Cache,
          keys ? "keys" : "values",
          shape,
          false,
          "!blue.quantized<i" + bits + " group " + group + " scale " + scale + ">",
          std::string(keys ? "#plan.keys" : "#plan.values") + "<heads " + std::to_string(heads) +
              ", block " + std::to_string(block) + ", dot " + dot().text + facts.alignText() + ">"};
}

int64_t CacheBytes::elementAt(const std::vector<uint8_t> &bytes, int64_t at) const {
  auto byte = [&](int64_t i) { return static_cast<int64_t>(bytes[static_cast<size_t>(at + i)]); };
  int64_t stored = elementBits() == 8 ? byte(0) : byte(0) | byte(1) << 8;
  int64_t all = int64_t{1} << elementBits();
  if (offset() != 0)
    return stored - offset();
  return stored < all / 2 ? stored : stored - all;
}

StepText bluec::conformance::attentionStep(const std::string &entry, int64_t rows, int64_t heads,
                                           double scale, const CacheBytes &keys,
                                           const CacheBytes &values, const Scores &how) {
  Shape query = {rows, heads * keys.dims};
  if (keys.encoder)
    query.insert(query.begin() + 1, keys.context);
  Operand k = keys.operand(), v = values.operand();
  char factor[32];
  std::snprintf(factor, sizeof(factor), "%.17e", scale);
  std::vector<Operand> operands = {{Place::Input, "q", query}, k, v};
  std::string more;
  if (how.window)
    more += ", window = " + std::to_string(how.window) + " : i64";
  if (how.ringOf)
    more += ", ring";
  if (how.softcap != 0)
    more += ", softcap = " + std::to_string(how.softcap) + " : f64";
  if (how.sinks)
    operands.push_back({Place::Weight, "sinks", {heads}});
  std::string optional = how.sinks ? " sinks %a3" : "",
              types = how.sinks ? ", " + tensorText({heads}) : "";
  if (how.terms) {
    Shape basis = {keys.heads, how.terms, keys.dims};
    Shape table = {how.terms, how.ringOf ? how.ringOf : keys.context};
    optional += " lifted %a" + std::to_string(operands.size()) + " by %a" +
                std::to_string(operands.size() + 1);
    types += ", " + tensorText(basis) + ", " + tensorText(table);
    operands.push_back({Place::Weight, "basis", basis});
    operands.push_back({Place::Weight, "table", table});
  }
  return {entry, rows, operands,
          "    %y = plan.attention %a0, %a1, %a2" + optional + " {" +
              std::string(keys.encoder ? "" : "causal, ") + "num_heads = " + std::to_string(heads) +
              " : i64, num_kv_heads = " + std::to_string(keys.heads) + " : i64, scale = " + factor +
              " : f64" + more + "} : (" + tensorText(query) + ", " + typeText(k) + ", " +
              typeText(v) + types + ") -> " + tensorText(query) +
              "\n    plan.yield %y : " + tensorText(query),
          query};
}

#include "compiler/import/onnx/NodeOrder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <numeric>

using namespace bluec;
using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

namespace {

constexpr int kMaxDepth = 40; // of graphs in nodes; as WireFormat reads them

/// Names that a node reads: its inputs, and what its subgraphs take from around.
void addReads(const ::onnx::NodeProto &node, int depth, std::vector<std::string> &out) {
  for (const std::string &name : node.input())
    if (!name.empty())
      out.push_back(name);
  if (depth >= kMaxDepth)
    return;
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    if (!attribute.has_g())
      continue;
    // A name that the subgraph makes is its own there.
    llvm::StringSet<> own;
    for (const ::onnx::TensorProto &tensor : attribute.g().initializer())
      own.insert(tensor.name());
    for (const ::onnx::ValueInfoProto &input : attribute.g().input())
      own.insert(input.name());
    std::vector<std::string> reads;
    for (const ::onnx::NodeProto &inner : attribute.g().node()) {
      own.insert(inner.output().begin(), inner.output().end());
      addReads(inner, depth + 1, reads);
    }
    for (const ::onnx::ValueInfoProto &output : attribute.g().output())
      reads.push_back(output.name());
    llvm::copy_if(reads, std::back_inserter(out),
                  [&](const std::string &name) { return !own.contains(name); });
  }
}

/// A visit of the nodes, those that make a node's inputs first, without recursion: files decide how
/// long a chain is.
class Sorter {
public:
  explicit Sorter(const Nodes &nodes) : reads(static_cast<size_t>(nodes.size())) {
    for (int i = 0; i < nodes.size(); ++i)
      for (const std::string &name : nodes.Get(i).output())
        makers.try_emplace(name, i);
    for (int i = 0; i < nodes.size(); ++i)
      addReads(nodes.Get(i), 0, reads[static_cast<size_t>(i)]);
  }

  NodeOrder sort() {
    NodeOrder order;
    if (isInOrder()) {
      order.nodes.resize(reads.size());
      std::iota(order.nodes.begin(), order.nodes.end(), 0);
      return order;
    }
    for (int first = 0; first < static_cast<int>(reads.size()); ++first)
      if (!visit(first, order))
        break;
    return order;
  }

private:
  enum class State : char { New, Open, Done };

  /// The node that makes a name; -1: none here.
  int makerOf(const std::string &name) const {
    auto found = makers.find(name);
    return found == makers.end() ? -1 : found->second;
  }
  bool isInOrder() const {
    for (auto [i, names] : llvm::enumerate(reads))
      for (const std::string &name : names)
        if (makerOf(name) >= static_cast<int>(i))
          return false;
    return true;
  }

  bool visit(int first, NodeOrder &order) {
    if (states[static_cast<size_t>(first)] != State::New)
      return true;
    std::vector<std::pair<int, size_t>> open = {{first, 0}}; // a node, and its next input
    states[static_cast<size_t>(first)] = State::Open;
    while (!open.empty()) {
      auto &[node, next] = open.back();
      const std::vector<std::string> &names = reads[static_cast<size_t>(node)];
      if (next == names.size()) {
        states[static_cast<size_t>(node)] = State::Done;
        order.nodes.push_back(node);
        open.pop_back();
        continue;
      }
      const std::string &name = names[next++];
      const int maker = makerOf(name);
      if (maker < 0 || states[static_cast<size_t>(maker)] == State::Done)
        continue;
      if (states[static_cast<size_t>(maker)] == State::Open) {
        order.onCycle = node;
        order.cyclicInput = name;
        return false;
      }
      states[static_cast<size_t>(maker)] = State::Open;
      open.emplace_back(maker, 0);
    }
    return true;
  }

  llvm::StringMap<int> makers;
  std::vector<std::vector<std::string>> reads;
  std::vector<State> states = std::vector<State>(reads.size(), State::New);
};

} // namespace

NodeOrder bluec::orderNodes(const Nodes &nodes) { return Sorter(nodes).sort(); }

// Machine descriptions: data that says how fast the devices of a machine are. See README.md.
#ifndef BLUEC_COMPILER_MACHINE_MACHINE_H
#define BLUEC_COMPILER_MACHINE_MACHINE_H

#include "compiler/machine/TargetFacts.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace bluec {

struct Machine {
  /// How fast a device computes one kind of product. A multiply-add is two operations.
  struct Rate {
    std::string op;          // "linear" or "attention": of a step's root
    std::string weights;     // "f32", "f16", "i16", "i8", "i4"; of attention: of keys and values
    std::string activations; // "f32", "i16", "i8"
    double operationsPerSecond = 0;
    /// Rows of a call at which half of that is reached: rate(r) = operationsPerSecond * r / (r +
    /// halfRows). This is what a batch gains besides reading weights once.
    double halfRows = 0;
  };

  /// A device computes the steps that it has a rate for, and, if `bytesPerSecond` is not 0, those
  /// without products (norms, elementwise ops, copies), which are bound by the values that they
  /// read and write.
  struct Device {
    std::string name; // "cpu", "npu"
    std::vector<Rate> rates;
    double weightBytesPerSecond = 0; // weights and KV cache, from memory; overlaps with products
    double bytesPerSecond = 0;       // values, as far as they do not fit into `onChipBytes`
    /// All values of a step without products, on the chip or not; 0: computing on them takes no
    /// time.
    double elementwiseBytesPerSecond = 0;
    int64_t onChipBytes = 0;
    double stepSeconds = 0; // to start a step
    double callSeconds = 0; // to start an entry point
    /// Shapes are static: a call with fewer rows costs what a full one does, and causal attention
    /// computes all products of its rows.
    bool staticRows = false;
  };

  /// What it costs to hand a value from one device to another; the sum of both. There is one for
  /// each pair of devices, either way.
  struct Transfer {
    std::string from, to;
    double bytesPerSecond = 0;
    double seconds = 0;
  };

  std::string name; // of a file that has none: the file's
  std::string description;
  std::string source; // where the figures come from
  /// What weights and caches are laid out for in predictions: one of bluec's targets by its name,
  /// which is looked up where targets are known, or facts.
  std::variant<std::string, TargetFacts> target;
  std::vector<Device> devices; // at least one, with different names
  std::vector<Transfer> transfers;
  double loadBytesPerSecond = 0; // of weights, from storage at start; 0: not said
  std::string text;              // the JSON that says the same, on one line

  /// `where` begins the messages. Errors are one line: where, expected, found.
  static llvm::Expected<Machine> parse(llvm::StringRef json, llvm::StringRef where);
  /// A shipped machine by name, or a file. A text that begins with a brace is a machine itself.
  static llvm::Expected<Machine> load(llvm::StringRef machine);

  /// Null when there is no such device.
  const Device *find(llvm::StringRef device) const;
  /// Seconds to hand `bytes` from one of the devices to another; 0 for the same one.
  double transferSeconds(llvm::StringRef from, llvm::StringRef to, int64_t bytes) const;
};

struct ShippedMachine {
  const char *name, *json;
};
llvm::ArrayRef<ShippedMachine> shippedMachines();
/// Whether `machine` can be loaded at all: the name of a shipped one, or of a file that is there.
bool machineExists(llvm::StringRef machine);

} // namespace bluec

#endif // BLUEC_COMPILER_MACHINE_MACHINE_H

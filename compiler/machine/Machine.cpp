#include "compiler/machine/Machine.h"

#include "compiler/base/JsonReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace bluec;
using llvm::StringRef;

namespace {

constexpr size_t kMostDevices = 16, kMostRates = 100, kLongestName = 32;
// What no machine reaches; so that sums and products of figures stay finite.
constexpr double kMostPerSecond = 1e18, kLongestSeconds = 1e3, kMostRows = 1e6;
constexpr int64_t kMostBytes = int64_t{1} << 40;

} // namespace

//===------------------------------------------------------------------------------------------===//
// Reading
//===------------------------------------------------------------------------------------------===//

/// A number that has to be there.
static double readNumber(const JsonReader &reader, const char *key, double least, double most) {
  reader.require(key, "a number from " + JsonValue(least).text() + " to " + JsonValue(most).text());
  return reader.number(key, least, least, most);
}

static double readRate(const JsonReader &reader, const char *key) {
  return reader.number(key, 0, 0, kMostPerSecond);
}

static int64_t readBytes(const JsonReader &reader, const char *key) {
  const JsonValue *value = reader.find(key);
  if (!value)
    return 0;
  std::optional<int64_t> bytes = value->integer();
  if (bytes && *bytes >= 0 && *bytes <= kMostBytes)
    return *bytes;
  reader.fail(key, "a whole number of bytes, at most 2^40", *value);
  return 0;
}

static Machine::Rate readProducts(const JsonReader &reader) {
  static const std::string ops[] = {"linear", "attention"};
  static const std::string weights[] = {"f32", "f16", "i16", "i8", "i4"};
  static const std::string activations[] = {"f32", "i16", "i8"};
  Machine::Rate result;
  if (!reader.hasOnly({"op", "weights", "activations", "operations_per_second", "half_rows"}))
    return result;
  result.op = reader.choice("op", ops);
  result.weights = reader.choice("weights", weights);
  result.activations = reader.choice("activations", activations);
  result.operationsPerSecond = readNumber(reader, "operations_per_second", 1, kMostPerSecond);
  result.halfRows = reader.number("half_rows", 0, 0, kMostRows);
  return result;
}

static std::string readName(const JsonReader &reader) {
  std::string name = reader.line("name", "");
  bool isName = !name.empty() && name.size() <= kLongestName && llvm::isLower(name.front()) &&
                llvm::all_of(name, [](char c) {
                  return llvm::isLower(c) || llvm::isDigit(c) || c == '_' || c == '-';
                });
  if (!isName)
    reader.failWith("name",
                    "1 to " + std::to_string(kLongestName) +
                        " of a-z, 0-9, _ and -, beginning with a letter",
                    JsonReader::shown(name));
  return name;
}

static void readRates(const JsonReader &reader, const std::string &place,
                      std::vector<Machine::Rate> &rates) {
  const JsonValue::Array *values = reader.list("rates", 0, kMostRates);
  if (!values)
    return;
  for (auto [i, value] : llvm::enumerate(*values)) {
    JsonReader entry = reader.of(value, place + ".rates " + std::to_string(i + 1));
    Machine::Rate one = readProducts(entry);
    for (const Machine::Rate &other : rates)
      if (other.op == one.op && other.weights == one.weights &&
          other.activations == one.activations)
        entry.failWith("", "one rate for each op and types",
                       "another for " + one.op + " of " + one.weights + " and " + one.activations);
    rates.push_back(one);
    if (reader.failed())
      return;
  }
}

static Machine::Device readDevice(const JsonReader &reader, const std::string &place) {
  Machine::Device result;
  if (!reader.hasOnly({"name", "rates", "weight_bytes_per_second", "bytes_per_second",
                       "elementwise_bytes_per_second", "on_chip_bytes", "step_seconds",
                       "call_seconds", "static_rows"}))
    return result;
  result.name = readName(reader);
  readRates(reader, place, result.rates);
  if (!result.rates.empty() || reader.find("weight_bytes_per_second"))
    result.weightBytesPerSecond = readNumber(reader, "weight_bytes_per_second", 1, kMostPerSecond);
  result.bytesPerSecond = readRate(reader, "bytes_per_second");
  result.elementwiseBytesPerSecond = readRate(reader, "elementwise_bytes_per_second");
  result.onChipBytes = readBytes(reader, "on_chip_bytes");
  result.stepSeconds = reader.number("step_seconds", 0, 0, kLongestSeconds);
  result.callSeconds = reader.number("call_seconds", 0, 0, kLongestSeconds);
  result.staticRows = reader.boolean("static_rows", false);
  return result;
}

static Machine::Transfer readTransfer(const JsonReader &reader, const Machine &machine) {
  Machine::Transfer result;
  if (!reader.hasOnly({"from", "to", "bytes_per_second", "seconds"}))
    return result;
  std::vector<std::string> names;
  for (const Machine::Device &device : machine.devices)
    names.push_back(device.name);
  result.from = reader.choice("from", names);
  result.to = reader.choice("to", names);
  if (result.from == result.to)
    reader.failWith("to", "another device than " + result.from, result.to);
  result.bytesPerSecond = readNumber(reader, "bytes_per_second", 1, kMostPerSecond);
  result.seconds = reader.number("seconds", 0, 0, kLongestSeconds);
  for (const Machine::Transfer &other : machine.transfers)
    if (other.from == result.from && other.to == result.to)
      reader.failWith("", "one transfer from a device to another",
                      "another from " + result.from + " to " + result.to);
  return result;
}

static void readDevices(const JsonReader &reader, Machine &machine) {
  if (const JsonValue::Array *values = reader.list("devices", 0, kMostDevices))
    for (auto [i, value] : llvm::enumerate(*values)) {
      std::string place = "device " + std::to_string(i + 1);
      JsonReader entry = reader.of(value, place);
      Machine::Device one = readDevice(entry, place);
      if (machine.find(one.name))
        entry.failWith("name", "another name than those before", one.name);
      machine.devices.push_back(std::move(one));
      if (reader.failed())
        return;
    }
  if (machine.devices.empty())
    reader.failWith("devices", "at least one", "none");
}

/// Any device may be given what any other has made.
static void readTransfers(const JsonReader &reader, Machine &machine) {
  if (const JsonValue::Array *values = reader.list("transfers", 0, kMostDevices * kMostDevices))
    for (auto [i, value] : llvm::enumerate(*values)) {
      if (reader.failed())
        return;
      JsonReader entry = reader.of(value, "transfer " + std::to_string(i + 1));
      machine.transfers.push_back(readTransfer(entry, machine));
    }
  for (const Machine::Device &from : machine.devices)
    for (const Machine::Device &to : machine.devices)
      if (&from != &to && llvm::none_of(machine.transfers, [&](const Machine::Transfer &transfer) {
            return transfer.from == from.name && transfer.to == to.name;
          }))
        reader.failWith("transfers", "one from " + from.name + " to " + to.name, "none");
}

static TargetFacts readFacts(const JsonReader &reader) {
  TargetFacts facts;
  std::vector<const char *> names;
  for (const TargetFact &fact : targetFacts())
    names.push_back(fact.name);
  if (!reader.hasOnly(names))
    return facts;
  for (const TargetFact &fact : targetFacts()) {
    std::string wanted = (fact.powerOfTwo ? "a power of two from " : "a whole number from ") +
                         std::to_string(fact.least) + " to " + std::to_string(fact.most);
    const JsonValue *found = reader.require(fact.name, wanted);
    std::optional<int64_t> value = found ? found->integer() : std::nullopt;
    bool fits = value && *value >= fact.least && *value <= fact.most &&
                (!fact.powerOfTwo || llvm::isPowerOf2_64(static_cast<uint64_t>(*value)));
    if (fits)
      facts.*fact.value = *value;
    else if (found)
      reader.fail(fact.name, wanted, *found);
  }
  return facts;
}

static std::variant<std::string, TargetFacts> readTarget(const JsonReader &reader) {
  const std::string expected = "a target's name or an object of facts";
  const JsonValue *target = reader.require("target", expected);
  if (target && target->isObject())
    return readFacts(reader.of(*target, "machine.target"));
  if (target && target->string() && !target->string()->empty())
    return reader.line("target", "");
  if (target)
    reader.fail("target", expected, *target);
  return std::string();
}

static llvm::Expected<Machine> readMachine(JsonValue json, StringRef where) {
  Machine machine;
  std::string fault;
  JsonReader reader(json, where.str(), "machine", fault);
  if (reader.hasOnly({"name", "description", "source", "target", "devices", "transfers",
                      "load_bytes_per_second"})) {
    machine.name = reader.line("name", "");
    machine.description = reader.line("description", "");
    machine.source = reader.line("source", "");
    readDevices(reader, machine);
    machine.loadBytesPerSecond = reader.number("load_bytes_per_second", 0, 1, kMostPerSecond);
    readTransfers(reader, machine);
    machine.target = readTarget(reader);
  }
  if (!fault.empty())
    return llvm::createStringError(fault);
  if (machine.name.empty()) {
    machine.name = llvm::sys::path::stem(where).str();
    json.set("name", JsonValue(machine.name));
  }
  machine.text = json.text();
  return machine;
}

//===------------------------------------------------------------------------------------------===//
// Machine
//===------------------------------------------------------------------------------------------===//

llvm::Expected<Machine> Machine::parse(StringRef json, StringRef where) {
  std::string fault;
  std::optional<JsonValue> value =
      parseJson(std::string_view(json), std::string_view(where), JsonLimits(), fault);
  return value ? readMachine(std::move(*value), where) : llvm::createStringError(fault);
}

static const ShippedMachine *findShipped(StringRef name) {
  for (const ShippedMachine &machine : shippedMachines())
    if (name == machine.name)
      return &machine;
  return nullptr;
}

bool bluec::machineExists(StringRef machine) {
  return findShipped(machine) || inlineJson(std::string_view(machine)) ||
         llvm::sys::fs::exists(machine);
}

llvm::Expected<Machine> Machine::load(StringRef machine) {
  if (const ShippedMachine *shipped = findShipped(machine))
    return parse(shipped->json, shipped->name);
  if (auto text = inlineJson(std::string_view(machine)))
    return parse(*text, "machine");
  std::string fault;
  std::optional<JsonValue> value =
      readJsonFile(machine.str(), std::string_view(machine), JsonLimits(), fault);
  return value ? readMachine(std::move(*value), machine) : llvm::createStringError(fault);
}

const Machine::Device *Machine::find(StringRef device) const {
  auto found =
      llvm::find_if(devices, [&](const Machine::Device &one) { return one.name == device; });
  return found == devices.end() ? nullptr : &*found;
}

double Machine::transferSeconds(StringRef from, StringRef to, int64_t bytes) const {
  for (const Machine::Transfer &transfer : transfers)
    if (from == transfer.from && to == transfer.to)
      return static_cast<double>(bytes) / transfer.bytesPerSecond + transfer.seconds;
  return 0;
}

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

constexpr size_t mostDevices = 16, mostRates = 100, longestName = 32;
// What no machine reaches; so that sums and products of figures stay finite.
constexpr double mostPerSecond = 1e18, longestSeconds = 1e3, mostRows = 1e6;
constexpr int64_t mostBytes = int64_t{1} << 40;

/// Reads one machine description.
class Reader : JsonReader {
public:
  explicit Reader(StringRef where) : JsonReader(where), where(where) {}

  llvm::Expected<Machine> read(StringRef text);

private:
  enum class Presence { Needed, Optional };

  const Json *list(const std::string &place, const Json &object, const char *key, size_t most);
  void choice(const std::string &place, const Json &object, const char *key,
              llvm::ArrayRef<std::string> allowed, std::string &to);
  /// A number between `least` and `most`.
  void number(const std::string &place, const Json &object, const char *key, Presence presence,
              double least, double most, double &to);
  void bytes(const std::string &place, const Json &object, const char *key, int64_t &to);
  void target(const Json &object, Machine &machine);
  Rate rate(const std::string &place, const Json &value);
  Device device(const std::string &place, const Json &value);
  Transfer transfer(const std::string &place, const Json &value, const Machine &machine);
  void checkTransfers(const Machine &machine);

  StringRef where;
};

} // namespace

const Reader::Json *Reader::list(const std::string &place, const Json &object, const char *key,
                                 size_t most) {
  auto found = object.find(key);
  if (found == object.end())
    return nullptr;
  if (!found->is_array() || found->size() > most) {
    fail(place + "." + key, "a list of at most " + std::to_string(most), *found);
    return nullptr;
  }
  return &*found;
}

void Reader::choice(const std::string &place, const Json &object, const char *key,
                    llvm::ArrayRef<std::string> allowed, std::string &to) {
  auto found = object.find(key);
  if (found == object.end())
    failWith(place + "." + key, listed(allowed), "none");
  else if (!found->is_string() || !llvm::is_contained(allowed, found->get<std::string>()))
    fail(place + "." + key, listed(allowed), *found);
  else
    to = found->get<std::string>();
}

void Reader::number(const std::string &place, const Json &object, const char *key,
                    Presence presence, double least, double most, double &to) {
  std::string expected = "a number from " + shown(Json(least)) + " to " + shown(Json(most));
  auto found = object.find(key);
  if (found == object.end()) {
    if (presence == Presence::Needed)
      failWith(place + "." + key, expected, "none");
    return;
  }
  if (!found->is_number() || !(found->get<double>() >= least && found->get<double>() <= most))
    fail(place + "." + key, expected, *found);
  else
    to = found->get<double>();
}

void Reader::bytes(const std::string &place, const Json &object, const char *key, int64_t &to) {
  auto found = object.find(key);
  if (found == object.end())
    return;
  if (!found->is_number_unsigned() || found->get<uint64_t>() > static_cast<uint64_t>(mostBytes))
    fail(place + "." + key, "a whole number of bytes, at most 2^40", *found);
  else
    to = found->get<int64_t>();
}

void Reader::target(const Json &object, Machine &machine) {
  const std::string place = "machine.target", expected = "a target's name or an object of facts";
  auto found = object.find("target");
  if (found == object.end()) {
    failWith(place, expected, "none");
    return;
  }
  if (found->is_string() && !found->get_ref<const std::string &>().empty()) {
    std::string name;
    string("machine", object, "target", name);
    machine.target = name;
    return;
  }
  if (!found->is_object()) {
    fail(place, expected, *found);
    return;
  }
  std::vector<const char *> names;
  for (const TargetFact &fact : targetFacts())
    names.push_back(fact.name);
  if (!isObject(place, *found, names))
    return;
  TargetFacts facts;
  for (const TargetFact &fact : targetFacts()) {
    std::string wanted = (fact.powerOfTwo ? "a power of two from " : "a whole number from ") +
                         std::to_string(fact.least) + " to " + std::to_string(fact.most);
    auto value = found->find(fact.name);
    if (value == found->end()) {
      failWith(place + "." + fact.name, wanted, "none");
      return;
    }
    bool fits = value->is_number_unsigned() &&
                value->get<uint64_t>() >= static_cast<uint64_t>(fact.least) &&
                value->get<uint64_t>() <= static_cast<uint64_t>(fact.most) &&
                (!fact.powerOfTwo || llvm::isPowerOf2_64(value->get<uint64_t>()));
    if (!fits) {
      fail(place + "." + fact.name, wanted, *value);
      return;
    }
    facts.*fact.value = value->get<int64_t>();
  }
  machine.target = facts;
}

Rate Reader::rate(const std::string &place, const Json &value) {
  Rate result;
  if (!isObject(place, value,
                {"op", "weights", "activations", "operations_per_second", "half_rows"}))
    return result;
  choice(place, value, "op", {"linear", "attention"}, result.op);
  choice(place, value, "weights", {"f32", "f16", "i16", "i8", "i4"}, result.weights);
  choice(place, value, "activations", {"f32", "i16", "i8"}, result.activations);
  number(place, value, "operations_per_second", Presence::Needed, 1, mostPerSecond,
         result.operationsPerSecond);
  number(place, value, "half_rows", Presence::Optional, 0, mostRows, result.halfRows);
  return result;
}

Device Reader::device(const std::string &place, const Json &value) {
  Device result;
  if (!isObject(place, value,
                {"name", "rates", "weight_bytes_per_second", "bytes_per_second",
                 "elementwise_bytes_per_second", "on_chip_bytes", "step_seconds", "call_seconds",
                 "static_rows"}))
    return result;
  string(place, value, "name", result.name);
  bool isName = !result.name.empty() && result.name.size() <= longestName &&
                llvm::isLower(result.name.front()) && llvm::all_of(result.name, [](char c) {
                  return llvm::isLower(c) || llvm::isDigit(c) || c == '_' || c == '-';
                });
  if (!isName)
    failWith(place + ".name",
             "1 to " + std::to_string(longestName) +
                 " of a-z, 0-9, _ and -, beginning with a letter",
             shown(Json(result.name)));
  if (const Json *rates = list(place, value, "rates", mostRates))
    for (auto [i, entry] : llvm::enumerate(*rates)) {
      std::string ratePlace = place + ".rates " + std::to_string(i + 1);
      Rate one = rate(ratePlace, entry);
      for (const Rate &other : result.rates)
        if (other.op == one.op && other.weights == one.weights &&
            other.activations == one.activations)
          failWith(ratePlace, "one rate for each op and types",
                   "another for " + one.op + " of " + one.weights + " and " + one.activations);
      result.rates.push_back(one);
      if (failed())
        return result;
    }
  number(place, value, "weight_bytes_per_second",
         result.rates.empty() ? Presence::Optional : Presence::Needed, 1, mostPerSecond,
         result.weightBytesPerSecond);
  number(place, value, "bytes_per_second", Presence::Optional, 0, mostPerSecond,
         result.bytesPerSecond);
  number(place, value, "elementwise_bytes_per_second", Presence::Optional, 0, mostPerSecond,
         result.elementwiseBytesPerSecond);
  bytes(place, value, "on_chip_bytes", result.onChipBytes);
  number(place, value, "step_seconds", Presence::Optional, 0, longestSeconds, result.stepSeconds);
  number(place, value, "call_seconds", Presence::Optional, 0, longestSeconds, result.callSeconds);
  boolean(place, value, "static_rows", result.staticRows);
  return result;
}

Transfer Reader::transfer(const std::string &place, const Json &value, const Machine &machine) {
  Transfer result;
  if (!isObject(place, value, {"from", "to", "bytes_per_second", "seconds"}))
    return result;
  std::vector<std::string> names;
  for (const Device &device : machine.devices)
    names.push_back(device.name);
  choice(place, value, "from", names, result.from);
  choice(place, value, "to", names, result.to);
  if (!failed() && result.from == result.to)
    failWith(place + ".to", "another device than " + result.from, result.to);
  number(place, value, "bytes_per_second", Presence::Needed, 1, mostPerSecond,
         result.bytesPerSecond);
  number(place, value, "seconds", Presence::Optional, 0, longestSeconds, result.seconds);
  for (const Transfer &other : machine.transfers)
    if (other.from == result.from && other.to == result.to)
      failWith(place, "one transfer from a device to another",
               "another from " + result.from + " to " + result.to);
  return result;
}

/// Any device may be given what any other has made.
void Reader::checkTransfers(const Machine &machine) {
  for (const Device &from : machine.devices)
    for (const Device &to : machine.devices)
      if (&from != &to && llvm::none_of(machine.transfers, [&](const Transfer &transfer) {
            return transfer.from == from.name && transfer.to == to.name;
          }))
        failWith("machine.transfers", "one from " + from.name + " to " + to.name, "none");
}

llvm::Expected<Machine> Reader::read(StringRef text) {
  Machine machine;
  std::optional<Json> json = parse(text);
  if (json && isObject("machine", *json,
                       {"name", "description", "source", "target", "devices", "transfers",
                        "load_bytes_per_second"})) {
    string("machine", *json, "name", machine.name);
    string("machine", *json, "description", machine.description);
    string("machine", *json, "source", machine.source);
    if (const Json *devices = list("machine", *json, "devices", mostDevices))
      for (auto [i, value] : llvm::enumerate(*devices)) {
        std::string place = "device " + std::to_string(i + 1);
        Device one = device(place, value);
        if (machine.find(one.name))
          failWith(place + ".name", "another name than those before", one.name);
        machine.devices.push_back(std::move(one));
        if (failed())
          break;
      }
    number("machine", *json, "load_bytes_per_second", Presence::Optional, 1, mostPerSecond,
           machine.loadBytesPerSecond);
    if (machine.devices.empty())
      failWith("machine.devices", "at least one", "none");
    if (const Json *transfers = list("machine", *json, "transfers", mostDevices * mostDevices))
      for (auto [i, value] : llvm::enumerate(*transfers)) {
        if (failed())
          break;
        machine.transfers.push_back(transfer("transfer " + std::to_string(i + 1), value, machine));
      }
    checkTransfers(machine);
    target(*json, machine);
  }
  if (llvm::Error fault = takeFault())
    return std::move(fault);
  if (machine.name.empty()) {
    machine.name = llvm::sys::path::stem(where).str();
    (*json)["name"] = machine.name;
  }
  machine.text = oneLine(*json);
  return machine;
}

//===------------------------------------------------------------------------------------------===//
// Machine
//===------------------------------------------------------------------------------------------===//

llvm::Expected<Machine> Machine::parse(StringRef json, StringRef where) {
  return Reader(where).read(json);
}

static const ShippedMachine *findShipped(StringRef name) {
  for (const ShippedMachine &machine : shippedMachines())
    if (name == machine.name)
      return &machine;
  return nullptr;
}

bool bluec::machineExists(StringRef machine) {
  return findShipped(machine) || machine.starts_with("{") || llvm::sys::fs::exists(machine);
}

llvm::Expected<Machine> Machine::load(StringRef machine) {
  if (const ShippedMachine *shipped = findShipped(machine))
    return parse(shipped->json, shipped->name);
  if (machine.starts_with("{"))
    return parse(machine, "machine");
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = JsonReader::readFile(machine);
  if (!buffer)
    return buffer.takeError();
  return parse((*buffer)->getBuffer(), machine);
}

const Device *Machine::find(StringRef device) const {
  auto found = llvm::find_if(devices, [&](const Device &one) { return one.name == device; });
  return found == devices.end() ? nullptr : &*found;
}

double Machine::transferSeconds(StringRef from, StringRef to, int64_t bytes) const {
  for (const Transfer &transfer : transfers)
    if (from == transfer.from && to == transfer.to)
      return static_cast<double>(bytes) / transfer.bytesPerSecond + transfer.seconds;
  return 0;
}

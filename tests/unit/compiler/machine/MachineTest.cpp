// Machine descriptions: what the shipped ones say, and what faulty and hostile files are told.
#include "compiler/machine/Machine.h"

#include "compiler/dialect/plan/Plan.h"
#include "tests/unit/compiler/base/WithoutPlace.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace bluec;

namespace {

std::string errorOf(const std::string &json) {
  llvm::Expected<Machine> machine = Machine::parse(json, "test.json");
  return machine ? "" : withoutPlace(llvm::toString(machine.takeError()));
}

/// Of a machine whose only device has such fields beside its name.
std::string deviceError(const std::string &fields) {
  return errorOf(R"({"target": "t", "devices": [{"name": "cpu", )" + fields + "}]}");
}

std::string rateError(const std::string &rates) {
  return deviceError(R"("weight_bytes_per_second": 1e9, "rates": [)" + rates + "]");
}

/// Of a machine with the devices "cpu" and "npu".
std::string transferError(const std::string &transfers) {
  return errorOf(R"({"target": "t", "devices": [{"name": "cpu"}, {"name": "npu"}],
                     "transfers": [)" +
                 transfers + "]}");
}

/// Of a machine with that target.
std::string targetError(const std::string &target) {
  return errorOf(R"({"devices": [{"name": "cpu"}], "target": )" + target + "}");
}

constexpr const char *kLinearRate =
    R"({"op": "linear", "weights": "i8", "activations": "i16", "operations_per_second": 2e12})";
constexpr const char *kThere = R"({"from": "cpu", "to": "npu", "bytes_per_second": 2e9})";
constexpr const char *kBack =
    R"({"from": "npu", "to": "cpu", "bytes_per_second": 1e9, "seconds": 0.25})";

TEST(MachineTest, ShippedOnesAreWhole) {
  ASSERT_FALSE(shippedMachines().empty());
  for (const ShippedMachine &shipped : shippedMachines()) {
    llvm::Expected<Machine> machine = Machine::load(shipped.name);
    ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
    EXPECT_EQ(machine->name, shipped.name);
    EXPECT_FALSE(machine->description.empty());
    EXPECT_FALSE(machine->source.empty());
    ASSERT_TRUE(machine->find("cpu"));
    // The text says the same.
    llvm::Expected<Machine> again = Machine::load(machine->text);
    ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->text, machine->text);
    EXPECT_TRUE(machineExists(shipped.name));
  }
  EXPECT_FALSE(machineExists("no such machine"));
}

TEST(MachineTest, ReadsEveryField) {
  llvm::Expected<Machine> machine = Machine::parse(
      R"({"name": "two", "description": "d", "source": "s", "target": "an-npu",
          "devices": [
            {"name": "cpu", "weight_bytes_per_second": 5e9, "bytes_per_second": 4e9,
             "elementwise_bytes_per_second": 3e9,
             "on_chip_bytes": 1024, "step_seconds": 1e-6, "call_seconds": 2e-6,
             "rates": [{"op": "attention", "weights": "f16", "activations": "i8",
                        "operations_per_second": 3e12, "half_rows": 1.5}]},
            {"name": "npu", "static_rows": true}],
          "transfers": [)" +
          std::string(kThere) + ", " + kBack + "]}",
      "test.json");
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  EXPECT_EQ(machine->name, "two");
  EXPECT_EQ(machine->description, "d");
  EXPECT_EQ(machine->source, "s");
  ASSERT_TRUE(std::holds_alternative<std::string>(machine->target));
  EXPECT_EQ(std::get<std::string>(machine->target), "an-npu");
  const Machine::Device *cpu = machine->find("cpu"), *npu = machine->find("npu");
  ASSERT_TRUE(cpu && npu);
  EXPECT_EQ(machine->find("gpu"), nullptr);
  EXPECT_EQ(cpu->weightBytesPerSecond, 5e9);
  EXPECT_EQ(cpu->bytesPerSecond, 4e9);
  EXPECT_EQ(cpu->elementwiseBytesPerSecond, 3e9);
  EXPECT_EQ(cpu->onChipBytes, 1024);
  EXPECT_EQ(cpu->stepSeconds, 1e-6);
  EXPECT_EQ(cpu->callSeconds, 2e-6);
  EXPECT_FALSE(cpu->staticRows);
  EXPECT_TRUE(npu->staticRows);
  ASSERT_EQ(cpu->rates.size(), 1u);
  EXPECT_EQ(cpu->rates[0].op, "attention");
  EXPECT_EQ(cpu->rates[0].weights, "f16");
  EXPECT_EQ(cpu->rates[0].activations, "i8");
  EXPECT_EQ(cpu->rates[0].operationsPerSecond, 3e12);
  EXPECT_EQ(cpu->rates[0].halfRows, 1.5);
  EXPECT_EQ(machine->transferSeconds("cpu", "npu", 1000000000), 0.5);
  EXPECT_EQ(machine->transferSeconds("npu", "cpu", 1000000000), 1.25);
  EXPECT_EQ(machine->transferSeconds("npu", "npu", 1000000000), 0);
}

TEST(MachineTest, AFileWithoutANameIsNamedAfterItself) {
  std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "bluec_machine_test_mine.json";
  std::ofstream(path) << R"({"target": "t", "devices": [{"name": "cpu"}]})";
  llvm::Expected<Machine> machine = Machine::load(path.string());
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  EXPECT_EQ(machine->name, "bluec_machine_test_mine");
  EXPECT_NE(machine->text.find("bluec_machine_test_mine"), std::string::npos);
  std::filesystem::remove(path);
  llvm::Expected<Machine> gone = Machine::load(path.string());
  ASSERT_FALSE(bool(gone));
  EXPECT_EQ(llvm::toString(gone.takeError()), path.string() + ": expected a file of at most 1 MiB");
}

TEST(MachineTest, RefusesWhatIsNoMachine) {
  EXPECT_EQ(errorOf(""), "test.json: expected a JSON value, found the end");
  EXPECT_EQ(errorOf("[]"), "test.json: machine: expected an object, found []");
  EXPECT_EQ(errorOf("{}"), "test.json: machine.devices: expected at least one, found none");
  EXPECT_EQ(errorOf(R"({"devices": []})"),
            "test.json: machine.devices: expected at least one, found none");
  EXPECT_EQ(errorOf(R"({"devices": 1})"),
            "test.json: machine.devices: expected a list of at most 16, found 1");
  EXPECT_EQ(errorOf(R"({"device": []})"),
            "test.json: machine: expected name, description, source, target, devices, transfers or "
            "load_bytes_per_second, found "
            "\"device\"");
  EXPECT_EQ(errorOf(R"({"source": 3, "devices": []})"),
            "test.json: machine.source: expected a string of at most 1000 bytes, found 3");
  EXPECT_EQ(errorOf(R"({"devices": [1]})"), "test.json: device 1: expected an object, found 1");
  EXPECT_EQ(errorOf(R"({"devices": [{"name": "cpu"}, {"name": "cpu"}]})"),
            "test.json: device 2.name: expected another name than those before, found cpu");
  EXPECT_EQ(errorOf(R"({"devices": [{"name": "A CPU"}]})"),
            "test.json: device 1.name: expected 1 to 32 of a-z, 0-9, _ and -, beginning with a "
            "letter, found \"A CPU\"");
  EXPECT_EQ(errorOf(R"({"devices": [{}]})"),
            "test.json: device 1.name: expected 1 to 32 of a-z, 0-9, _ and -, beginning with a "
            "letter, found \"\"");
}

TEST(MachineTest, ReadsFactsOfATarget) {
  llvm::Expected<Machine> machine = Machine::parse(
      R"({"devices": [{"name": "cpu"}],
          "target": {"l2Bytes": 4, "vectorBits": 1024, "vectorRegisters": 2, "l1Bytes": 3}})",
      "test.json");
  ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
  const auto *facts = std::get_if<TargetFacts>(&machine->target);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->vectorBits, 1024);
  EXPECT_EQ(facts->vectorRegisters, 2);
  EXPECT_EQ(facts->l1Bytes, 3);
  EXPECT_EQ(facts->l2Bytes, 4);
  mlir::MLIRContext context;
  context.loadDialect<plan::PlanDialect>();
  plan::TargetAttr attribute = facts->attribute(&context, "npu");
  EXPECT_EQ(attribute.getName(), "npu");
  EXPECT_EQ(attribute.getFeatures(), "");
  EXPECT_EQ(attribute.getVectorBits(), 1024);
  EXPECT_EQ(attribute.getVectorRegisters(), 2);
  EXPECT_EQ(attribute.getL1Bytes(), 3);
  EXPECT_EQ(attribute.getL2Bytes(), 4);
}

TEST(MachineTest, RefusesTargetsThatSayNoLayout) {
  auto facts = [](const std::string &bits, const std::string &rest) {
    return targetError(R"({"vectorBits": )" + bits + rest + "}");
  };
  const std::string rest = R"(, "vectorRegisters": 32, "l1Bytes": 1, "l2Bytes": 1)";
  const std::string expectedBits =
      "test.json: machine.target.vectorBits: expected a power of two from 128 to 65536, found ";
  EXPECT_EQ(targetError(R"("t")"), "");
  EXPECT_EQ(facts("128", rest), "");
  EXPECT_EQ(facts("65536", rest), "");
  EXPECT_EQ(
      errorOf(R"({"devices": [{"name": "cpu"}]})"),
      "test.json: machine.target: expected a target's name or an object of facts, found none");
  for (const char *other : {"null", "512", "[]", "true", "\"\""})
    EXPECT_EQ(targetError(other),
              "test.json: machine.target: expected a target's name or an object of facts, found " +
                  std::string(other));
  EXPECT_EQ(targetError("\"" + std::string(2000, 'a') + "\""),
            "test.json: machine.target: expected a string of at most 1000 bytes, found \"" +
                std::string(59, 'a') + "...");
  EXPECT_EQ(
      targetError(R"("a\nb")"),
      R"(test.json: machine.target: expected a string without control characters, found "a\nb")");
  EXPECT_EQ(targetError("{}"), expectedBits + "none");
  for (const char *bits :
       {"-512", "0", "64", "96", "192", "131072", "512.0", "1e3", "\"512\"", "null",
        "18446744073709551615", "9223372036854775808", "99999999999999999999999"})
    EXPECT_TRUE(llvm::StringRef(facts(bits, rest)).starts_with(expectedBits)) << facts(bits, rest);
  EXPECT_EQ(facts("512", ""),
            "test.json: machine.target.vectorRegisters: expected a whole number from 1 to 1024, "
            "found none");
  EXPECT_EQ(facts("512", R"(, "vectorRegisters": 32, "l1Bytes": 0)"),
            "test.json: machine.target.l1Bytes: expected a whole number from 1 to 1099511627776, "
            "found 0");
  EXPECT_EQ(facts("512", rest + R"(, "name": "mine")"),
            "test.json: machine.target: expected vectorBits, vectorRegisters, l1Bytes or l2Bytes, "
            "found \"name\"");
}

TEST(MachineTest, RefusesFiguresThatNoDeviceHas) {
  EXPECT_EQ(deviceError(R"("speed": 1)"),
            "test.json: device 1: expected name, rates, weight_bytes_per_second, bytes_per_second, "
            "elementwise_bytes_per_second, on_chip_bytes, step_seconds, call_seconds or "
            "static_rows, found \"speed\"");
  EXPECT_EQ(deviceError(R"("rates": {})"),
            "test.json: device 1.rates: expected a list of at most 100, found {}");
  EXPECT_EQ(deviceError(R"("bytes_per_second": -1)"),
            "test.json: device 1.bytes_per_second: expected a number from 0.0 to 1e+18, found -1");
  EXPECT_EQ(deviceError(R"("elementwise_bytes_per_second": [])"),
            "test.json: device 1.elementwise_bytes_per_second: expected a number from 0.0 to "
            "1e+18, found []");
  EXPECT_EQ(deviceError(R"("weight_bytes_per_second": 0)"),
            "test.json: device 1.weight_bytes_per_second: expected a number from 1.0 to 1e+18, "
            "found 0");
  EXPECT_EQ(deviceError(R"("on_chip_bytes": 1.5)"),
            "test.json: device 1.on_chip_bytes: expected a whole number of bytes, at most 2^40, "
            "found 1.5");
  EXPECT_EQ(deviceError(R"("on_chip_bytes": 18446744073709551615)"),
            "test.json: device 1.on_chip_bytes: expected a whole number of bytes, at most 2^40, "
            "found 18446744073709551615");
  EXPECT_EQ(deviceError(R"("step_seconds": 5000)"),
            "test.json: device 1.step_seconds: expected a number from 0.0 to 1000.0, found 5000");
  EXPECT_EQ(
      deviceError(R"("call_seconds": "1ms")"),
      "test.json: device 1.call_seconds: expected a number from 0.0 to 1000.0, found \"1ms\"");
  EXPECT_EQ(deviceError(R"("static_rows": 1)"),
            "test.json: device 1.static_rows: expected true or false, found 1");
  EXPECT_EQ(deviceError(R"("rates": [)" + std::string(kLinearRate) + "]"),
            "test.json: device 1.weight_bytes_per_second: expected a number from 1.0 to 1e+18, "
            "found none");
}

TEST(MachineTest, RefusesRatesThatSayNothing) {
  EXPECT_EQ(rateError(kLinearRate), "");
  EXPECT_EQ(rateError("1"), "test.json: device 1.rates 1: expected an object, found 1");
  EXPECT_EQ(rateError(R"({"type": "i8"})"),
            "test.json: device 1.rates 1: expected op, weights, activations, "
            "operations_per_second or half_rows, found \"type\"");
  EXPECT_EQ(rateError(R"({"op": "conv"})"),
            "test.json: device 1.rates 1.op: expected linear or attention, found \"conv\"");
  EXPECT_EQ(rateError(R"({"op": "linear"})"),
            "test.json: device 1.rates 1.weights: expected f32, f16, i16, i8 or i4, found none");
  EXPECT_EQ(rateError(R"({"op": "linear", "weights": "i8", "activations": 8})"),
            "test.json: device 1.rates 1.activations: expected f32, i16 or i8, found 8");
  EXPECT_EQ(
      rateError(R"({"op": "linear", "weights": "i8", "activations": "i8"})"),
      "test.json: device 1.rates 1.operations_per_second: expected a number from 1.0 to 1e+18, "
      "found none");
  EXPECT_EQ(
      rateError(R"({"op": "linear", "weights": "i8", "activations": "i8",
                          "operations_per_second": 1e9, "half_rows": -2})"),
      "test.json: device 1.rates 1.half_rows: expected a number from 0.0 to 1000000.0, found -2");
  EXPECT_EQ(rateError(std::string(kLinearRate) + ", " + kLinearRate),
            "test.json: device 1.rates 2: expected one rate for each op and types, found another "
            "for linear of i8 and i16");
}

TEST(MachineTest, RefusesTransfersThatLeadNowhere) {
  EXPECT_EQ(transferError(std::string(kThere) + ", " + kBack), "");
  EXPECT_EQ(transferError("[]"), "test.json: transfer 1: expected an object, found []");
  EXPECT_EQ(transferError(R"({"via": "dma"})"),
            "test.json: transfer 1: expected from, to, bytes_per_second or seconds, found \"via\"");
  EXPECT_EQ(transferError(R"({"from": "cpu"})"),
            "test.json: transfer 1.to: expected cpu or npu, found none");
  EXPECT_EQ(transferError(R"({"from": "gpu", "to": "cpu", "bytes_per_second": 1})"),
            "test.json: transfer 1.from: expected cpu or npu, found \"gpu\"");
  EXPECT_EQ(transferError(R"({"from": "cpu", "to": "cpu", "bytes_per_second": 1})"),
            "test.json: transfer 1.to: expected another device than cpu, found cpu");
  EXPECT_EQ(transferError(R"({"from": "cpu", "to": "npu"})"),
            "test.json: transfer 1.bytes_per_second: expected a number from 1.0 to 1e+18, found "
            "none");
  EXPECT_EQ(transferError(R"({"from": "cpu", "to": "npu", "bytes_per_second": 1, "seconds": -1})"),
            "test.json: transfer 1.seconds: expected a number from 0.0 to 1000.0, found -1");
  EXPECT_EQ(transferError(std::string(kThere) + ", " + kThere),
            "test.json: transfer 2: expected one transfer from a device to another, found another "
            "from cpu to npu");
  EXPECT_EQ(transferError(kThere),
            "test.json: machine.transfers: expected one from npu to cpu, found none");
}

TEST(MachineTest, RefusesHostileFilesInOneLine) {
  EXPECT_EQ(errorOf(R"({"description": "a\u001b[31m", "devices": [{"name": "cpu"}]})"),
            R"(test.json: machine.description: expected a string without control characters, )"
            R"(found "a\u001b[31m")");
  EXPECT_EQ(errorOf(std::string(100000, '[')), "test.json: expected at most 16 levels of nesting");
  EXPECT_EQ(errorOf(std::string(2 << 20, ' ')),
            "test.json: expected at most 1 MiB, found 2097152 bytes");
  EXPECT_EQ(deviceError(R"("step_seconds": 1e999)"),
            "test.json: expected a number that a double holds, found '1e999'");
  EXPECT_EQ(deviceError(R"("step_seconds": Infinity)"),
            "test.json: device 1.step_seconds: expected a number from 0.0 to 1000.0, found "
            "Infinity");
  EXPECT_EQ(rateError("{\"op\": \"a\\nb\"}").find('\n'), std::string::npos);
  std::string many = R"({"name": "a0"})";
  for (int i = 1; i < 20; ++i)
    many += R"(, {"name": "a)" + std::to_string(i) + "\"}";
  EXPECT_NE(errorOf("{\"devices\": [" + many + "]}").find("a list of at most 16, found"),
            std::string::npos);
}

} // namespace

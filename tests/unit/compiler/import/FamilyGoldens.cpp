#include "tests/unit/compiler/import/FamilyGoldens.h"

#include "compiler/reference/Rounding.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>
#include <iterator>

using namespace bluec;
using reference::ElementType;
using reference::Tensor;

template <typename Stored> static Stored load(const char *bytes, int64_t i) {
  Stored value;
  std::memcpy(&value, bytes + i * static_cast<int64_t>(sizeof(Stored)), sizeof(Stored));
  return value;
}

static Tensor decode(const std::string &dtype, std::vector<int64_t> shape, const char *bytes) {
  ElementType type = dtype == "int64"  ? ElementType::I64
                     : dtype == "bool" ? ElementType::Bool
                                       : ElementType::F32;
  Tensor tensor = Tensor::zeros(type, std::move(shape));
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    auto at = static_cast<size_t>(i);
    if (dtype == "int64")
      tensor.i64[at] = load<int64_t>(bytes, i);
    else if (dtype == "bool")
      tensor.i64[at] = load<uint8_t>(bytes, i) != 0;
    else if (dtype == "float16")
      tensor.f32[at] = reference::halfToFloat(load<uint16_t>(bytes, i));
    else if (dtype == "bfloat16")
      tensor.f32[at] = reference::bfloat16ToFloat(load<uint16_t>(bytes, i));
    else
      tensor.f32[at] = load<float>(bytes, i);
  }
  return tensor;
}

Goldens bluec::readGoldens(const std::string &directory) {
  Goldens goldens;
  goldens.directory = directory;
  std::ifstream index(directory + "/goldens.json"), data(directory + "/goldens.bin");
  std::string bytes((std::istreambuf_iterator<char>(data)), std::istreambuf_iterator<char>());
  nlohmann::json json = nlohmann::json::parse(index, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return goldens;
  std::map<std::string, size_t> byName;
  for (const auto &entry : json["cases"]) {
    GoldenCase golden;
    golden.name = entry["name"];
    golden.graph = entry["graph"];
    golden.tolerance = entry["rtol"];
    golden.asWritten = entry.value("written_rtol", golden.tolerance);
    for (const auto &[name, input] : entry["inputs"].items()) {
      std::string dtype = input["dtype"];
      if (input.contains("from")) {
        const GoldenCase &from = goldens.cases[byName[input["from"]["case"]]];
        Tensor tensor = from.outputs.at(input["from"]["output"]);
        for (float &value : tensor.f32) {
          if (dtype == "float16")
            value = reference::halfToFloat(reference::floatToHalf(value));
          if (dtype == "bfloat16")
            value = reference::bfloat16ToFloat(reference::floatToBfloat16(value));
        }
        golden.inputs[name] = std::move(tensor);
      } else {
        golden.inputs[name] =
            decode(dtype, input["shape"], bytes.data() + input["offset"].get<size_t>());
      }
    }
    for (const auto &[name, output] : entry["outputs"].items())
      golden.outputs[name] =
          decode(output["dtype"], output["shape"], bytes.data() + output["offset"].get<size_t>());
    byName[golden.name] = goldens.cases.size();
    goldens.cases.push_back(std::move(golden));
  }
  return goldens;
}

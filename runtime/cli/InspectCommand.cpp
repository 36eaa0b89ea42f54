#include "cli/InspectCommand.h"

#include "cli/Report.h"
#include "cli/RunCommand.h"
#include "core/Bundle.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

namespace bluec::runtime {
namespace {

using Json = nlohmann::ordered_json;

std::string byteCount(double bytes) {
  const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  std::ostringstream text;
  text << std::fixed << std::setprecision(unit == 0 ? 0 : 1) << bytes << ' ' << units[unit];
  return text.str();
}

bool isByteField(std::string_view key) {
  return key == "bytes" || key.ends_with("_bytes") || key.ends_with("_memory");
}

// A terminal obeys control characters, so those of a file stay away from it.
std::string printable(std::string text) {
  for (char &c : text)
    if (std::uint8_t(c) < 0x20 || c == 0x7f)
      c = '?';
  return text;
}

// A value on one line. Numbers whose key says bytes get their size in words.
std::string inlineText(const std::string &key, const Json &value) {
  if (value.is_number_unsigned() && isByteField(key))
    return value.dump() + " (" + byteCount(value.get<double>()) + ")";
  if (value.is_string())
    return printable(value.get<std::string>());
  if (value.is_object() || value.is_array()) {
    std::string text;
    for (const auto &[name, element] : value.items()) {
      text += text.empty() ? "" : ", ";
      if (value.is_object())
        text += printable(name) + " ";
      const std::string inner = inlineText(name, element);
      text += element.is_structured() ? "[" + inner + "]" : inner;
    }
    return text;
  }
  return value.dump();
}

// What the producer wrote, one line for each field: the manifest may hold more than this runtime
// knows.
void printFields(std::ostream &out, const Json &object) {
  for (const auto &[name, value] : object.items())
    out << "  " << std::left << std::setw(18) << printable(name) << ' ' << inlineText(name, value)
        << '\n';
}

void printSection(std::ostream &out, const Json &manifest, const char *key, const char *title) {
  if (!manifest.contains(key) || !manifest[key].is_object() || manifest[key].empty())
    return;
  out << title << '\n';
  printFields(out, manifest[key]);
}

// A member as text, "" when there is none.
std::string field(const Json &object, const char *key) {
  return object.contains(key) ? inlineText("", object[key]) : std::string();
}

std::string sizeField(const Json &object, const char *key) {
  const bool number = object.contains(key) && object[key].is_number_unsigned();
  return number ? byteCount(object[key].get<double>()) : std::string();
}

// "pixels f32 1x3x98x98" for each tensor of a list of {"name", "type", "shape"}.
std::string tensors(const Json &entry, const char *key) {
  std::string text;
  if (!entry.contains(key) || !entry[key].is_array())
    return text;
  for (const Json &tensor : entry[key]) {
    text += text.empty() ? "" : ", ";
    if (tensor.is_object())
      text += field(tensor, "name") + " " + field(tensor, "type");
    text += " ";
    if (tensor.is_object() && tensor.contains("shape") && tensor["shape"].is_array())
      for (const Json &side : tensor["shape"])
        text += (text.back() == ' ' ? "" : "x") + inlineText("", side);
  }
  return text;
}

void printEntryPoints(std::ostream &out, const Json &manifest) {
  if (!manifest.contains("entry_points") || !manifest["entry_points"].is_array())
    return;
  out << "entry points\n";
  const auto row = [&](const std::string &name, const std::string &rows, const std::string &steps,
                       const std::string &arena, const std::string &segment,
                       const std::string &device, const std::string &signature) {
    out << "  " << std::left << std::setw(16) << name << ' ' << std::right << std::setw(5) << rows
        << ' ' << std::setw(6) << steps << ' ' << std::setw(10) << arena << "  " << std::left
        << std::setw(9) << segment << ' ' << std::setw(6) << device << ' ' << signature << '\n';
  };
  row("name", "rows", "steps", "arena", "weights", "device", "in -> out");
  for (const Json &entry : manifest["entry_points"])
    if (entry.is_object())
      row(field(entry, "name"), field(entry, "capacity"), field(entry, "steps"),
          sizeField(entry, "arena_bytes"), field(entry, "segment"), field(entry, "device"),
          tensors(entry, "inputs") + " -> " + tensors(entry, "outputs"));
}

// "x86-64-v3 (x86_64-unknown-linux-gnu, cpu x86-64-v3)"
std::string describe(const CodeTarget &target) {
  return printable(target.name) + " (" + printable(target.triple) + ", cpu " +
         printable(target.cpu) + ")";
}

// What the schedule was made for, and what stands for its devices here.
void printMachine(std::ostream &out, const Manifest &facts, const Json &manifest,
                  const Json &checks) {
  const auto found = manifest.find("machine");
  if (found != manifest.end() && found->is_object())
    out << "machine            " << field(*found, "name") << '\n';
  out << "devices\n";
  const auto row = [&](const std::string &name, const std::string &runsOn, const std::string &code,
                       const std::string &target, const std::string &check) {
    out << "  " << std::left << std::setw(9) << name << ' ' << std::setw(8) << runsOn << ' '
        << std::setw(14) << code << ' ' << std::setw(16) << target << ' ' << check << '\n';
  };
  row("name", "runs on", "code", "target", "runs here");
  for (const DeviceEntry &device : facts.devices)
    row(printable(device.name), printable(device.runsOn), printable(device.code),
        printable(device.target.name), checks["devices"][device.name].get<std::string>());
}

// How exact the weights are, by module, and how many bytes each type takes.
void printPrecision(std::ostream &out, const Json &manifest) {
  if (!manifest.contains("precision") || !manifest["precision"].is_object())
    return;
  const Json &precision = manifest["precision"];
  const auto rows = [&](const char *key, auto print) {
    if (precision.contains(key) && precision[key].is_array())
      for (const Json &row : precision[key])
        if (row.is_object())
          print(row);
  };
  out << "precision\n";
  rows("segments", [&](const Json &row) {
    out << "  " << std::left << std::setw(14) << field(row, "segment") << ' ' << std::right
        << std::setw(5) << field(row, "tensors") << ' ' << std::setw(10) << sizeField(row, "bytes")
        << "  " << field(row, "type") << '\n';
  });
  if (precision.contains("kv_cache") && precision["kv_cache"].is_object()) {
    const Json &cache = precision["kv_cache"];
    out << "  " << std::left << std::setw(20) << "kv cache" << ' ' << std::right << std::setw(10)
        << sizeField(cache, "bytes") << "  " << field(cache, "type")
        << (cache.contains("dot") ? ", products in " + field(cache, "dot") : "") << '\n';
  }
  rows("modules", [&](const Json &row) {
    out << "  " << std::left << std::setw(50) << field(row, "module") << ' ' << std::right
        << std::setw(4) << field(row, "layers") << ' ' << std::setw(10) << sizeField(row, "bytes")
        << "  " << field(row, "weights")
        << (row.contains("activations") ? " x " + field(row, "activations") : "") << '\n';
  });
}

// Layers that were made one with others, and what that saves in a call.
void printFusions(std::ostream &out, const Json &manifest) {
  if (!manifest.contains("fusions") || !manifest["fusions"].is_array() ||
      manifest["fusions"].empty())
    return;
  out << "fused layers, and what a call saves\n";
  for (const Json &row : manifest["fusions"])
    if (row.is_object())
      out << "  " << std::left << std::setw(50) << field(row, "entry") + ": " + field(row, "layer")
          << ' ' << std::right << std::setw(4) << field(row, "steps_saved") << " steps "
          << std::setw(10) << sizeField(row, "wide_bytes_saved") << " of rows  "
          << field(row, "operations_saved") << " operations\n";
}

// Its totals; the offsets and lifetimes of every tensor are for --json.
void printMemoryPlan(std::ostream &out, const Json &manifest) {
  if (!manifest.contains("memory_plan") || !manifest["memory_plan"].is_object())
    return;
  out << "memory plan\n";
  Json totals = manifest["memory_plan"];
  totals.erase("entries");
  printFields(out, totals);
}

void printText(std::ostream &out, const BundleFiles &files, const Json &manifest,
               const Json &checks) {
  const Manifest &facts = files.manifest();
  out << "bundle             version " << kManifestVersion << ", made by "
      << printable(facts.producer) << '\n';
  out << "target             " << describe(facts.target) << '\n';
  out << "  features         ";
  for (const std::string &feature : facts.target.features)
    out << printable(feature) << (&feature == &facts.target.features.back() ? "" : ",");
  out << "\nrecipe             " << printable(facts.recipe) << '\n';
  printMachine(out, facts, manifest, checks);
  printSection(out, manifest, "geometry", "geometry");
  printSection(out, manifest, "preprocess", "preprocess");
  printSection(out, manifest, "chat", "chat");
  printSection(out, manifest, "generation", "answers");
  printEntryPoints(out, manifest);
  printMemoryPlan(out, manifest);
  printPrecision(out, manifest);
  printFusions(out, manifest);
  out << "files\n";
  for (const FileEntry &file : facts.files)
    out << "  " << std::left << std::setw(14) << printable(file.name) << ' ' << std::right
        << std::setw(12) << file.bytes << " bytes  sha-256 " << file.sha256 << "  "
        << checks["files"][file.name].get<std::string>() << '\n';
  out << "  " << std::left << std::setw(14) << kManifestName << ' ' << std::right << std::setw(12)
      << files.manifestText().size() << " bytes  sha-256 " << facts.checksum << "  ok\n";
}

Status inspect(const InspectOptions &options, std::ostream &out) {
  Result<BundleFiles> files = BundleFiles::open(options.bundle);
  if (!files.ok())
    return files.status();
  Json manifest = Json::parse(files->manifestText());
  Json checks;
  Status damage;
  ThreadPool pool;
  for (const FileEntry &file : files->manifest().files) {
    const Status status =
        options.verify ? files->verifyHash(file.name) : files->verify(file.name, pool);
    checks["files"][file.name] = status.ok() ? "ok" : status.message();
    if (damage.ok() && !status.ok())
      damage = status;
  }
  for (const DeviceEntry &device : files->manifest().devices) {
    const Status status = deviceFor(device, pool).status();
    checks["devices"][device.name] = status.ok() ? "ok" : status.message();
  }

  if (options.json) {
    manifest["checks"] = checks;
    out << manifest.dump(2) << '\n';
  } else {
    printText(out, *files, manifest, checks);
  }
  return damage;
}

} // namespace

OptionTable optionTable(InspectOptions &options) {
  return {"inspect",
          "Show what is in a bundle, for which target, and whether it is whole.",
          {bundleOption(options.bundle),
           {.name = "--verify",
            .target = &options.verify,
            .help = "Hash every file (SHA-256) instead of checking the weights' faster checksums"},
           {.name = "--json", .target = &options.json, .help = "Print it as JSON"}}};
}

int inspectCommand(const InspectOptions &options, std::ostream &out, std::ostream &err) {
  return reportStatus(err, [&] { return inspect(options, out); });
}

} // namespace bluec::runtime

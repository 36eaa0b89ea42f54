#include "targets/cpp/CompilerPackager.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ThreadPool.h"

#include <mutex>

using namespace bluec::targets;
namespace fs = llvm::sys::fs;

/// Of source, below which a unit is not worth a process of its own.
static constexpr uint64_t kBytesOfUnit = 100'000;

static std::string compilerName() { return llvm::sys::Process::GetEnv("CXX").value_or("c++"); }

llvm::LogicalResult CompilerPackager::check(std::string &error) const {
  std::string name = compilerName();
  if (llvm::sys::findProgramByName(name))
    return llvm::success();
  error = "expected a C++ compiler '" + name + "' (CXX), found none";
  return llvm::failure();
}

/// Runs the compiler; its first line of errors is the answer, or nothing when it succeeded.
static std::string runCompiler(llvm::StringRef program, llvm::ArrayRef<std::string> arguments) {
  llvm::SmallString<128> log;
  if (std::error_code code = fs::createTemporaryFile("bluec-compiler", "txt", log))
    return "temporary file: " + code.message();
  llvm::FileRemover remover(log);
  llvm::SmallVector<llvm::StringRef> words = {program};
  words.append(arguments.begin(), arguments.end());
  std::string why;
  std::optional<llvm::StringRef> streams[] = {llvm::StringRef(), llvm::StringRef(log),
                                              llvm::StringRef(log)};
  if (llvm::sys::ExecuteAndWait(program, words, std::nullopt, streams, 0, 0, &why) == 0)
    return {};
  auto text = llvm::MemoryBuffer::getFile(log);
  llvm::SmallVector<llvm::StringRef> lines;
  if (text)
    (*text)->getBuffer().trim().split(lines, '\n', -1, /*KeepEmpty=*/false);
  // Where a template was used stands in front of what is wrong with it.
  for (llvm::StringRef line : lines)
    if (why.empty() || (line.contains("error:") && !llvm::StringRef(why).contains("error:")))
      why = line.str();
  return program.str() + ": " + (why.empty() ? "it failed without a word" : why);
}

llvm::LogicalResult CompilerPackager::package(llvm::ArrayRef<std::string> paths,
                                              llvm::StringRef outPath, std::string &error) const {
  if (failed(check(error)))
    return llvm::failure();
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(compilerName());
  std::vector<std::string> flags = {"-std=c++17", "-O2", "-fPIC", "-fno-math-errno",
                                    "-fvisibility=hidden"};
  llvm::SmallVector<llvm::StringRef> more;
  std::string said = llvm::sys::Process::GetEnv("CXXFLAGS").value_or("");
  llvm::StringRef(said).split(more, ' ', -1, /*KeepEmpty=*/false);
  flags.insert(flags.end(), more.begin(), more.end());
  flags.push_back("-ffp-contract=off"); // whatever was said: it would change answers

  // A unit for each thread, of as many sources as it gets, where there is enough to do: most of a
  // small one is its headers.
  std::vector<llvm::StringRef> sources;
  uint64_t bytes = 0;
  for (llvm::StringRef path : paths)
    if (path.ends_with(".cpp")) {
      uint64_t size = 0;
      if (std::error_code code = fs::file_size(path, size)) {
        error = (path + ": " + code.message()).str();
        return llvm::failure();
      }
      sources.push_back(path);
      bytes += size;
    }
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency());
  size_t most = std::min<size_t>(threads.getMaxConcurrency(), 1 + bytes / kBytesOfUnit);
  std::vector<std::string> units(std::min(most, std::max<size_t>(sources.size(), 1)));
  for (const auto &[number, source] : llvm::enumerate(sources))
    units[number % units.size()] += ("#include \"" + source + "\"\n").str();
  std::vector<std::string> objects;
  std::mutex guard;
  std::string fault; // of the first one that failed
  for (size_t number = 0; number < units.size(); ++number) {
    std::string unit = (outPath + "." + llvm::Twine(number) + ".cpp").str();
    objects.push_back(unit + ".o");
    threads.async([&, unit, number] {
      std::string why;
      if (llvm::Error failed = llvm::writeToOutput(unit, [&](llvm::raw_ostream &out) {
            out << units[number];
            return llvm::Error::success();
          })) {
        why = llvm::toString(std::move(failed));
      } else {
        std::vector<std::string> arguments = flags;
        arguments.insert(arguments.end(), {"-c", "-o", unit + ".o", unit});
        why = runCompiler(*program, arguments);
      }
      fs::remove(unit);
      std::lock_guard lock(guard);
      if (fault.empty())
        fault = why;
    });
  }
  threads.wait();
  if (fault.empty()) {
    std::vector<std::string> arguments = flags;
    arguments.insert(arguments.end(), {"-shared", "-Wl,--no-undefined", "-o", outPath.str()});
    arguments.insert(arguments.end(), objects.begin(), objects.end());
    fault = runCompiler(*program, arguments);
  }
  for (const std::string &object : objects)
    fs::remove(object);
  if (fault.empty())
    return llvm::success();
  error = fault;
  return llvm::failure();
}

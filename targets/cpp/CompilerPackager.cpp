#include "targets/cpp/CompilerPackager.h"

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

static std::string compilerName() {
  return llvm::sys::Process::GetEnv("CXX").value_or("c++");
}

bool CompilerPackager::isThere() const {
  return static_cast<bool>(llvm::sys::findProgramByName(compilerName()));
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
  std::string name = compilerName();
  llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(name);
  if (!program) {
    error = "expected a C++ compiler '" + name + "' (CXX), found none";
    return llvm::failure();
  }
  std::vector<std::string> flags = {"-std=c++17", "-O2", "-fPIC", "-ffp-contract=off",
                                    "-fno-math-errno", "-fvisibility=hidden"};
  llvm::SmallVector<llvm::StringRef> more;
  std::string said = llvm::sys::Process::GetEnv("CXXFLAGS").value_or("");
  llvm::StringRef(said).split(more, ' ', -1, /*KeepEmpty=*/false);
  flags.insert(flags.end(), more.begin(), more.end());

  std::vector<std::string> objects;
  for (llvm::StringRef path : paths)
    if (path.ends_with(".cpp"))
      objects.push_back((path + ".o").str());
  std::mutex guard;
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency());
  for (const std::string &object : objects)
    threads.async([&, object] {
      std::vector<std::string> arguments = flags;
      for (llvm::StringRef word : {"-c", "-o", object.c_str()})
        arguments.push_back(word.str());
      arguments.push_back(llvm::StringRef(object).drop_back(2).str());
      std::string why = runCompiler(*program, arguments);
      std::lock_guard lock(guard);
      if (error.empty())
        error = why;
    });
  threads.wait();
  if (error.empty()) {
    std::vector<std::string> arguments = flags;
    arguments.insert(arguments.end(), {"-shared", "-o", outPath.str()});
    arguments.insert(arguments.end(), objects.begin(), objects.end());
    error = runCompiler(*program, arguments);
  }
  for (const std::string &object : objects)
    fs::remove(object);
  return llvm::success(error.empty());
}

#include "tests/conformance/Emulator.h"

#include <csignal>
#include <fcntl.h>
#include <map>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

using namespace bluec::conformance;

namespace {

/// Takes what an answer begins with off it.
bool takeWord(std::istream &words, const std::string &expected) {
  std::string found;
  return words >> found && found == expected;
}

} // namespace

std::shared_ptr<Emulator> Emulator::get(const std::vector<std::string> &command,
                                        const std::string &server, std::string &error) {
  static std::map<std::string, std::shared_ptr<Emulator>> running;
  std::string key = server;
  for (const std::string &word : command)
    key += ' ' + word;
  std::shared_ptr<Emulator> &known = running[key];
  if (known && !known->hasEnded)
    return known;
  if (access(server.c_str(), R_OK) != 0) {
    error = server + ": expected the tests' program for the emulator, found none; it is built where"
                     " the target's compiler is installed (g++-aarch64-linux-gnu)";
    return nullptr;
  }
  int down[2] = {-1, -1}, up[2] = {-1, -1};
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) {
    error = "no pipes to the emulator";
    return nullptr;
  }
  std::vector<char *> arguments;
  for (const std::string &word : command)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(const_cast<char *>(server.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, up[1], STDOUT_FILENO);
  pid_t process = -1;
  int failed = posix_spawn(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  if (failed) {
    close(down[1]);
    close(up[0]);
    error = command[0] + ": cannot be started";
    return nullptr;
  }
  // A process that has ended is an error of ask(), not the end of this one.
  std::signal(SIGPIPE, SIG_IGN);
  known.reset(new Emulator);
  known->process = process;
  known->to = fdopen(down[1], "w");
  known->from = fdopen(up[0], "r");
  return known;
}

Emulator::~Emulator() {
  fclose(to);
  fclose(from);
  waitpid(process, nullptr, 0);
}

std::string Emulator::readLine() {
  std::string line;
  for (int c = fgetc(from); c != EOF && c != '\n'; c = fgetc(from))
    line += static_cast<char>(c);
  return line;
}

bool Emulator::ask(const std::string &line, std::string &answer, std::string &error) {
  if (!hasEnded) {
    fputs((line + "\n").c_str(), to);
    fflush(to);
    answer = readLine();
    hasEnded = answer.empty();
  }
  if (hasEnded)
    error = "the emulated process has ended at: " + line;
  else if (answer.rfind("error ", 0) == 0)
    error = answer.substr(6);
  else
    return true;
  return false;
}

std::unique_ptr<EmulatedCode> EmulatedCode::load(std::shared_ptr<Emulator> emulator,
                                                 const std::string &path, std::string &error) {
  std::string answer;
  if (!emulator->ask("code " + path, answer, error))
    return nullptr;
  std::unique_ptr<EmulatedCode> code(new EmulatedCode);
  std::istringstream words(answer);
  size_t entries = 0;
  takeWord(words, "code");
  words >> code->id >> entries;
  for (size_t i = 0; i < entries; ++i) {
    StepEntry &entry = code->entryList.emplace_back();
    size_t inputs = 0, outputs = 0;
    std::istringstream(emulator->readLine()) >> entry.name >> entry.arenaBytes >> inputs >> outputs;
    entry.inputs.resize(inputs);
    entry.outputs.resize(outputs);
    for (auto *tensors : {&entry.inputs, &entry.outputs})
      for (StepEntry::Tensor &tensor : *tensors)
        std::istringstream(emulator->readLine()) >> tensor.dtype >> tensor.offset >> tensor.bytes;
  }
  code->emulator = std::move(emulator);
  return code;
}

EmulatedCode::~EmulatedCode() {
  std::string answer, error;
  if (emulator)
    emulator->ask("drop " + id, answer, error);
}

int EmulatedCode::map(const std::string &path, size_t bytes,
                      const std::vector<std::pair<int64_t, int64_t>> &opened, std::string &error) {
  std::string line =
                  "map " + path + " " + std::to_string(bytes) + " " + std::to_string(opened.size()),
              answer;
  for (auto [offset, size] : opened)
    line += " " + std::to_string(offset) + " " + std::to_string(size);
  int memory = -1;
  if (!emulator->ask(line, answer, error))
    return memory;
  std::istringstream words(answer);
  takeWord(words, "memory");
  words >> memory;
  return memory;
}

void EmulatedCode::unmap(int memory) {
  std::string answer, error;
  emulator->ask("unmap " + std::to_string(memory), answer, error);
}

int32_t EmulatedCode::run(size_t entry, int weights, int caches, int arena, int64_t count,
                          int64_t position, Split split, std::string &error) {
  std::ostringstream line;
  line << "run " << id << ' ' << entry << ' ' << weights << ' ' << caches << ' ' << arena << ' '
       << count << ' ' << position << ' ' << static_cast<int>(split);
  std::string answer;
  if (!emulator->ask(line.str(), answer, error))
    return -1;
  std::istringstream words(answer);
  int32_t status = -1;
  takeWord(words, "done");
  words >> status;
  return status;
}

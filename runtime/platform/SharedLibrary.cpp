#include "platform/SharedLibrary.h"

#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <utility>

namespace bluec::runtime {
namespace {

#if defined(__x86_64__)
constexpr unsigned kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kHostMachine = EM_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr unsigned kHostMachine = EM_RISCV;
#else
#error "no ELF machine number known for this architecture"
#endif

std::string machineName(unsigned machine) {
  switch (machine) {
  case EM_X86_64:
    return "x86_64";
  case EM_AARCH64:
    return "aarch64";
  case EM_RISCV:
    return "riscv";
  case 164: // EM_HEXAGON, which older headers lack
    return "hexagon";
  default:
    return "elf machine " + std::to_string(machine);
  }
}

} // namespace

SharedLibrary::SharedLibrary(SharedLibrary &&other) noexcept
    : handle(std::exchange(other.handle, nullptr)) {}

SharedLibrary &SharedLibrary::operator=(SharedLibrary &&other) noexcept {
  std::swap(handle, other.handle);
  return *this;
}

SharedLibrary::~SharedLibrary() {
  if (handle)
    ::dlclose(handle);
}

Result<SharedLibrary> SharedLibrary::load(const std::string &path) {
  SharedLibrary result;
  result.handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!result.handle) {
    const char *reason = ::dlerror();
    return Status(Code::BadBundle, path + ": cannot be loaded: " + (reason ? reason : "no reason"));
  }
  return result;
}

const void *SharedLibrary::symbol(const char *name) const {
  return handle ? ::dlsym(handle, name) : nullptr;
}

Status checkSharedObject(std::span<const std::uint8_t> file, const std::string &where) {
  Elf64_Ehdr header;
  if (file.size() < sizeof header || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
    return {Code::BadBundle, where + ": expected an elf shared object, found something else"};
  std::memcpy(&header, file.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
    return {Code::Incompatible, where + ": expected 64-bit little-endian code, found another kind"};
  if (header.e_machine != kHostMachine)
    return {Code::Incompatible, where + ": expected code for " + machineName(kHostMachine) +
                                    ", found code for " + machineName(header.e_machine)};
  if (header.e_type != ET_DYN)
    return {Code::BadBundle, where + ": expected an elf shared object, found elf type " +
                                 std::to_string(header.e_type)};
  return {};
}

} // namespace bluec::runtime

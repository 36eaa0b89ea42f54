// What the CPU that we run on can do, under LLVM's names for it.
#ifndef BLUEC_RUNTIME_PLATFORM_CPUFEATURES_H
#define BLUEC_RUNTIME_PLATFORM_CPUFEATURES_H

#include <string>
#include <string_view>
#include <vector>

namespace bluec::runtime {

// The architecture part of a target triple: "x86_64", "aarch64", "riscv64".
std::string_view hostArchitecture();

// True when CPU and operating system support `feature` ("avx512vnni"). False for names that this
// runtime does not know: code that wants something we cannot check must not run.
bool hostHasFeature(std::string_view feature);

// The architecture of a triple, with the usual other spellings mapped ("arm64" -> "aarch64").
std::string tripleArchitecture(std::string_view triple);

// Those of `features` that the host lacks, in their order.
std::vector<std::string> missingFeatures(const std::vector<std::string> &features);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_PLATFORM_CPUFEATURES_H

// What the readers of a model directory's JSON files share.
#ifndef BLUEC_COMPILER_IMPORT_CONFIGREADING_H
#define BLUEC_COMPILER_IMPORT_CONFIGREADING_H

#include "compiler/base/JsonReader.h"
#include "runtime/text/Sampler.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bluec {

/// Of ids, positions and layers: more is none.
inline constexpr int64_t kLargestCount = int64_t{1} << 31;

/// The numbers, strings and booleans of an object; null without one.
JsonValue scalars(const JsonValue *from);

/// Whether a key's value is one that asks for nothing: the only one of some keys, and of any null,
/// false and a list of nothing.
bool asksForNothing(llvm::StringRef key, const JsonValue &value);

/// Names the members of an object that bluec does not know and that ask for something, a line each.
/// `place` stands before the key.
void nameUnknown(const JsonValue &json, const std::string &file, const std::string &place,
                 const llvm::StringSet<> &known, std::vector<std::string> &ignored);

/// One id or a list of them, behind those that `out` has.
void readTokens(const JsonReader &reader, const char *key, std::vector<int64_t> &out);

/// A number within these bounds, or a fault.
float readWithin(const JsonReader &reader, const char *key, double otherwise, double least,
                 double most);

/// Temperature, top_k, top_p, min_p and repetition penalty as transformers' generate() takes them.
void readSampling(const JsonReader &reader, runtime::SamplingOptions &out);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_CONFIGREADING_H

// The descriptor of a model as C++: tables of the structs in runtime/abi/bluec_abi.h.
#ifndef BLUEC_TARGETS_CPP_DESCRIPTOR_PRINTER_H
#define BLUEC_TARGETS_CPP_DESCRIPTOR_PRINTER_H

#include "compiler/dialect/abi/Abi.h"

#include <string>

namespace bluec::targets {

/// A file that defines BLUEC_MODEL_SYMBOL, with `entries.h` beside it.
std::string printDescriptor(abi::ModelOp model);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_DESCRIPTOR_PRINTER_H

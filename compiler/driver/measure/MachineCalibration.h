// `bluec calibrate-machine`: a description of the machine that this process runs on.
#ifndef BLUEC_COMPILER_DRIVER_MEASURE_MACHINECALIBRATION_H
#define BLUEC_COMPILER_DRIVER_MEASURE_MACHINECALIBRATION_H

#include "llvm/Support/raw_ostream.h"

#include <string>

namespace bluec {

struct CalibrateMachineOptions {
  std::string output;          // the description
  std::string target = "host"; // that bundles are compiled for; has to run here
  std::string name;            // of the machine; empty: the output's
  int threads = 0;             // 0: one for each CPU
  int rounds = 0;              // how often each call is timed; 0: 3 to 11 times, for 20 seconds
  bool json = false;
  bool progress = false; // what is being done, on stderr
};

/// Compiles a model with a few layers of bluelm-v-3b's widths, random weights and every combination
/// of types that linears and attention have, runs its entry points several times at several numbers
/// of rows and tokens, and writes the machine with one device, `cpu`, that says best how long its
/// steps took (MachineFit.h). The file appears whole or not at all; the model is removed.
///
/// Prints what was found and how far it is from what was measured, as text or JSON. Returns an exit
/// code.
int calibrateMachine(const CalibrateMachineOptions &options, llvm::raw_ostream &out,
                     llvm::raw_ostream &err);

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_MEASURE_MACHINECALIBRATION_H

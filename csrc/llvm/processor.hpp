// The processor that programs are compiled for, known without loading LLVM.
#pragma once

#include <string>

namespace gradax::llvm {

// What machine code depends on: equal on two machines only when code runs on both alike.
std::string processor();

// Who made the processor, as it says itself ("GenuineIntel"); empty where it does not say.
std::string processor_vendor();

// The width of the widest vector registers that are used, in bytes.
int vector_bytes();

// Whether there is one instruction that multiplies and adds.
bool has_fma();

}  // namespace gradax::llvm

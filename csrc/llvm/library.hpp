// LLVM as llvmlite ships it: one shared library, reached through its C functions, so that neither
// loading it nor compiling needs Python or holds the GIL.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gradax::llvm {

// What the library's functions take and return; all are opaque.
using Ref = void*;

// The functions that are used, under their names without the prefix LLVMPY_.
struct Api {
  unsigned (*GetVersionInfo)();
  void (*InitializeNativeTarget)();
  void (*InitializeNativeAsmPrinter)();
  void (*GetDefaultTargetTriple)(const char**);
  void (*GetHostCPUName)(const char**);
  int (*GetHostCPUFeatures)(const char**);
  Ref (*GetTargetFromTriple)(const char*, const char**);
  Ref (*CreateTargetMachine)(Ref, const char*, const char*, const char*, int, const char*,
                             const char*, int, int, const char*);
  void (*DisposeTargetMachine)(Ref);
  Ref (*ContextCreate)();
  void (*ContextDispose)(Ref);
  Ref (*ParseAssembly)(Ref, const char*, const char**);
  void (*DisposeModule)(Ref);
  bool (*VerifyModule)(Ref, const char**);
  Ref (*TargetMachineEmitToMemory)(Ref, Ref, int, const char**);
  const char* (*GetBufferStart)(Ref);
  size_t (*GetBufferSize)(Ref);
  void (*DisposeMemoryBuffer)(Ref);
  void (*DisposeString)(const char*);
  Ref (*CreateNewModulePassManager)();
  void (*DisposeNewModulePassManger)(Ref);
  void (*module_AddSROAPass)(Ref);
  void (*RunNewModulePassManager)(Ref, Ref, Ref);
  Ref (*CreatePipelineTuningOptions)();
  void (*DisposePipelineTuningOptions)(Ref);
  Ref (*CreatePassBuilder)(Ref, Ref);
  void (*DisposePassBuilder)(Ref);
};

// Starts to load the library in a thread of its own, once; `path` is where it lies. `others` are
// shared libraries that are loaded after it, if nobody is in a hurry.
void start(const std::string& path, std::vector<std::string> others);

// Waits for `start` to be done. Throws std::runtime_error when the library could not be loaded.
const Api& api();

// Ends the loading thread early. Called before the process ends and before it forks.
void finish_start();

// The machine that is compiled for: LLVM's name of it and the features to use.
struct Host {
  std::string triple, cpu, features;
};
const Host& host();

// Takes a string that LLVM made, and gives it back to LLVM.
std::string take_string(const char* made);

}  // namespace gradax::llvm

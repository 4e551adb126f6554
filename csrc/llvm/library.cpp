#include "llvm/library.hpp"

#include <dlfcn.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "llvm/compile.hpp"

namespace gradax::llvm {
namespace {

struct Loading {
  std::mutex mutex;
  std::condition_variable changed;
  std::thread thread;
  std::string path;
  std::vector<std::string> others;
  bool is_loaded = false;
  std::exception_ptr error;
  std::atomic<bool> hurry{false};
  Api api{};
  Host host;
};

Loading& loading() {
  static auto* state = new Loading;  // Threads may still wait while the process ends.
  return *state;
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  const std::string full = std::string("LLVMPY_") + name;
  void* address = dlsym(library, full.c_str());
  if (!address) {
    throw std::runtime_error("this release of llvmlite has no function " + full +
                             "; install one that gradax's requirements allow");
  }
  function = reinterpret_cast<Function>(address);
}

Api open(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(std::string("LLVM cannot be loaded: ") + dlerror());
  Api api{};
#define GRADAX_FIND(name) find(library, #name, api.name)
  GRADAX_FIND(GetVersionInfo);
  GRADAX_FIND(InitializeNativeTarget);
  GRADAX_FIND(InitializeNativeAsmPrinter);
  GRADAX_FIND(GetDefaultTargetTriple);
  GRADAX_FIND(GetHostCPUName);
  GRADAX_FIND(GetHostCPUFeatures);
  GRADAX_FIND(GetTargetFromTriple);
  GRADAX_FIND(CreateTargetMachine);
  GRADAX_FIND(DisposeTargetMachine);
  GRADAX_FIND(ContextCreate);
  GRADAX_FIND(ContextDispose);
  GRADAX_FIND(ParseAssembly);
  GRADAX_FIND(DisposeModule);
  GRADAX_FIND(VerifyModule);
  GRADAX_FIND(TargetMachineEmitToMemory);
  GRADAX_FIND(GetBufferStart);
  GRADAX_FIND(GetBufferSize);
  GRADAX_FIND(DisposeMemoryBuffer);
  GRADAX_FIND(DisposeString);
  GRADAX_FIND(CreateNewModulePassManager);
  GRADAX_FIND(DisposeNewModulePassManger);
  GRADAX_FIND(module_AddSROAPass);
  GRADAX_FIND(RunNewModulePassManager);
  GRADAX_FIND(CreatePipelineTuningOptions);
  GRADAX_FIND(DisposePipelineTuningOptions);
  GRADAX_FIND(CreatePassBuilder);
  GRADAX_FIND(DisposePassBuilder);
#undef GRADAX_FIND
  return api;
}

std::string taken(const Api& api, const char* made) {
  if (!made) return {};
  std::string text(made);
  api.DisposeString(made);
  return text;
}

Host find_host(const Api& api) {
  api.InitializeNativeTarget();
  api.InitializeNativeAsmPrinter();
  Host host;
  const char* out = nullptr;
  api.GetDefaultTargetTriple(&out);
  host.triple = taken(api, out);
  out = nullptr;
  api.GetHostCPUName(&out);
  host.cpu = taken(api, out);
  out = nullptr;
  api.GetHostCPUFeatures(&out);
  host.features = taken(api, out);
  return host;
}

void load() {
  Loading& state = loading();
  try {
    const Api api = open(state.path);
    const Host host = find_host(api);
    std::lock_guard lock(state.mutex);
    state.api = api;
    state.host = host;
  } catch (...) {
    std::lock_guard lock(state.mutex);
    state.error = std::current_exception();
  }
  {
    std::lock_guard lock(state.mutex);
    state.is_loaded = true;
  }
  state.changed.notify_all();
}

// The first module that is compiled pays for reading LLVM from the disk; this one does.
void load_and_warm() {
  load();
  Loading& state = loading();
  if (state.error) return;
  for (const int level : {0, 2}) {
    if (!state.hurry) compile_sample(level);
  }
  for (const std::string& path : state.others) {
    if (!state.hurry) dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
}

}  // namespace

void start(const std::string& path, std::vector<std::string> others) {
  Loading& state = loading();
  std::lock_guard lock(state.mutex);
  if (!state.path.empty()) return;
  state.path = path;
  state.others = std::move(others);
  state.thread = std::thread(load_and_warm);
}

void finish_start() {
  Loading& state = loading();
  state.hurry = true;
  std::thread thread;
  {
    std::lock_guard lock(state.mutex);
    thread.swap(state.thread);
  }
  if (thread.joinable()) thread.join();
}

const Api& api() {
  Loading& state = loading();
  std::unique_lock lock(state.mutex);
  if (state.path.empty()) throw std::runtime_error("LLVM was not asked to load");
  state.changed.wait(lock, [&] { return state.is_loaded; });
  if (state.error) std::rethrow_exception(state.error);
  return state.api;
}

const Host& host() {
  api();
  return loading().host;
}

std::string take_string(const char* made) { return taken(api(), made); }

}  // namespace gradax::llvm

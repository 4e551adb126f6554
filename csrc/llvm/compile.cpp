#include "llvm/compile.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "llvm/library.hpp"
#include "llvm/sample.hpp"

namespace gradax::llvm {
namespace {

// Owns what LLVM made, and gives it back with the function that disposes of it.
using Owned = std::unique_ptr<void, void (*)(Ref)>;

std::shared_mutex*& compiling() {
  static auto* mutex = new std::shared_mutex;
  return mutex;
}

// Target machines that no thread uses now, by level: one thread at a time may use a machine.
class Machines {
 public:
  Ref take(int level) {
    {
      std::lock_guard lock(mutex_);
      auto& free = free_[level];
      if (!free.empty()) {
        const Ref machine = free.back();
        free.pop_back();
        return machine;
      }
    }
    return make(level);
  }

  void give_back(int level, Ref machine) {
    std::lock_guard lock(mutex_);
    free_[level].push_back(machine);
  }

 private:
  static Ref make(int level) {
    const Api& llvm = api();
    const Host& host = llvm::host();
    const char* error = nullptr;
    const Ref target = llvm.GetTargetFromTriple(host.triple.c_str(), &error);
    if (!target) throw std::runtime_error("LLVM: " + take_string(error));
    const Ref machine =
        llvm.CreateTargetMachine(target, host.triple.c_str(), host.cpu.c_str(),
                                 host.features.c_str(), level, "pic", "small", 0, 1, "");
    if (!machine) throw std::runtime_error("LLVM has no target machine for " + host.cpu);
    return machine;
  }

  std::mutex mutex_;
  std::map<int, std::vector<Ref>> free_;
};

Machines& machines() {
  static auto* all = new Machines;
  return *all;
}

// A target machine for as long as the object lives.
class Machine {
 public:
  explicit Machine(int level) : level_(level), machine_(machines().take(level)) {}
  ~Machine() { machines().give_back(level_, machine_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  Ref get() const { return machine_; }

 private:
  int level_;
  Ref machine_;
};

Owned parse(const Api& llvm, Ref context, const std::string& text) {
  const char* message = nullptr;
  Owned module(llvm.ParseAssembly(context, text.c_str(), &message), llvm.DisposeModule);
  if (!module) throw InvalidModule(take_string(message));
  if (message) llvm.DisposeString(message);
  message = nullptr;
  const bool is_broken = llvm.VerifyModule(module.get(), &message);
  const std::string said = take_string(message);
  if (is_broken) throw InvalidModule(said);
  return module;
}

// Keeps scalars that live on the stack in registers.
void promote_stack(const Api& llvm, Ref machine, Ref module) {
  Owned options(llvm.CreatePipelineTuningOptions(), llvm.DisposePipelineTuningOptions);
  Owned builder(llvm.CreatePassBuilder(machine, options.get()), llvm.DisposePassBuilder);
  Owned passes(llvm.CreateNewModulePassManager(), llvm.DisposeNewModulePassManger);
  llvm.module_AddSROAPass(passes.get());
  llvm.RunNewModulePassManager(passes.get(), module, builder.get());
}

}  // namespace

std::string compile(const std::string& text, int level, Output output) {
  const Api& llvm = api();
  std::shared_lock lock(*compiling());
  Owned context(llvm.ContextCreate(), llvm.ContextDispose);
  Machine machine(level);
  Owned module = parse(llvm, context.get(), text);
  const bool has_stack = text.find("alloca") != std::string::npos;
  if (level > 0 && has_stack) promote_stack(llvm, machine.get(), module.get());
  const char* message = nullptr;
  Owned buffer(llvm.TargetMachineEmitToMemory(machine.get(), module.get(), static_cast<int>(output),
                                              &message),
               llvm.DisposeMemoryBuffer);
  if (!buffer) throw std::runtime_error(take_string(message));
  if (message) llvm.DisposeString(message);
  return std::string(llvm.GetBufferStart(buffer.get()), llvm.GetBufferSize(buffer.get()));
}

void compile_sample(int level) {
  try {
    compile(kSample, level, Output::kObject);
  } catch (const std::exception&) {
    // Whoever compiles a program of his own is told.
  }
}

void before_fork() { compiling()->lock(); }
void after_fork_in_parent() { compiling()->unlock(); }

// Threads that waited for the lock are not in the child, but the lock remembers them.
void after_fork_in_child() { compiling() = new std::shared_mutex; }

}  // namespace gradax::llvm

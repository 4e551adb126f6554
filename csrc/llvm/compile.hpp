// From a module's text to object code.
#pragma once

#include <stdexcept>
#include <string>

namespace gradax::llvm {

// LLVM refuses a module; the message is LLVM's.
struct InvalidModule : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Output { kAssembly = 0, kObject = 1 };

// Levels: 0, compiled in the least time; 2, code that runs in the least time. Both compute the
// same. Any number of threads may compile at once.
std::string compile(const std::string& text, int level, Output output);

// Compiles a small module that has what most modules have.
void compile_sample(int level);

// While a fork is made nothing compiles: LLVM's locks would stay locked in the child.
void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace gradax::llvm

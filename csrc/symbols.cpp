#include "symbols.hpp"

namespace gradax {
namespace {

std::unordered_map<std::string, void*>& table() {
  static auto* names = new std::unordered_map<std::string, void*>;
  return *names;
}

}  // namespace

void register_symbol(const char* name, void* address) { table()[name] = address; }

const std::unordered_map<std::string, void*>& symbols() { return table(); }

}  // namespace gradax

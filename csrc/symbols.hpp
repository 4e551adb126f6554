// The names that compiled code may refer to, and their addresses.
#pragma once

#include <string>
#include <unordered_map>

namespace gradax {

// Make `name` known to compiled code. Registering a name twice keeps the later address.
void register_symbol(const char* name, void* address);

template <class Result, class... Args>
void register_symbol(const char* name, Result (*function)(Args...)) {
  register_symbol(name, reinterpret_cast<void*>(function));
}

const std::unordered_map<std::string, void*>& symbols();

}  // namespace gradax

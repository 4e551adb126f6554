// Machine code in memory.
#pragma once

#include <atomic>
#include <mutex>
#include <string_view>
#include <vector>

#include "abi.h"

namespace gradax::llvm {

// Pages that are not written any more and may be executed.
class Pages {
 public:
  explicit Pages(size_t n_bytes);  // throws std::bad_alloc
  Pages(Pages&& other) noexcept;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();
  unsigned char* data() const { return data_; }
  void make_executable();  // throws std::runtime_error

 private:
  unsigned char* data_;
  size_t n_bytes_;
};

// Whether this machine's object files are those that `link` reads: ELF for x86-64.
bool can_link();

// Loads an object file: `entry` becomes the address of its function `name`.
// Throws std::runtime_error when the object is damaged or names what the runtime does not have.
Pages link(std::string_view object, const char* name, GxEntry* entry);

// A program's code. Better code may take its place while it runs; the old code stays until the end.
class Code {
 public:
  explicit Code(GxEntry entry) : entry_(entry) {}
  Code(std::string_view object, const char* name) : entry_(nullptr) { load(object, name); }
  void load(std::string_view object, const char* name);
  const std::atomic<GxEntry>& entry() const { return entry_; }

 private:
  std::atomic<GxEntry> entry_;
  std::mutex mutex_;
  std::vector<Pages> pages_;
};

}  // namespace gradax::llvm

// A linker for what LLVM makes of one module: relocatable ELF for x86-64, position independent.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "llvm/code.hpp"
#include "symbols.hpp"

#if defined(__linux__) && defined(__x86_64__)
#include <elf.h>
#define GRADAX_LINKS 1
#else
#define GRADAX_LINKS 0
#endif

namespace gradax::llvm {

Pages::Pages(size_t n_bytes) : n_bytes_(n_bytes) {
  void* found = mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<unsigned char*>(found);
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), n_bytes_(other.n_bytes_) {}

Pages::~Pages() {
  if (data_) munmap(data_, n_bytes_);
}

void Pages::make_executable() {
  if (mprotect(data_, n_bytes_, PROT_READ | PROT_EXEC) != 0)
    throw std::runtime_error("the system does not let memory be executed");
}

void Code::load(std::string_view object, const char* name) {
  GxEntry entry = nullptr;
  Pages pages = link(object, name, &entry);
  std::lock_guard lock(mutex_);
  pages_.push_back(std::move(pages));
  entry_.store(entry, std::memory_order_release);
}

bool can_link() { return GRADAX_LINKS; }

#if GRADAX_LINKS
namespace {

[[noreturn]] void damaged(const std::string& what) {
  throw std::runtime_error("object code cannot be linked: " + what);
}

// Where calls and loads of what lies far away go through: `jmp *[rip+2]`, padding, the address.
constexpr size_t kStubBytes = 16;
constexpr unsigned char kJump[] = {0xff, 0x25, 0x02, 0x00, 0x00, 0x00, 0x66, 0x90};
constexpr size_t kAddressInStub = 8;

class Linker {
 public:
  explicit Linker(std::string_view object) : object_(object) {
    header_ = read<Elf64_Ehdr>(0);
    const bool is_ours = std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 &&
                         header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_type == ET_REL &&
                         header_.e_machine == EM_X86_64 &&
                         header_.e_shentsize == sizeof(Elf64_Shdr);
    if (!is_ours) damaged("it is not a relocatable file for x86-64");
    for (int i = 0; i < header_.e_shnum; ++i)
      sections_.push_back(read<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr)));
    read_symbols();
  }

  Pages link(const char* name, GxEntry* entry) {
    lay_out();
    Pages pages(round_up(size_, static_cast<size_t>(sysconf(_SC_PAGESIZE))));
    base_ = pages.data();
    copy_sections();
    for (const Elf64_Shdr& section : sections_)
      if (section.sh_type == SHT_RELA) relocate(section);
    *entry = reinterpret_cast<GxEntry>(entry_address(name));
    pages.make_executable();
    return pages;
  }

 private:
  static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

  template <class T>
  T read(size_t at) const {
    if (at > object_.size() || object_.size() - at < sizeof(T)) damaged("it ends too early");
    T out;
    std::memcpy(&out, object_.data() + at, sizeof(T));
    return out;
  }

  const Elf64_Shdr& section(size_t index) const {
    if (index >= sections_.size()) damaged("a section is missing");
    return sections_[index];
  }

  std::string_view contents(const Elf64_Shdr& section) const {
    if (section.sh_offset > object_.size() || object_.size() - section.sh_offset < section.sh_size)
      damaged("a section is cut off");
    return object_.substr(section.sh_offset, section.sh_size);
  }

  void read_symbols() {
    for (const Elf64_Shdr& table : sections_) {
      if (table.sh_type != SHT_SYMTAB) continue;
      names_ = contents(section(table.sh_link));
      contents(table);
      for (size_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym))
        symbols_.push_back(read<Elf64_Sym>(table.sh_offset + at));
    }
  }

  const char* name_of(const Elf64_Sym& symbol) const {
    if (symbol.st_name >= names_.size() || names_.back() != '\0') damaged("a name is cut off");
    return names_.data() + symbol.st_name;
  }

  // Gives each section that is needed at run time its place, then each stub.
  void lay_out() {
    places_.assign(sections_.size(), 0);
    for (size_t i = 0; i < sections_.size(); ++i) {
      const Elf64_Shdr& section = sections_[i];
      if (!(section.sh_flags & SHF_ALLOC)) continue;
      const bool may_change = (section.sh_flags & SHF_WRITE) && section.sh_type == SHT_NOBITS;
      if (may_change || (section.sh_flags & SHF_TLS)) damaged("it has data that change");
      const size_t alignment = section.sh_addralign ? section.sh_addralign : 1;
      const size_t most = section.sh_type == SHT_NOBITS ? size_t{1} << 20 : object_.size();
      if (alignment > 4096 || section.sh_size > most) damaged("a section is too large");
      places_[i] = size_ = round_up(size_, alignment);
      size_ += section.sh_size;
    }
    stubs_ = size_ = round_up(size_, kStubBytes);
    size_ += symbols_.size() * kStubBytes;
  }

  void copy_sections() {
    for (size_t i = 0; i < sections_.size(); ++i) {
      const Elf64_Shdr& section = sections_[i];
      if (!(section.sh_flags & SHF_ALLOC) || section.sh_type == SHT_NOBITS) continue;
      const std::string_view bytes = contents(section);
      std::memcpy(base_ + places_[i], bytes.data(), bytes.size());
    }
    for (size_t i = 0; i < symbols_.size(); ++i) {
      const uint64_t address = address_of(i);
      std::memcpy(stub(i), kJump, sizeof kJump);
      std::memcpy(stub(i) + kAddressInStub, &address, sizeof address);
    }
  }

  unsigned char* stub(size_t symbol) const { return base_ + stubs_ + symbol * kStubBytes; }

  uint64_t address_of(size_t index) const {
    if (index >= symbols_.size()) damaged("a symbol is missing");
    const Elf64_Sym& symbol = symbols_[index];
    if (symbol.st_shndx == SHN_UNDEF) return outside(symbol);
    if (symbol.st_shndx == SHN_ABS || symbol.st_shndx >= SHN_LORESERVE) return symbol.st_value;
    section(symbol.st_shndx);
    return reinterpret_cast<uint64_t>(base_) + places_[symbol.st_shndx] + symbol.st_value;
  }

  uint64_t outside(const Elf64_Sym& symbol) const {
    const std::string name = name_of(symbol);
    if (name.empty()) return 0;
    const auto found = gradax::symbols().find(name);
    if (found == gradax::symbols().end()) damaged("the runtime has no function " + name);
    return reinterpret_cast<uint64_t>(found->second);
  }

  void relocate(const Elf64_Shdr& table) {
    const Elf64_Shdr& target = section(table.sh_info);
    if (!(target.sh_flags & SHF_ALLOC)) return;
    contents(table);
    for (size_t at = 0; at + sizeof(Elf64_Rela) <= table.sh_size; at += sizeof(Elf64_Rela)) {
      const auto rela = read<Elf64_Rela>(table.sh_offset + at);
      if (rela.r_offset > target.sh_size || target.sh_size - rela.r_offset < 4)
        damaged("a relocation lies outside of its section");
      const size_t left = target.sh_size - rela.r_offset;
      apply(rela, base_ + places_[table.sh_info] + rela.r_offset, left);
    }
  }

  void apply(const Elf64_Rela& rela, unsigned char* place, size_t left) {
    const size_t symbol = ELF64_R_SYM(rela.r_info);
    const uint64_t here = reinterpret_cast<uint64_t>(place);
    const uint64_t there = address_of(symbol);
    switch (ELF64_R_TYPE(rela.r_info)) {
      case R_X86_64_NONE:
        return;
      case R_X86_64_64:
        return write_long(place, left, there + rela.r_addend);
      case R_X86_64_PC64:
        return write_long(place, left, there + rela.r_addend - here);
      case R_X86_64_PC32:
      case R_X86_64_PLT32: {
        const bool is_outside = symbols_[symbol].st_shndx == SHN_UNDEF;
        const uint64_t to = is_outside ? reinterpret_cast<uint64_t>(stub(symbol)) : there;
        return write_short(place, to + rela.r_addend - here);
      }
      case R_X86_64_GOTPCREL:
      case R_X86_64_GOTPCRELX:
      case R_X86_64_REX_GOTPCRELX: {
        const uint64_t slot = reinterpret_cast<uint64_t>(stub(symbol)) + kAddressInStub;
        return write_short(place, slot + rela.r_addend - here);
      }
      default:
        damaged("relocation " + std::to_string(ELF64_R_TYPE(rela.r_info)) + " is not known");
    }
  }

  static void write_long(unsigned char* place, size_t left, uint64_t value) {
    if (left < sizeof value) damaged("a relocation lies outside of its section");
    std::memcpy(place, &value, sizeof value);
  }

  static void write_short(unsigned char* place, uint64_t value) {
    const int64_t wide = static_cast<int64_t>(value);
    const int32_t narrow = static_cast<int32_t>(wide);
    if (narrow != wide) damaged("a jump is too long");
    std::memcpy(place, &narrow, sizeof narrow);
  }

  uint64_t entry_address(const char* name) const {
    for (size_t i = 0; i < symbols_.size(); ++i) {
      const bool is_code = ELF64_ST_TYPE(symbols_[i].st_info) == STT_FUNC;
      if (is_code && symbols_[i].st_shndx != SHN_UNDEF && !std::strcmp(name_of(symbols_[i]), name))
        return address_of(i);
    }
    damaged(std::string("it has no function ") + name);
  }

  std::string_view object_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Shdr> sections_;
  std::vector<Elf64_Sym> symbols_;
  std::vector<size_t> places_;
  std::string_view names_;
  size_t size_ = 0;
  size_t stubs_ = 0;
  unsigned char* base_ = nullptr;
};

}  // namespace

Pages link(std::string_view object, const char* name, GxEntry* entry) {
  return Linker(object).link(name, entry);
}

#else

Pages link(std::string_view, const char*, GxEntry*) {
  throw std::runtime_error("this machine's object code is linked by LLVM");
}

#endif

}  // namespace gradax::llvm

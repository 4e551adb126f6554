#include "routines.hpp"

namespace gradax {

RoutineTable routine_table{};

bool set_routine(std::string_view name, void* address) {
  static constexpr std::string_view names[] = {
#define GX_ITEM(name) #name,
      GX_ROUTINES(GX_ITEM)
#undef GX_ITEM
  };
  for (int i = 0; i < static_cast<int>(Routine::Count); ++i) {
    if (names[i] == name) {
      routine_table.address[i].store(address, std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace gradax

// Elementwise operations of two operands that are rounded the same wherever they are computed.
#pragma once

#include <cstdint>

namespace gradax {

enum class Elementwise {
  Add,
  Subtract,
  Multiply,
  Divide,
  Maximum,
  Minimum,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge
};

constexpr bool is_comparison(Elementwise kind) { return kind >= Elementwise::Eq; }

enum class NumberKind { None, Integer, Real };

// Memory of all elements, or else one number for all of them.
struct Operand {
  const void* memory = nullptr;
  NumberKind kind = NumberKind::None;
  int64_t integer = 0;
  double real = 0;
};

// Writes `n` elements of a dtype that NumPy numbers `type_num`; comparisons write bools.
// False, with nothing written, where the dtype or a number is not one that is computed here.
bool compute_elementwise(Elementwise kind, int type_num, int64_t n, const Operand& a,
                         const Operand& b, void* out);

}  // namespace gradax

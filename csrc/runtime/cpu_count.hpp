// How many threads this process should use.
#pragma once

namespace gradax {

constexpr int kMaxThreads = 256;

// What the kernel lets this process use.
struct Processors {
  int affinity;  // processors that the scheduler may choose
  double quota;  // processors' time that the control groups grant; 0: no limit
  int count() const;
};

Processors processors();

}  // namespace gradax

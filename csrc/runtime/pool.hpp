// The one pool of threads: parallel loops of compiled code and of library kernels.
#pragma once

namespace gradax {

// The threads that a parallel loop may use, its caller included.
int num_threads();

// Sets that number; 0 goes back to what affinity, the cgroup's quota and GRADAX_NUM_THREADS say.
void set_num_threads(int n_threads);

// Whether this thread is inside the body of a parallel loop.
bool in_parallel_loop();

// In the child of a fork: the parent's workers do not exist, so start over.
void reset_pool();

}  // namespace gradax

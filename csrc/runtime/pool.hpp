// The one pool of threads: parallel loops of compiled code and of library kernels.
#pragma once

namespace gradax {

// The threads that a parallel loop of a call from this thread may use, its caller included.
int num_threads();

// Sets that number for all threads that have none of their own; 0: what the machine grants.
void set_num_threads(int n_threads);

// Sets it for this thread's calls; 0: as all others.
void set_num_threads_here(int n_threads);

// Whether this thread is inside the body of a parallel loop.
bool in_parallel_loop();

// In the child of a fork: the parent's workers do not exist, so start over.
void reset_pool();

}  // namespace gradax

// How many threads a kernel may use.
//
// Order of precedence: a forked child runs serially (the OpenMP runtime does not survive fork); then the
// calling thread's own limit (shoal.threads(n)); then OpenMP's own setting (OMP_NUM_THREADS, threadpoolctl),
// capped by the processors the caller says there are.
#pragma once

namespace shoal::parallel {

/// Limit for kernels started from this thread; 0 means no limit of our own. Returns the previous limit.
int set_thread_limit(int n);
int thread_limit();

/// Cap for the whole process, found once by the caller (container quotas are its business); 0 means none.
void set_processor_cap(int n);

/// The number of threads a kernel started from here would use.
int n_threads();

/// While it lives n_threads() stays on this thread what it is now: a kernel makes room for each of its threads once,
/// and what a progress callback or a signal handler sets counts from the next kernel on.
class Team {
 public:
  Team();
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

 private:
  int before_;
};

/// False in a build without OpenMP: everything then runs on the calling thread.
bool has_openmp();

}  // namespace shoal::parallel

// Copyright 2026 The k4a_ros contributors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// Preloaded library that adds the nanoseconds in the file HOST_CLOCK_OFFSET to CLOCK_REALTIME, as
// if the clock of the host had been set. CLOCK_MONOTONIC stays as it is. Waits until a time of
// CLOCK_REALTIME, as in std::condition_variable::wait_for of older libstdc++, last as long as with
// the clock of the kernel.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static volatile const int64_t *offset_ns;

__attribute__((constructor)) static void map_offset(void)
{
  *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("HOST_CLOCK_OFFSET");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0)
    return;
  void *memory = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED)
    offset_ns = memory;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *time)
{
  if (!real_clock_gettime)  // called by a constructor that ran before
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real_clock_gettime(id, time);
  if (result == 0 && id == CLOCK_REALTIME && offset_ns) {
    int64_t ns = time->tv_sec * INT64_C(1000000000) + time->tv_nsec + *offset_ns;
    time->tv_sec = ns / 1000000000;
    time->tv_nsec = ns % 1000000000;
  }
  return result;
}

__attribute__((visibility("default"))) int pthread_cond_timedwait(
  pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end)
{
  static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!wait)  // the version of x86_64, where dlsym alone may find an older one
    *(void **)&wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!wait)
    *(void **)&wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec shifted = *end;
  if (offset_ns && end->tv_sec > 1000000000)  // not of CLOCK_MONOTONIC
    shifted.tv_sec -= *offset_ns / 1000000000;
  return wait(condition, mutex, &shifted);
}

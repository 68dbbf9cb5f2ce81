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

// Finds the SDK of this process: libraries that are already loaded (for example those of pyk4a), or
// the installed ones.

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual.h"

struct real real;

static int copy_path(struct dl_phdr_info *info, size_t size, void *path) {
  (void)size;
  if (!info->dlpi_name || !strstr(info->dlpi_name, "libk4arecord")) return 0;
  snprintf(path, 4096, "%s", info->dlpi_name);
  return 1;
}

static void *open_library(void) {
  char path[4096] = "";
  const char *override = getenv("K4A_VIRTUAL_LIBK4ARECORD");
  if (override && *override) return dlopen(override, RTLD_NOW);
  if (dl_iterate_phdr(copy_path, path)) return dlopen(path, RTLD_NOW);
  return dlopen("libk4arecord.so.1.4", RTLD_NOW);
}

bool find_real(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool found;
  pthread_mutex_lock(&lock);
  if (!found) {
    void *library = open_library();
    found = library != NULL;
    if (!library)
      fprintf(stderr, "virtual_k4a: cannot load libk4arecord (%s); set K4A_VIRTUAL_LIBK4ARECORD "
                      "to its path\n", dlerror());
#define FIND(result, name, arguments)                                                     \
  if (found && !(*(void **)&real.name = dlsym(library, #name))) {                         \
    fprintf(stderr, "virtual_k4a: %s is not in libk4arecord and libk4a\n", #name);        \
    found = false;                                                                        \
  }
    REAL_FUNCTIONS(FIND)
  }
  bool result = found;
  pthread_mutex_unlock(&lock);
  return result;
}

placement stay_on_one_processor(void) {
  placement before;
  before.known = !sched_getaffinity(0, sizeof before.processors, &before.processors);
  int processor = sched_getcpu();
  if (before.known && processor >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  return before;
}

void move_back(const placement *before) {
  if (before->known) sched_setaffinity(0, sizeof before->processors, &before->processors);
}

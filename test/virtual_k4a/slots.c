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

// The cameras that there are: K4A_VIRTUAL_RECORDING is a list "file:file;file" in which ';'
// separates cameras and ':' recordings of one camera in several modes.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "virtual.h"

static slot slots[MOST_SLOTS];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void list(void) {
  const char *text = getenv("K4A_VIRTUAL_RECORDING");
  char *rest = strdup(text ? text : ""), *cameras, *files;
  for (char *camera = strtok_r(rest, ";", &cameras); camera && count < MOST_SLOTS;
       camera = strtok_r(NULL, ";", &cameras)) {
    slot *it = &slots[count];
    *it = (slot){.position = count, .lock = -1};
    controls_reset(&it->color);
    for (char *file = strtok_r(camera, ":", &files); file && it->files < MOST_FILES;
         file = strtok_r(NULL, ":", &files))
      it->file[it->files++] = strdup(file);
    count += it->files > 0;
  }
  free(rest);
}

static bool plugged(const slot *it) { return !condition(it->position, "unplugged"); }

slot *plugged_slot(uint32_t index) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, list);
  for (int i = 0; i < count; i++)
    if (plugged(&slots[i]) && !index--) return &slots[i];
  return NULL;
}

int plugged_count(void) {
  int found = 0;
  while (plugged_slot(found)) found++;
  return found;
}

bool claim(slot *it) {
  pthread_mutex_lock(&lock);
  bool free_one = it->lock < 0 && !condition(it->position, "busy");
  if (free_one) {
    it->lock = open(it->file[0], O_RDONLY | O_CLOEXEC);
    free_one = it->lock >= 0 && flock(it->lock, LOCK_EX | LOCK_NB) == 0;
    if (!free_one && it->lock >= 0) {
      close(it->lock);
      it->lock = -1;
    }
  }
  pthread_mutex_unlock(&lock);
  return free_one;
}

void give_back(slot *it) {
  pthread_mutex_lock(&lock);
  close(it->lock);
  it->lock = -1;
  it->open = NULL;
  pthread_mutex_unlock(&lock);
}

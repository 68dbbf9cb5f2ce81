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

// The virtual cameras: K4A_VIRTUAL_RECORDING is a list "file:file;file" in which ';' separates
// cameras, and ':' the recordings of one camera in several modes.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "virtual.h"

static slot slots[MAX_SLOTS];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void parse_list(void) {
  const char *text = getenv("K4A_VIRTUAL_RECORDING");
  char *copy = strdup(text ? text : ""), *cameras, *files;
  for (char *item = strtok_r(copy, ";", &cameras); item && count < MAX_SLOTS;
       item = strtok_r(NULL, ";", &cameras)) {
    slot *camera = &slots[count];
    *camera = (slot){.position = count, .lock = -1};
    controls_reset(&camera->color);
    for (char *file = strtok_r(item, ":", &files); file && camera->files < MAX_FILES;
         file = strtok_r(NULL, ":", &files))
      camera->file[camera->files++] = strdup(file);
    count += camera->files > 0;
  }
  free(copy);
}

static bool plugged(const slot *camera) { return !condition(camera->position, "unplugged"); }

slot *plugged_slot(uint32_t index) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, parse_list);
  for (int i = 0; i < count; i++)
    if (plugged(&slots[i]) && !index--) return &slots[i];
  return NULL;
}

int plugged_count(void) {
  int found = 0;
  while (plugged_slot(found)) found++;
  return found;
}

bool lock_slot(slot *camera) {
  pthread_mutex_lock(&lock);
  bool locked = camera->lock < 0 && !condition(camera->position, "busy");
  if (locked) {
    camera->lock = open(camera->file[0], O_RDONLY | O_CLOEXEC);
    locked = camera->lock >= 0 && flock(camera->lock, LOCK_EX | LOCK_NB) == 0;
    if (!locked && camera->lock >= 0) {
      close(camera->lock);
      camera->lock = -1;
    }
  }
  pthread_mutex_unlock(&lock);
  return locked;
}

void unlock_slot(slot *camera) {
  pthread_mutex_lock(&lock);
  close(camera->lock);
  camera->lock = -1;
  camera->open = NULL;
  pthread_mutex_unlock(&lock);
}

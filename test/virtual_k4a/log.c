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

// The SDK's log: messages of the virtual device go to the handler that the program has set.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtual.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static message_handler *current;
static void *current_context;
static int current_level;

__attribute__((visibility("default"))) int k4a_set_debug_message_handler(
    message_handler *handler, void *context, int level) {
  pthread_mutex_lock(&lock);
  current = handler;
  current_context = context;
  current_level = level;
  pthread_mutex_unlock(&lock);
  return find_real() ? real.k4a_set_debug_message_handler(handler, context, level) : FAILED;
}

void sdk_log(int level, const char *file, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&lock);
  message_handler *handler = level <= current_level ? current : NULL;
  void *context = current_context;
  bool no_handler = !current;
  pthread_mutex_unlock(&lock);
  if (handler) {
    handler(context, level, file, 0, line);
  } else if (no_handler && level <= ERROR) {
    const char *enabled = getenv("K4A_ENABLE_LOG_TO_STDOUT");
    if (!enabled || *enabled != '0') printf("%s: %s\n", file, line);
  }
}

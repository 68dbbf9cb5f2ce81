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

// Current fault conditions: the words in the environment variable K4A_VIRTUAL_CONDITIONS and in the
// file named by K4A_VIRTUAL_CONTROL, which is read periodically. "word" applies to all cameras,
// "1:word" to the camera at position 1 of K4A_VIRTUAL_RECORDING.

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virtual.h"

enum { SIZE = 4096, READ_EVERY_NS = 2000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char words[2 * SIZE];  // separated by single spaces, with one at either end
static int64_t read_at;
static char *permanent, *path;

static void append(const char *text) {
  size_t end = strlen(words);
  for (; *text && end < sizeof words - 2; text++)
    if (!isspace((unsigned char)*text))
      words[end++] = *text;
    else if (words[end - 1] != ' ')
      words[end++] = ' ';
  if (words[end - 1] != ' ') words[end++] = ' ';
  words[end] = 0;
}

// Called once, as other threads may change the environment later.
static void read_environment(void) {
  const char *conditions = getenv("K4A_VIRTUAL_CONDITIONS");
  const char *control = getenv("K4A_VIRTUAL_CONTROL");
  permanent = strdup(conditions ? conditions : "");
  path = control ? strdup(control) : NULL;
}

static void refresh(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, read_environment);
  int64_t now = monotonic_ns();
  if (read_at && now - read_at < READ_EVERY_NS) return;
  read_at = now;
  strcpy(words, " ");
  append(permanent);
  FILE *file = path ? fopen(path, "re") : NULL;
  if (!file) return;
  char text[SIZE];
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  append(text);
}

// Returns the text after " word" or " position:word" and `end` in the list, NULL if not found.
static const char *find(int position, const char *word, char end) {
  char pattern[160];
  snprintf(pattern, sizeof pattern, " %s%c", word, end);
  const char *found = strstr(words, pattern);
  if (!found) {
    snprintf(pattern, sizeof pattern, " %d:%s%c", position, word, end);
    found = strstr(words, pattern);
  }
  return found ? found + strlen(pattern) : NULL;
}

bool condition(int position, const char *word) {
  pthread_mutex_lock(&lock);
  refresh();
  bool found = find(position, word, ' ') != NULL;
  pthread_mutex_unlock(&lock);
  return found;
}

long condition_number(int position, const char *word) {
  pthread_mutex_lock(&lock);
  refresh();
  const char *number = find(position, word, '=');
  long result = number ? strtol(number, NULL, 10) : 0;
  pthread_mutex_unlock(&lock);
  return result;
}

void hang(int position, const char *function) {
  char word[128];
  snprintf(word, sizeof word, "hang:%s", function);
  while (condition(position, word)) usleep(20000);
}

bool must_fail(int position, const char *function) {
  char word[128];
  hang(position, function);
  snprintf(word, sizeof word, "fail:%s", function);
  return condition(position, word);
}

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

// What is wrong with the virtual devices just now: the words in the environment variable
// K4A_VIRTUAL_CONDITIONS and in the file that K4A_VIRTUAL_CONTROL names, which is read again and
// again. "word" is for all cameras, "1:word" for the one at position 1 of K4A_VIRTUAL_RECORDING.

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual.h"

enum { SIZE = 4096, READ_EVERY_NS = 2000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char words[2 * SIZE];  // separated by single spaces, one at either end
static int64_t read_at;
static char *always, *path;

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

// Once: another thread may change the environment while this one plays.
static void read_environment(void) {
  const char *always_text = getenv("K4A_VIRTUAL_CONDITIONS");
  const char *control = getenv("K4A_VIRTUAL_CONTROL");
  always = strdup(always_text ? always_text : "");
  path = control ? strdup(control) : NULL;
}

static void refresh(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, read_environment);
  int64_t now = monotonic_ns();
  if (read_at && now - read_at < READ_EVERY_NS) return;
  read_at = now;
  strcpy(words, " ");
  append(always);
  FILE *file = path ? fopen(path, "re") : NULL;
  if (!file) return;
  char text[SIZE];
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  append(text);
}

// Returns what follows " word" or " position:word" in the list, NULL where it is not there.
static const char *find(int position, const char *word, char end) {
  char wanted[160];
  snprintf(wanted, sizeof wanted, " %s%c", word, end);
  const char *found = strstr(words, wanted);
  if (!found) {
    snprintf(wanted, sizeof wanted, " %d:%s%c", position, word, end);
    found = strstr(words, wanted);
  }
  return found ? found + strlen(wanted) : NULL;
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

bool fails(int position, const char *function) {
  char word[128];
  snprintf(word, sizeof word, "fail:%s", function);
  return condition(position, word);
}

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

// USB resets: a program that resets any USB device unplugs all cameras for a moment, through the file
// named by K4A_VIRTUAL_CONTROL.

#include <dlfcn.h>
#include <linux/usbdevice_fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "virtual.h"

enum { UNPLUGGED_US = 500000 };

__attribute__((visibility("default"))) int ioctl(int file, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  const char *path = getenv("K4A_VIRTUAL_CONTROL");
  if (request != USBDEVFS_RESET || !path) {
    int (*next)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return next(file, request, argument);
  }
  FILE *control = fopen(path, "we");
  if (!control) return -1;
  fputs("unplugged", control);
  fclose(control);
  usleep(UNPLUGGED_US);
  return remove(path);
}

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

// Controls of the color camera: ranges, defaults and exposure times of the SDK
// (src/color/color_priv.h, tests/ColorTests), or of Orbbec's cameras.

#include "virtual.h"

enum { EXPOSURE, PRIORITY, WHITE_BALANCE = 6, BACKLIGHT, GAIN, POWERLINE };

static const struct {
  bool automatic;
  int32_t minimum, maximum, step, default_value;
  const char *name;
} table[CONTROLS] = {
    {true, 500, 133330, 100, 33330, "exposure time abs"},
    {false, 0, 1, 1, 0, "auto exposure priority"},
    {false, 0, 255, 1, 128, "brightness"},
    {false, 0, 10, 1, 5, "contrast"},
    {false, 0, 63, 1, 32, "saturation"},
    {false, 0, 4, 1, 2, "sharpness"},
    {true, 2500, 12500, 10, 4500, "white balance temperature"},
    {false, 0, 1, 1, 0, "backlight compensation"},
    {false, 0, 255, 1, 128, "gain"},
    {false, 1, 2, 1, 2, "powerline frequency"},
};

// exposure times in microseconds at powerline frequencies of 50 and 60 Hz
static const int32_t exposures[][2] = {
    {500, 500},     {1250, 1250},   {2500, 2500},   {10000, 8330},    {20000, 16670},
    {30000, 33330}, {40000, 41670}, {50000, 50000}, {60000, 66670},   {80000, 83330},
    {100000, 100000}, {120000, 116670}, {130000, 133330},
};
enum { EXPOSURES = sizeof exposures / sizeof *exposures };

static int32_t rounded_exposure(int32_t minimum_us, bool at_60_hz) {
  for (int i = 0; i < EXPOSURES; i++)
    if (minimum_us <= exposures[i][at_60_hz]) return exposures[i][at_60_hz];
  return exposures[EXPOSURES - 1][at_60_hz];
}

void controls_reset(controls *all) {
  for (int i = 0; i < CONTROLS; i++) {
    all->value[i] = table[i].default_value;
    all->mode[i] = table[i].automatic ? AUTO : MANUAL;
  }
}

static bool known(bool orbbec, int command) {
  if (command < 0 || command >= CONTROLS || command == PRIORITY ||
      (orbbec && command == BACKLIGHT)) {
    sdk_log(ERROR, "uvc_camerareader.cpp", "Unsupported control: %d\n", command);
    return false;
  }
  return true;
}

int controls_capability(const controls *all, bool orbbec, int command, bool *supports_auto,
                        int32_t *minimum, int32_t *maximum, int32_t *step, int32_t *default_value,
                        int *default_mode) {
  if (!known(orbbec, command)) return FAILED;
  *supports_auto = table[command].automatic;
  *minimum = table[command].minimum;
  *maximum = table[command].maximum;
  *step = table[command].step;
  *default_value = table[command].default_value;
  *default_mode = table[command].automatic ? AUTO : MANUAL;
  if (command == EXPOSURE && !orbbec) {
    bool at_60_hz = all->value[POWERLINE] == 2;
    *maximum = exposures[EXPOSURES - 1][at_60_hz];
    *default_value = at_60_hz ? 33330 : 30000;
  }
  return SUCCEEDED;
}

int controls_get(const controls *all, bool orbbec, int command, int *mode, int32_t *value) {
  if (!known(orbbec, command)) return FAILED;
  *mode = all->mode[command];
  *value = all->value[command];
  return SUCCEEDED;
}

int controls_set(controls *all, bool orbbec, int command, int mode, int32_t value) {
  if (!known(orbbec, command)) return FAILED;
  if (mode != MANUAL && !(mode == AUTO && table[command].automatic)) {
    sdk_log(ERROR, "uvc_camerareader.cpp", "Invalid color control mode\n");
    return FAILED;
  }
  bool from_table = command == EXPOSURE && !orbbec;
  if (mode == MANUAL && !from_table &&
      (value < table[command].minimum || value > table[command].maximum)) {
    sdk_log(ERROR, "uvc_camerareader.cpp", "Failed to set %s: %s", table[command].name, "Pipe");
    return FAILED;
  }
  all->mode[command] = mode;
  if (mode == MANUAL) {
    if (from_table) value = rounded_exposure(value, all->value[POWERLINE] == 2);
    all->value[command] = value - (from_table ? 0 : (value - table[command].minimum) %
                                                    table[command].step);
  }
  if (command == POWERLINE && !orbbec)
    for (int i = 0; i < EXPOSURES; i++)
      if (all->value[EXPOSURE] == exposures[i][value == 1]) {
        all->value[EXPOSURE] = exposures[i][value == 2];
        break;
      }
  return SUCCEEDED;
}

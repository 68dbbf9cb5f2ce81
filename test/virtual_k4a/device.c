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

// A virtual Azure Kinect at the ABI of libk4a: the k4a_device_* calls, and nothing else. Images,
// captures, calibrations, transformations and recordings stay those of the real libraries.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual.h"

#define EXPORT __attribute__((visibility("default")))

static bool is(const device *it, const char *word) {
  return condition(it->slot->position, word);
}

// Whether the call fails, because the camera is gone or because the conditions say so.
static bool out_of_order(device *it, const char *function) {
  if (it->lost || is(it, "unplugged")) {
    say(ERROR, "usbcommand.c", "Error calling libusb_bulk_transfer for tx, result:%s",
        "LIBUSB_ERROR_NO_DEVICE");
    return true;
  }
  if (!fails(it->slot->position, function)) return false;
  say(ERROR, "virtual_k4a.c", "%s fails, as K4A_VIRTUAL_CONTROL wants it", function);
  return true;
}

EXPORT uint32_t k4a_device_get_installed_count(void) { return plugged_count(); }

static int refused(const char *call, const char *reason) {
  say(ERROR, "usbcommand.c", "%s returned %s in usb_cmd_create", call, reason);
  return FAILED;
}

EXPORT int k4a_device_open(uint32_t index, handle *result) {
  if (!result || !find_real()) return FAILED;
  slot *where = plugged_slot(index);
  if (!where) return refused("find_libusb_device", "LIBUSB_ERROR_NOT_FOUND");
  if (condition(where->position, "forbidden"))
    return refused("libusb_open", "LIBUSB_ERROR_ACCESS");
  if (!claim(where)) return refused("libusb_claim_interface", "LIBUSB_ERROR_BUSY");
  device *it = calloc(1, sizeof *it);
  it->slot = where;
  bool opened = !fails(where->position, "k4a_device_open") &&
                real.k4a_playback_open(where->file[0], &it->header) == SUCCEEDED;
  if (opened && player_open(it)) {
    *result = where->open = it;
    return SUCCEEDED;
  }
  if (opened) real.k4a_playback_close(it->header);
  free(it);
  give_back(where);
  return refused("opening the recording", "LIBUSB_ERROR_IO");
}

EXPORT void k4a_device_stop_imu(handle opened) {
  device *it = opened;
  pthread_mutex_lock(&it->lock);
  it->imu = false;
  it->sample_count = 0;
  pthread_cond_broadcast(&it->sample_came);
  pthread_mutex_unlock(&it->lock);
}

EXPORT void k4a_device_stop_cameras(handle opened) {
  device *it = opened;
  pthread_mutex_lock(&it->lock);
  player_stop(it);
  pthread_mutex_unlock(&it->lock);
}

EXPORT void k4a_device_close(handle opened) {
  device *it = opened;
  k4a_device_stop_imu(it);
  k4a_device_stop_cameras(it);
  player_close(it);
  real.k4a_playback_close(it->header);
  give_back(it->slot);
  free(it);
}

EXPORT int k4a_device_get_serialnum(handle opened, char *text, size_t *size) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  return real.k4a_playback_get_tag(it->header, "K4A_DEVICE_SERIAL_NUMBER", text, size);
}

static version tagged_version(device *it, const char *tag, version otherwise) {
  char text[64];
  size_t size = sizeof text;
  version found;
  if (real.k4a_playback_get_tag(it->header, tag, text, &size) == SUCCEEDED &&
      sscanf(text, "%u.%u.%u", &found.major, &found.minor, &found.iteration) == 3)
    return found;
  return otherwise;
}

EXPORT int k4a_device_get_version(handle opened, hardware_version *result) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  *result = (hardware_version){
      .rgb = tagged_version(it, "K4A_COLOR_FIRMWARE_VERSION", (version){1, 6, 110}),
      .depth = tagged_version(it, "K4A_DEPTH_FIRMWARE_VERSION", (version){1, 6, 80}),
      .audio = {1, 6, 14}, .depth_sensor = {6109, 7, 0}};
  return SUCCEEDED;
}

EXPORT int k4a_device_get_raw_calibration(handle opened, uint8_t *data, size_t *size) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  return real.k4a_playback_get_raw_calibration(it->header, data, size);
}

EXPORT int k4a_device_get_calibration(handle opened, int depth_mode, int color_resolution,
                                      void *calibration) {
  device *it = opened;
  size_t size = 0;
  if (out_of_order(it, __func__)) return FAILED;
  real.k4a_playback_get_raw_calibration(it->header, NULL, &size);
  char *raw = malloc(size);
  real.k4a_playback_get_raw_calibration(it->header, (uint8_t *)raw, &size);
  int result =
      real.k4a_calibration_get_from_raw(raw, size, depth_mode, color_resolution, calibration);
  free(raw);
  return result;
}

EXPORT int k4a_device_get_sync_jack(handle opened, bool *sync_in, bool *sync_out) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  *sync_in = is(it, "sync-in") && !is(it, "orbbec");
  *sync_out = is(it, "sync-out") && !is(it, "orbbec");
  return SUCCEEDED;
}

static bool depth_engine(device *it) {
  if (is(it, "no-depth-engine")) {
    say(ERROR, "deloader.cpp", "Failed to Load Depth Engine Plugin (%s). Depth functionality "
                               "will not work", "depthengine");
    say(ERROR, "deloader.cpp", "Make sure the depth engine plugin is in your loaders path");
    return false;
  }
  if (!is(it, "no-opengl")) return true;
  say(ERROR, "dewrapper.c", "Depth engine create and initialize failed with error code: %d.",
      204);
  say(ERROR, "dewrapper.c", "OpenGL 4.4 context creation failed. You could try updating your "
                            "graphics drivers.");
  say(ERROR, "dewrapper.c", "Depth Engine thread failed to start");
  return false;
}

EXPORT int k4a_device_start_cameras(handle opened, const configuration *wanted) {
  device *it = opened;
  if (!wanted || out_of_order(it, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  bool right = !it->cameras && !it->imu;
  if (it->cameras)
    say(ERROR, "k4a.c", "k4a_device_start_cameras called while one of the sensors are running, "
                        "depth:%d color:%d", 1, 1);
  if (it->imu)
    say(ERROR, "k4a.c", "k4a_device_start_cameras called while the IMU is running is not "
                        "supported, stop the IMU");
  right = right && valid_configuration(wanted, is(it, "orbbec"), is(it, "sync-in"),
                                       is(it, "sync-out"));
  right = right && (!wanted->depth_mode || depth_engine(it)) && player_start(it, wanted);
  pthread_mutex_unlock(&it->lock);
  return right ? SUCCEEDED : FAILED;
}

EXPORT int k4a_device_start_imu(handle opened) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  bool right = !it->imu && (it->cameras || is(it, "orbbec"));
  if (!right)
    say(ERROR, "k4a.c", "k4a_device_start_imu called while the color/depth camera is not running "
                        "is not supported");
  it->imu = it->imu || right;
  pthread_mutex_unlock(&it->lock);
  return right ? SUCCEEDED : FAILED;
}

// Waits until something is in a queue; the device is locked.
static int await(device *it, pthread_cond_t *came, const int *count, const bool *streaming,
                 int32_t ms, const char *queue) {
  int64_t until = monotonic_ns() + ms * 1000000LL;
  struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
  int expired = ms == 0;
  if (!*streaming || it->lost) {
    say(ERROR, "queue.c", "Queue \"%s\" was popped in a disabled state.", queue);
    return FAILED;
  }
  it->waiting++;
  while (!*count && *streaming && !it->lost && !expired)
    expired = ms < 0 ? pthread_cond_wait(came, &it->lock)
                     : pthread_cond_timedwait(came, &it->lock, &at);
  it->waiting--;
  pthread_cond_broadcast(&it->left);
  if (!*streaming || it->lost) return FAILED;
  if (*count) return SUCCEEDED;
  if (is(it, "orbbec")) say(WARNING, "ob_k4a_impl.cpp", "%s: time-out", queue);
  return TIMEOUT;
}

static void tell_dropped(const char *queue, int *dropped) {
  if (*dropped)
    say(INFO, "queue.c", "Queue \"%s\" dropped oldest %d captures from queue.", queue, *dropped);
  *dropped = 0;
}

EXPORT int k4a_device_get_capture(handle opened, handle *capture, int32_t ms) {
  device *it = opened;
  if (!capture || fails(it->slot->position, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  int result = await(it, &it->capture_came, &it->capture_count, &it->cameras, ms, "Queue_capture");
  if (result == SUCCEEDED) {
    *capture = it->captures[it->first_capture];
    it->first_capture = (it->first_capture + 1) % CAPTURE_QUEUE;
    it->capture_count--;
  }
  tell_dropped("Queue_capture", &it->dropped_captures);
  pthread_mutex_unlock(&it->lock);
  return result;
}

EXPORT int k4a_device_get_imu_sample(handle opened, imu_sample *sample, int32_t ms) {
  device *it = opened;
  if (!sample || fails(it->slot->position, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  int result = await(it, &it->sample_came, &it->sample_count, &it->imu, ms, "Queue_imu");
  if (result == SUCCEEDED) {
    *sample = it->samples[it->first_sample];
    it->first_sample = (it->first_sample + 1) % IMU_QUEUE;
    it->sample_count--;
  }
  tell_dropped("Queue_imu", &it->dropped_samples);
  pthread_mutex_unlock(&it->lock);
  return result;
}

EXPORT int k4a_device_get_color_control_capabilities(
    handle opened, int command, bool *supports_auto, int32_t *minimum, int32_t *maximum,
    int32_t *step, int32_t *fallback, int *fallback_mode) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  return controls_capability(&it->slot->color, is(it, "orbbec"), command, supports_auto, minimum,
                             maximum, step, fallback, fallback_mode);
}

EXPORT int k4a_device_get_color_control(handle opened, int command, int *mode, int32_t *value) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  int result = controls_get(&it->slot->color, is(it, "orbbec"), command, mode, value);
  pthread_mutex_unlock(&it->lock);
  return result;
}

EXPORT int k4a_device_set_color_control(handle opened, int command, int mode, int32_t value) {
  device *it = opened;
  if (out_of_order(it, __func__)) return FAILED;
  pthread_mutex_lock(&it->lock);
  int result = controls_set(&it->slot->color, is(it, "orbbec"), command, mode, value);
  pthread_mutex_unlock(&it->lock);
  return result;
}

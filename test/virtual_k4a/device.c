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

// The k4a_device_* functions of libk4a, for virtual cameras. Images, captures, calibrations,
// transformations and recordings remain those of the real libraries.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtual.h"

#define EXPORT __attribute__((visibility("default")))

static bool has(const device *dev, const char *word) {
  return condition(dev->slot->position, word);
}

// Whether a call fails, because the camera is unplugged or because of a "fail:" condition.
static bool call_fails(device *dev, const char *function) {
  pthread_mutex_lock(&dev->lock);
  if (has(dev, "unplugged")) player_lose(dev);
  bool lost = dev->lost;
  pthread_mutex_unlock(&dev->lock);
  if (lost) {
    sdk_log(ERROR, "usbcommand.c", "Error calling libusb_bulk_transfer for tx, result:%s",
        "LIBUSB_ERROR_NO_DEVICE");
    return true;
  }
  if (!must_fail(dev->slot->position, function)) return false;
  sdk_log(ERROR, "virtual_k4a.c", "%s fails because of a fault condition", function);
  return true;
}

EXPORT uint32_t k4a_device_get_installed_count(void) { return plugged_count(); }

static int open_failed(const char *call, const char *reason) {
  sdk_log(ERROR, "usbcommand.c", "%s returned %s in usb_cmd_create", call, reason);
  return FAILED;
}

EXPORT int k4a_device_open(uint32_t index, handle *result) {
  if (!result || !find_real()) return FAILED;
  slot *camera = plugged_slot(index);
  if (!camera) return open_failed("find_libusb_device", "LIBUSB_ERROR_NOT_FOUND");
  if (condition(camera->position, "forbidden"))
    return open_failed("libusb_open", "LIBUSB_ERROR_ACCESS");
  if (!lock_slot(camera)) return open_failed("libusb_claim_interface", "LIBUSB_ERROR_BUSY");
  device *dev = calloc(1, sizeof *dev);
  dev->slot = camera;
  placement before = stay_on_one_processor();
  bool opened = !must_fail(camera->position, "k4a_device_open") &&
                real.k4a_playback_open(camera->file[0], &dev->header) == SUCCEEDED;
  move_back(&before);
  if (opened && player_open(dev)) {
    *result = camera->open = dev;
    return SUCCEEDED;
  }
  if (opened) real.k4a_playback_close(dev->header);
  free(dev);
  unlock_slot(camera);
  return open_failed("opening the recording", "LIBUSB_ERROR_IO");
}

EXPORT void k4a_device_stop_imu(handle opened) {
  device *dev = opened;
  hang(dev->slot->position, __func__);
  pthread_mutex_lock(&dev->lock);
  dev->imu = false;
  dev->sample_count = 0;
  pthread_cond_broadcast(&dev->sample_arrived);
  pthread_mutex_unlock(&dev->lock);
}

EXPORT void k4a_device_stop_cameras(handle opened) {
  device *dev = opened;
  hang(dev->slot->position, __func__);
  pthread_mutex_lock(&dev->lock);
  player_stop(dev);
  pthread_mutex_unlock(&dev->lock);
}

EXPORT void k4a_device_close(handle opened) {
  device *dev = opened;
  hang(dev->slot->position, __func__);
  k4a_device_stop_imu(dev);
  k4a_device_stop_cameras(dev);
  player_close(dev);
  real.k4a_playback_close(dev->header);
  unlock_slot(dev->slot);
  free(dev);
}

EXPORT int k4a_device_get_serialnum(handle opened, char *text, size_t *size) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  return real.k4a_playback_get_tag(dev->header, "K4A_DEVICE_SERIAL_NUMBER", text, size);
}

static version tagged_version(device *dev, const char *tag, version otherwise) {
  char text[64];
  size_t size = sizeof text;
  version found;
  if (real.k4a_playback_get_tag(dev->header, tag, text, &size) == SUCCEEDED &&
      sscanf(text, "%u.%u.%u", &found.major, &found.minor, &found.iteration) == 3)
    return found;
  return otherwise;
}

EXPORT int k4a_device_get_version(handle opened, hardware_version *result) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  *result = (hardware_version){
      .rgb = tagged_version(dev, "K4A_COLOR_FIRMWARE_VERSION", (version){1, 6, 110}),
      .depth = tagged_version(dev, "K4A_DEPTH_FIRMWARE_VERSION", (version){1, 6, 80}),
      .audio = {1, 6, 14}, .depth_sensor = {6109, 7, 0}};
  return SUCCEEDED;
}

EXPORT int k4a_device_get_raw_calibration(handle opened, uint8_t *data, size_t *size) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  return real.k4a_playback_get_raw_calibration(dev->header, data, size);
}

EXPORT int k4a_device_get_calibration(handle opened, int depth_mode, int color_resolution,
                                      void *calibration) {
  device *dev = opened;
  size_t size = 0;
  if (call_fails(dev, __func__)) return FAILED;
  real.k4a_playback_get_raw_calibration(dev->header, NULL, &size);
  char *raw = malloc(size);
  real.k4a_playback_get_raw_calibration(dev->header, (uint8_t *)raw, &size);
  int result =
      real.k4a_calibration_get_from_raw(raw, size, depth_mode, color_resolution, calibration);
  free(raw);
  return result;
}

EXPORT int k4a_device_get_sync_jack(handle opened, bool *sync_in, bool *sync_out) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  *sync_in = has(dev, "sync-in") && !has(dev, "orbbec");
  *sync_out = has(dev, "sync-out") && !has(dev, "orbbec");
  return SUCCEEDED;
}

static bool depth_engine(device *dev) {
  if (has(dev, "no-depth-engine")) {
    sdk_log(ERROR, "deloader.cpp", "Failed to Load Depth Engine Plugin (%s). Depth functionality "
                               "will not work", "depthengine");
    sdk_log(ERROR, "deloader.cpp", "Make sure the depth engine plugin is in your loaders path");
    return false;
  }
  if (!has(dev, "no-opengl")) return true;
  sdk_log(ERROR, "dewrapper.c", "Depth engine create and initialize failed with error code: %d.",
      204);
  sdk_log(ERROR, "dewrapper.c", "OpenGL 4.4 context creation failed. You could try updating your "
                            "graphics drivers.");
  sdk_log(ERROR, "dewrapper.c", "Depth Engine thread failed to start");
  return false;
}

EXPORT int k4a_device_start_cameras(handle opened, const configuration *wanted) {
  device *dev = opened;
  if (!wanted || call_fails(dev, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  bool valid = !dev->cameras && !dev->imu;
  if (dev->cameras)
    sdk_log(ERROR, "k4a.c", "k4a_device_start_cameras called while one of the sensors are running, "
                        "depth:%d color:%d", 1, 1);
  if (dev->imu)
    sdk_log(ERROR, "k4a.c", "k4a_device_start_cameras called while the IMU is running is not "
                        "supported, stop the IMU");
  valid = valid && valid_configuration(wanted, has(dev, "orbbec"), has(dev, "sync-in"),
                                       has(dev, "sync-out"));
  valid = valid && (!wanted->depth_mode || depth_engine(dev)) && player_start(dev, wanted);
  if (valid && has(dev, "forgets-controls")) controls_reset(&dev->slot->color);
  pthread_mutex_unlock(&dev->lock);
  return valid ? SUCCEEDED : FAILED;
}

EXPORT int k4a_device_start_imu(handle opened) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  bool valid = !dev->imu && (dev->cameras || has(dev, "orbbec"));
  if (!valid)
    sdk_log(ERROR, "k4a.c", "k4a_device_start_imu called while the color/depth camera is not "
                            "running is not supported");
  dev->imu = dev->imu || valid;
  if (valid) dev->imu_stopped = false;
  pthread_mutex_unlock(&dev->lock);
  return valid ? SUCCEEDED : FAILED;
}

// Waits until a queue has an item; the device is locked.
static int wait_for_item(device *dev, pthread_cond_t *arrived, const int *count,
                         const bool *streaming, int32_t ms, const char *queue) {
  int64_t until = monotonic_ns() + ms * 1000000LL;
  struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
  int expired = ms == 0;
  if (!*streaming || dev->lost) {
    sdk_log(ERROR, "queue.c", "Queue \"%s\" was popped in a disabled state.", queue);
    return FAILED;
  }
  dev->waiting++;
  while (!*count && *streaming && !dev->lost && !expired)
    expired = ms < 0 ? pthread_cond_wait(arrived, &dev->lock)
                     : pthread_cond_timedwait(arrived, &dev->lock, &at);
  dev->waiting--;
  pthread_cond_broadcast(&dev->waiter_left);
  if (!*streaming || dev->lost) return FAILED;
  if (*count) return SUCCEEDED;
  if (has(dev, "orbbec")) sdk_log(WARNING, "ob_k4a_impl.cpp", "frame_queue_pop timeout");
  return TIMEOUT;
}

static void log_dropped(const char *queue, int *dropped) {
  if (*dropped)
    sdk_log(INFO, "queue.c", "Queue \"%s\" dropped oldest %d captures from queue.", queue,
            *dropped);
  *dropped = 0;
}

EXPORT int k4a_device_get_capture(handle opened, handle *capture, int32_t ms) {
  device *dev = opened;
  if (!capture || must_fail(dev->slot->position, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  int result = wait_for_item(dev, &dev->capture_arrived, &dev->capture_count, &dev->cameras, ms,
                             "Queue_capture");
  if (result == SUCCEEDED) {
    *capture = dev->captures[dev->first_capture];
    dev->first_capture = (dev->first_capture + 1) % CAPTURE_QUEUE;
    dev->capture_count--;
  }
  log_dropped("Queue_capture", &dev->dropped_captures);
  pthread_mutex_unlock(&dev->lock);
  return result;
}

EXPORT int k4a_device_get_imu_sample(handle opened, imu_sample *sample, int32_t ms) {
  device *dev = opened;
  if (!sample || must_fail(dev->slot->position, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  int result = wait_for_item(dev, &dev->sample_arrived, &dev->sample_count, &dev->imu, ms,
                             "Queue_imu");
  if (result == SUCCEEDED) {
    *sample = dev->samples[dev->first_sample];
    dev->first_sample = (dev->first_sample + 1) % IMU_QUEUE;
    dev->sample_count--;
  }
  log_dropped("Queue_imu", &dev->dropped_samples);
  pthread_mutex_unlock(&dev->lock);
  return result;
}

EXPORT int k4a_device_get_color_control_capabilities(
    handle opened, int command, bool *supports_auto, int32_t *minimum, int32_t *maximum,
    int32_t *step, int32_t *default_value, int *default_mode) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  return controls_capability(&dev->slot->color, has(dev, "orbbec"), command, supports_auto, minimum,
                             maximum, step, default_value, default_mode);
}

EXPORT int k4a_device_get_color_control(handle opened, int command, int *mode, int32_t *value) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  int result = controls_get(&dev->slot->color, has(dev, "orbbec"), command, mode, value);
  pthread_mutex_unlock(&dev->lock);
  return result;
}

EXPORT int k4a_device_set_color_control(handle opened, int command, int mode, int32_t value) {
  device *dev = opened;
  if (call_fails(dev, __func__)) return FAILED;
  pthread_mutex_lock(&dev->lock);
  int result = controls_set(&dev->slot->color, has(dev, "orbbec"), command, mode, value);
  // a letter, since lines that differ only in numbers count as similar, and are suppressed
  sdk_log(INFO, "color.cpp", "control %c is now %d, cameras %s%s", 'a' + command, value,
          dev->cameras ? "running" : "stopped",
          has(dev, "forgets-controls") ? " and forgetful" : "");
  pthread_mutex_unlock(&dev->lock);
  return result;
}

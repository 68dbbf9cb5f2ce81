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

// Plays a recording in real time into the queues of a camera, as USB and the SDK's threads do. A
// full queue drops its oldest item (SDK: queue.c).

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "virtual.h"

enum { POLL_NS = 4000000 };       // interval in which conditions are checked
enum { START_NS = 60000000 };     // delay of the first image
enum { IMU_BURST_US = 4800 };     // eight IMU samples
enum { ORBBEC_IMU_US = 2000 };    // 500 Hz
static const float TEMPERATURE = 38.5f, IMU_TEMPERATURE = 31.5f;

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static bool has(const device *dev, const char *word) {
  return condition(dev->slot->position, word);
}

// ---- the recording

// Sets the timestamps of the first and the last image of a capture, -1 if it has no image.
static void times_us(handle capture, int64_t *first, int64_t *last) {
  handle images[] = {real.k4a_capture_get_depth_image(capture),
                     real.k4a_capture_get_ir_image(capture),
                     real.k4a_capture_get_color_image(capture)};
  *first = *last = -1;
  for (int i = 0; i < 3; i++)
    if (images[i]) {
      int64_t us = real.k4a_image_get_device_timestamp_usec(images[i]);
      if (us > *last) *last = us;
      if (*first < 0 || us < *first) *first = us;
      real.k4a_image_release(images[i]);
    }
}

static void read_capture(device *dev) {
  dev->capture = NULL;
  while (real.k4a_playback_get_next_capture(dev->playback, &dev->capture) == SUCCEEDED) {
    times_us(dev->capture, &dev->first_image_us, &dev->capture_us);
    if (dev->capture_us >= 0) return;
    real.k4a_capture_release(dev->capture);
  }
  dev->capture = NULL;
}

static void read_sample(device *dev) {
  dev->have_sample =
      real.k4a_playback_get_next_imu_sample(dev->playback, &dev->sample) == SUCCEEDED;
}

static void read_next(device *dev) {
  read_capture(dev);
  read_sample(dev);
}

// ---- the queues (the device is locked)

static void drop_all(device *dev) {
  for (; dev->capture_count; dev->capture_count--) {
    real.k4a_capture_release(dev->captures[dev->first_capture]);
    dev->first_capture = (dev->first_capture + 1) % CAPTURE_QUEUE;
  }
  dev->sample_count = dev->dropped_captures = dev->dropped_samples = 0;
}

static void push_capture(device *dev, handle capture) {
  if (dev->capture_count == CAPTURE_QUEUE) {
    real.k4a_capture_release(dev->captures[dev->first_capture]);
    dev->first_capture = (dev->first_capture + 1) % CAPTURE_QUEUE;
    dev->capture_count--;
    dev->dropped_captures++;
  }
  dev->captures[(dev->first_capture + dev->capture_count++) % CAPTURE_QUEUE] = capture;
  pthread_cond_broadcast(&dev->capture_arrived);
}

static void push_sample(device *dev, const imu_sample *sample) {
  if (dev->sample_count == IMU_QUEUE) {
    dev->first_sample = (dev->first_sample + 1) % IMU_QUEUE;
    dev->sample_count--;
    dev->dropped_samples++;
  }
  dev->samples[(dev->first_sample + dev->sample_count++) % IMU_QUEUE] = *sample;
  pthread_cond_broadcast(&dev->sample_arrived);
}

// ---- from the recording to the queues

static void free_buffer(void *buffer, void *context) {
  (void)context;
  free(buffer);
}

// Returns a copy of an image of the recording with new timestamps. The SDK copies every frame out
// of the USB buffers, too, so that references to an image do not keep the buffers alive.
static handle live_image(const device *dev, handle from, uint64_t system_ns) {
  handle image = NULL;
  size_t size = real.k4a_image_get_size(from);
  uint8_t *buffer = malloc(size);
  memcpy(buffer, real.k4a_image_get_buffer(from), size);
  real.k4a_image_create_from_buffer(
      real.k4a_image_get_format(from), real.k4a_image_get_width_pixels(from),
      real.k4a_image_get_height_pixels(from), real.k4a_image_get_stride_bytes(from), buffer, size,
      free_buffer, NULL, &image);
  real.k4a_image_set_device_timestamp_usec(
      image, real.k4a_image_get_device_timestamp_usec(from) + dev->shift_us);
  real.k4a_image_set_system_timestamp_nsec(image, system_ns);
  return image;
}

static void stamp_color(const device *dev, handle image) {
  int32_t exposure = dev->slot->color.value[0], longest = period_us(dev->mode.camera_fps);
  real.k4a_image_set_exposure_usec(image, exposure < longest ? exposure : longest);
  real.k4a_image_set_white_balance(image, dev->slot->color.value[6]);
  real.k4a_image_set_iso_speed(image, 100 + dev->slot->color.value[8]);
}

// Returns a capture of the images that configuration and conditions allow; NULL if there are none.
static handle live_capture(device *dev, handle from) {
  bool orbbec = has(dev, "orbbec");
  uint64_t now = orbbec ? clock_ns(CLOCK_REALTIME) / 1000000 * 1000000 : monotonic_ns();
  bool want_depth = dev->mode.depth_mode && !has(dev, "no-depth");
  bool want_color = dev->mode.color_resolution && !has(dev, "no-color") &&
                    !dev->color_stopped;
  handle depth = real.k4a_capture_get_depth_image(from),
         ir = real.k4a_capture_get_ir_image(from),
         color = real.k4a_capture_get_color_image(from), result = NULL;
  bool complete = want_color && color && want_depth && (depth || ir);
  bool any = (want_color && color) || (want_depth && (depth || ir));
  if (dev->mode.synchronized_images_only ? complete : any) {
    real.k4a_capture_create(&result);
    if (!orbbec) real.k4a_capture_set_temperature_c(result, TEMPERATURE);
    if (want_depth && depth) {
      handle image = live_image(dev, depth, now);
      real.k4a_capture_set_depth_image(result, image);
      real.k4a_image_release(image);
    }
    if (want_depth && ir) {
      handle image = live_image(dev, ir, now);
      real.k4a_capture_set_ir_image(result, image);
      real.k4a_image_release(image);
    }
    if (want_color && color) {
      handle image = live_image(dev, color, now);
      if (!orbbec) stamp_color(dev, image);
      real.k4a_capture_set_color_image(result, image);
      real.k4a_image_release(image);
    }
  }
  if (depth) real.k4a_image_release(depth);
  if (ir) real.k4a_image_release(ir);
  if (color) real.k4a_image_release(color);
  return result;
}

static void deliver_capture(device *dev) {
  bool no_pulse = dev->mode.wired_sync_mode == SUBORDINATE && has(dev, "no-pulse");
  handle result = no_pulse || has(dev, "silent") ? NULL : live_capture(dev, dev->capture);
  if (result) push_capture(dev, result);
  real.k4a_capture_release(dev->capture);
  read_capture(dev);
}

static void deliver_sample(device *dev) {
  imu_sample sample = dev->sample;
  int64_t us = (int64_t)sample.acc_us + dev->pass_us;
  bool skipped = has(dev, "orbbec") && us < dev->next_sample_us;
  if (dev->imu && !dev->imu_stopped && !skipped && !has(dev, "silent") && !has(dev, "silent-imu")) {
    if (us - dev->next_sample_us > ORBBEC_IMU_US) dev->next_sample_us = us;
    dev->next_sample_us += ORBBEC_IMU_US;
    sample.acc_us += dev->shift_us;
    sample.gyro_us += dev->shift_us;
    sample.temperature = IMU_TEMPERATURE;
    push_sample(dev, &sample);
  }
  read_sample(dev);
}

// Returns the arrival time of the next item, CLOCK_MONOTONIC; sets whether it is a capture.
static int64_t next_arrival_ns(const device *dev, bool *capture) {
  int64_t capture_us = dev->capture_us - dev->first_us;
  int64_t sample_us =
      ((int64_t)dev->sample.acc_us - dev->first_us) / IMU_BURST_US * IMU_BURST_US + IMU_BURST_US;
  *capture = dev->capture && (!dev->have_sample || capture_us <= sample_us);
  return dev->start_ns + (dev->pass_us + (*capture ? capture_us : sample_us)) * 1000;
}

static bool open_mode(device *dev, const configuration *wanted) {
  for (int i = 0; i < dev->slot->files; i++) {
    record_configuration file;
    handle playback;
    if (real.k4a_playback_open(dev->slot->file[i], &playback) != SUCCEEDED) continue;
    real.k4a_playback_get_record_configuration(playback, &file);
    if (recording_has(&file, wanted)) {
      if (wanted->color_resolution && wanted->color_format != file.color_format)
        real.k4a_playback_set_color_conversion(playback, wanted->color_format);
      dev->playback = playback;
      dev->first_us = file.start_timestamp_offset_usec;
      dev->length_us = real.k4a_playback_get_recording_length_usec(playback);
      return true;
    }
    real.k4a_playback_close(playback);
  }
  sdk_log(ERROR, "virtual_k4a.c",
      "no recording of this virtual camera has depth_mode %d, color_resolution %d, color_format "
      "%d and camera_fps %d; add such a recording to K4A_VIRTUAL_RECORDING", wanted->depth_mode,
      wanted->color_resolution, wanted->color_format, wanted->camera_fps);
  return false;
}

// Starts the next pass. The file is reopened, because libk4arecord 1.4.1 may crash if one handle
// reads it twice, for the reason in virtual.h.
static void next_pass(device *dev) {
  int64_t length = dev->length_us + period_us(dev->mode.camera_fps);
  real.k4a_playback_close(dev->playback);
  dev->playback = NULL;
  if (!open_mode(dev, &dev->mode)) return;
  dev->pass_us += length;
  dev->shift_us += length;
  read_next(dev);
}

// Whether a capture, or else an IMU sample, waits for its reader instead of dropping the oldest one
// of a full queue. A reader of one of them alone is not kept waiting for the other: it is assumed
// where the other's queue is empty, unless the program is said to read both.
static bool must_wait(const device *dev, bool capture) {
  bool both = has(dev, "reads-both");
  bool full = capture ? dev->capture_count == CAPTURE_QUEUE &&
                            (!dev->imu || dev->sample_count || both)
                      : dev->sample_count == IMU_QUEUE && dev->imu && (dev->capture_count || both);
  return full && has(dev, "lossless");
}

// Delivers items that have arrived, and returns when to be called again.
static int64_t play(device *dev) {
  int64_t next_poll = monotonic_ns() + POLL_NS;
  if (has(dev, "stalled") || (has(dev, "reads-both") && !dev->imu)) return next_poll;
  long resets = condition_number(dev->slot->position, "reset");
  if (resets != dev->resets) {
    int64_t capture = dev->capture ? dev->first_image_us : INT64_MAX;
    int64_t sample = dev->have_sample ? (int64_t)dev->sample.acc_us : INT64_MAX;
    dev->shift_us = -(sample < capture ? sample : capture);  // timestamps are never negative
    dev->resets = resets;
  }
  long imu_stops = condition_number(dev->slot->position, "imu-stops"),
       color_stops = condition_number(dev->slot->position, "color-stops");
  dev->imu_stopped |= imu_stops && imu_stops != dev->imu_stops;
  dev->color_stopped |= color_stops && color_stops != dev->color_stops;
  dev->imu_stops = imu_stops;
  dev->color_stops = color_stops;
  for (;;) {
    bool capture;
    if (!dev->capture && !dev->have_sample && dev->playback) next_pass(dev);
    if (!dev->capture && !dev->have_sample) return next_poll;
    int64_t at = next_arrival_ns(dev, &capture);
    if (at > monotonic_ns()) return at < next_poll ? at : next_poll;
    if (must_wait(dev, capture)) return next_poll;
    if (capture)
      deliver_capture(dev);
    else
      deliver_sample(dev);
  }
}

// Logs a USB timeout, without further consequences, when the number of the condition changes.
static void log_timeouts(device *dev) {
  long timeouts = condition_number(dev->slot->position, "usb-timeout");
  if (timeouts && timeouts != dev->timeouts)
    sdk_log(WARNING, "usbstreaming.c", "USB timeout on streaming endpoint for %s", "depth");
  dev->timeouts = timeouts;
}

// Wakes up all waiting calls.
static void wake_all(device *dev) {
  pthread_cond_broadcast(&dev->capture_arrived);
  pthread_cond_broadcast(&dev->sample_arrived);
}

void player_lose(device *dev) {
  if (dev->lost) return;
  dev->lost = true;
  drop_all(dev);
  wake_all(dev);
  controls_reset(&dev->slot->color);
  if (!dev->cameras) return;
  sdk_log(ERROR, "usbstreaming.c", "LibUSB transfer status of %08X unexpected", 5);
  sdk_log(WARNING, "capturesync.c", "Capture Error Detected, %s", "Depth ");
}

static void *run(void *context) {
  device *dev = context;
  prctl(PR_SET_NAME, "virtual camera");  // so that its CPU time can be measured separately
  stay_on_one_processor();
  pthread_mutex_lock(&dev->lock);
  while (!dev->closing) {
    int64_t until = monotonic_ns() + POLL_NS;
    if (has(dev, "unplugged")) player_lose(dev);
    if (dev->cameras && !dev->lost) {
      log_timeouts(dev);
      until = play(dev);
    }
    struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_unlock(&dev->lock);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    pthread_mutex_lock(&dev->lock);
  }
  pthread_mutex_unlock(&dev->lock);
  return NULL;
}

bool player_open(device *dev) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&dev->capture_arrived, &monotonic);
  pthread_cond_init(&dev->sample_arrived, &monotonic);
  pthread_cond_init(&dev->waiter_left, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&dev->lock, NULL);
  return pthread_create(&dev->thread, NULL, run, dev) == 0;
}

void player_close(device *dev) {
  pthread_mutex_lock(&dev->lock);
  dev->closing = true;
  pthread_mutex_unlock(&dev->lock);
  pthread_join(dev->thread, NULL);
  pthread_cond_destroy(&dev->capture_arrived);
  pthread_cond_destroy(&dev->sample_arrived);
  pthread_cond_destroy(&dev->waiter_left);
  pthread_mutex_destroy(&dev->lock);
}

static bool open_first(device *dev, const configuration *wanted) {
  placement before = stay_on_one_processor();
  bool opened = open_mode(dev, wanted);
  if (opened) read_next(dev);
  move_back(&before);
  return opened;
}

bool player_start(device *dev, const configuration *wanted) {
  if (!open_first(dev, wanted)) return false;
  dev->mode = *wanted;
  dev->pass_us = dev->shift_us = dev->next_sample_us = 0;
  dev->resets = condition_number(dev->slot->position, "reset");
  dev->imu_stops = condition_number(dev->slot->position, "imu-stops");
  dev->color_stops = condition_number(dev->slot->position, "color-stops");
  dev->color_stopped = false;
  dev->start_ns = monotonic_ns() + START_NS;
  dev->cameras = true;
  return true;
}

void player_stop(device *dev) {
  dev->cameras = false;
  drop_all(dev);
  wake_all(dev);
  while (dev->waiting) pthread_cond_wait(&dev->waiter_left, &dev->lock);
  if (dev->capture) real.k4a_capture_release(dev->capture);
  dev->capture = NULL;
  if (dev->playback) real.k4a_playback_close(dev->playback);
  dev->playback = NULL;
}

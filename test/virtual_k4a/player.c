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

// Plays a recording in real time into the two queues of a camera, as USB and the SDK's own
// threads do: what nobody takes in time is dropped, the oldest first (SDK: queue.c).

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "virtual.h"

enum { LOOK_NS = 4000000 };       // how often the conditions are looked at
enum { START_NS = 60000000 };     // until the first image comes
enum { IMU_BURST_US = 4800 };     // inertial samples come eight at a time
enum { ORBBEC_IMU_US = 2000 };    // 500 Hz
static const float TEMPERATURE = 38.5f, IMU_TEMPERATURE = 31.5f;

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static bool is(const device *it, const char *word) {
  return condition(it->slot->position, word);
}

// ---- the recording

// Sets when the first and the last of a capture's images were taken, -1 where there is none.
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

static void read_capture(device *it) {
  it->capture = NULL;
  while (real.k4a_playback_get_next_capture(it->playback, &it->capture) == SUCCEEDED) {
    times_us(it->capture, &it->first_image_us, &it->capture_us);
    if (it->capture_us >= 0) return;
    real.k4a_capture_release(it->capture);
  }
  it->capture = NULL;
}

static void read_sample(device *it) {
  it->have_sample =
      real.k4a_playback_get_next_imu_sample(it->playback, &it->sample) == SUCCEEDED;
}

static void read_both(device *it) {
  read_capture(it);
  read_sample(it);
}

// ---- the queues; the device is locked

static void drop_all(device *it) {
  for (; it->capture_count; it->capture_count--) {
    real.k4a_capture_release(it->captures[it->first_capture]);
    it->first_capture = (it->first_capture + 1) % CAPTURE_QUEUE;
  }
  it->sample_count = it->dropped_captures = it->dropped_samples = 0;
}

static void push_capture(device *it, handle capture) {
  if (it->capture_count == CAPTURE_QUEUE) {
    real.k4a_capture_release(it->captures[it->first_capture]);
    it->first_capture = (it->first_capture + 1) % CAPTURE_QUEUE;
    it->capture_count--;
    it->dropped_captures++;
  }
  it->captures[(it->first_capture + it->capture_count++) % CAPTURE_QUEUE] = capture;
  pthread_cond_broadcast(&it->capture_came);
}

static void push_sample(device *it, const imu_sample *sample) {
  if (it->sample_count == IMU_QUEUE) {
    it->first_sample = (it->first_sample + 1) % IMU_QUEUE;
    it->sample_count--;
    it->dropped_samples++;
  }
  it->samples[(it->first_sample + it->sample_count++) % IMU_QUEUE] = *sample;
  pthread_cond_broadcast(&it->sample_came);
}

// ---- from the recording to the queues

static void free_buffer(void *buffer, void *context) {
  (void)context;
  free(buffer);
}

// Returns an image of its own, stamped, in place of one of the recording, as the SDK copies every
// frame out of the USB buffers: whoever holds it does not hold parts of the recording.
static handle live_image(const device *it, handle from, uint64_t system_ns) {
  handle image = NULL;
  size_t size = real.k4a_image_get_size(from);
  uint8_t *buffer = malloc(size);
  memcpy(buffer, real.k4a_image_get_buffer(from), size);
  real.k4a_image_create_from_buffer(
      real.k4a_image_get_format(from), real.k4a_image_get_width_pixels(from),
      real.k4a_image_get_height_pixels(from), real.k4a_image_get_stride_bytes(from), buffer, size,
      free_buffer, NULL, &image);
  real.k4a_image_set_device_timestamp_usec(
      image, real.k4a_image_get_device_timestamp_usec(from) + it->shift_us);
  real.k4a_image_set_system_timestamp_nsec(image, system_ns);
  return image;
}

static void stamp_color(const device *it, handle image) {
  int32_t exposure = it->slot->color.value[0], longest = period_us(it->mode.camera_fps);
  real.k4a_image_set_exposure_usec(image, exposure < longest ? exposure : longest);
  real.k4a_image_set_white_balance(image, it->slot->color.value[6]);
  real.k4a_image_set_iso_speed(image, 100 + it->slot->color.value[8]);
}

// Returns the capture as the configuration and the conditions want it; NULL if nothing is left.
static handle made_capture(device *it, handle from) {
  bool orbbec = is(it, "orbbec");
  uint64_t now = orbbec ? clock_ns(CLOCK_REALTIME) / 1000000 * 1000000 : monotonic_ns();
  bool want_depth = it->mode.depth_mode && !is(it, "no-depth");
  bool want_color = it->mode.color_resolution && !is(it, "no-color");
  handle depth = real.k4a_capture_get_depth_image(from),
         ir = real.k4a_capture_get_ir_image(from),
         color = real.k4a_capture_get_color_image(from), made = NULL;
  bool complete = want_color && color && want_depth && (depth || ir);
  bool any = (want_color && color) || (want_depth && (depth || ir));
  if (it->mode.synchronized_images_only ? complete : any) {
    real.k4a_capture_create(&made);
    if (!orbbec) real.k4a_capture_set_temperature_c(made, TEMPERATURE);
    if (want_depth && depth) {
      handle image = live_image(it, depth, now);
      real.k4a_capture_set_depth_image(made, image);
      real.k4a_image_release(image);
    }
    if (want_depth && ir) {
      handle image = live_image(it, ir, now);
      real.k4a_capture_set_ir_image(made, image);
      real.k4a_image_release(image);
    }
    if (want_color && color) {
      handle image = live_image(it, color, now);
      if (!orbbec) stamp_color(it, image);
      real.k4a_capture_set_color_image(made, image);
      real.k4a_image_release(image);
    }
  }
  if (depth) real.k4a_image_release(depth);
  if (ir) real.k4a_image_release(ir);
  if (color) real.k4a_image_release(color);
  return made;
}

static void deliver_capture(device *it) {
  bool waits = it->mode.wired_sync_mode == SUBORDINATE && is(it, "no-pulse");
  handle made = waits || is(it, "silent") ? NULL : made_capture(it, it->capture);
  if (made) push_capture(it, made);
  real.k4a_capture_release(it->capture);
  read_capture(it);
}

static void deliver_sample(device *it) {
  imu_sample sample = it->sample;
  int64_t us = (int64_t)sample.acc_us + it->pass_us;
  bool left_out = is(it, "orbbec") && us < it->next_sample_us;
  if (it->imu && !left_out && !is(it, "silent") && !is(it, "silent-imu")) {
    if (us - it->next_sample_us > ORBBEC_IMU_US) it->next_sample_us = us;
    it->next_sample_us += ORBBEC_IMU_US;
    sample.acc_us += it->shift_us;
    sample.gyro_us += it->shift_us;
    sample.temperature = IMU_TEMPERATURE;
    push_sample(it, &sample);
  }
  read_sample(it);
}

// Returns when the next thing arrives, CLOCK_MONOTONIC; `*capture`: whether it is a capture.
static int64_t next_arrival_ns(const device *it, bool *capture) {
  int64_t capture_us = it->capture_us - it->first_us;
  int64_t sample_us =
      ((int64_t)it->sample.acc_us - it->first_us) / IMU_BURST_US * IMU_BURST_US + IMU_BURST_US;
  *capture = it->capture && (!it->have_sample || capture_us <= sample_us);
  return it->start_ns + (it->pass_us + (*capture ? capture_us : sample_us)) * 1000;
}

static bool open_mode(device *it, const configuration *wanted) {
  for (int i = 0; i < it->slot->files; i++) {
    record_configuration file;
    handle playback;
    if (real.k4a_playback_open(it->slot->file[i], &playback) != SUCCEEDED) continue;
    real.k4a_playback_get_record_configuration(playback, &file);
    if (recording_has(&file, wanted)) {
      if (wanted->color_resolution && wanted->color_format != file.color_format)
        real.k4a_playback_set_color_conversion(playback, wanted->color_format);
      it->playback = playback;
      it->first_us = file.start_timestamp_offset_usec;
      it->length_us = real.k4a_playback_get_recording_length_usec(playback);
      return true;
    }
    real.k4a_playback_close(playback);
  }
  say(ERROR, "virtual_k4a.c",
      "no recording of this virtual camera has depth_mode %d, color_resolution %d, color_format "
      "%d and camera_fps %d; add one to K4A_VIRTUAL_RECORDING", wanted->depth_mode,
      wanted->color_resolution, wanted->color_format, wanted->camera_fps);
  return false;
}

// The file is opened anew: libk4arecord (1.4.1) may crash where it is read twice through one handle,
// as threads that read ahead look at the pointers to what was read before, without a lock, while
// another one replaces them (matroska_read.cpp, load_cluster_internal).
static void next_pass(device *it) {
  int64_t length = it->length_us + period_us(it->mode.camera_fps);
  real.k4a_playback_close(it->playback);
  it->playback = NULL;
  if (!open_mode(it, &it->mode)) return;
  it->pass_us += length;
  it->shift_us += length;
  read_both(it);
}

// Delivers what has arrived, and returns when to look again.
static int64_t play(device *it) {
  int64_t soon = monotonic_ns() + LOOK_NS;
  if (is(it, "stalled")) return soon;
  long resets = condition_number(it->slot->position, "reset");
  if (resets != it->resets) {
    int64_t capture = it->capture ? it->first_image_us : INT64_MAX;
    int64_t sample = it->have_sample ? (int64_t)it->sample.acc_us : INT64_MAX;
    it->shift_us = -(sample < capture ? sample : capture);  // no time is below 0
    it->resets = resets;
  }
  for (;;) {
    bool capture;
    if (!it->capture && !it->have_sample && it->playback) next_pass(it);
    if (!it->capture && !it->have_sample) return soon;
    int64_t at = next_arrival_ns(it, &capture);
    if (at > monotonic_ns()) return at < soon ? at : soon;
    if (capture)
      deliver_capture(it);
    else
      deliver_sample(it);
  }
}

// Lets the SDK's log tell of a USB transfer that came too late, without further consequences.
static void tell_timeouts(device *it) {
  long timeouts = condition_number(it->slot->position, "usb-timeout");
  if (timeouts && timeouts != it->timeouts)
    say(WARNING, "usbstreaming.c", "USB timeout on streaming endpoint for %s", "depth");
  it->timeouts = timeouts;
}

// Lets those who wait look whether they still may.
static void wake_all(device *it) {
  pthread_cond_broadcast(&it->capture_came);
  pthread_cond_broadcast(&it->sample_came);
}

static void lose(device *it) {
  it->lost = true;
  drop_all(it);
  wake_all(it);
  controls_reset(&it->slot->color);
  if (it->cameras) say(ERROR, "usbstreaming.c", "LibUSB transfer status of %08X unexpected", 5);
  if (it->cameras) say(WARNING, "capturesync.c", "Capture Error Detected, %s", "Depth ");
}

static void *run(void *context) {
  device *it = context;
  prctl(PR_SET_NAME, "virtual camera");  // so that what it costs can be told apart
  pthread_mutex_lock(&it->lock);
  while (!it->closing) {
    int64_t until = monotonic_ns() + LOOK_NS;
    if (!it->lost && is(it, "unplugged")) lose(it);
    if (it->cameras && !it->lost) {
      tell_timeouts(it);
      until = play(it);
    }
    struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_unlock(&it->lock);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    pthread_mutex_lock(&it->lock);
  }
  pthread_mutex_unlock(&it->lock);
  return NULL;
}

bool player_open(device *it) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&it->capture_came, &monotonic);
  pthread_cond_init(&it->sample_came, &monotonic);
  pthread_cond_init(&it->left, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&it->lock, NULL);
  return pthread_create(&it->thread, NULL, run, it) == 0;
}

void player_close(device *it) {
  pthread_mutex_lock(&it->lock);
  it->closing = true;
  pthread_mutex_unlock(&it->lock);
  pthread_join(it->thread, NULL);
  pthread_cond_destroy(&it->capture_came);
  pthread_cond_destroy(&it->sample_came);
  pthread_cond_destroy(&it->left);
  pthread_mutex_destroy(&it->lock);
}

bool player_start(device *it, const configuration *wanted) {
  if (!open_mode(it, wanted)) return false;
  it->mode = *wanted;
  it->pass_us = it->shift_us = it->next_sample_us = 0;
  it->resets = condition_number(it->slot->position, "reset");
  read_both(it);
  it->start_ns = monotonic_ns() + START_NS;
  it->cameras = true;
  return true;
}

void player_stop(device *it) {
  it->cameras = false;
  drop_all(it);
  wake_all(it);
  while (it->waiting) pthread_cond_wait(&it->left, &it->lock);
  if (it->capture) real.k4a_capture_release(it->capture);
  it->capture = NULL;
  if (it->playback) real.k4a_playback_close(it->playback);
  it->playback = NULL;
}

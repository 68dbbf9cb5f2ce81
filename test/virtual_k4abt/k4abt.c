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


// A virtual libk4abt: the ABI of version 1.1, with skeletons that depend on the images only. Like
// the real one it is linked to a libk4a, and accepts only handles of that copy.
//
// The first pixel of the depth image is the number of people: see find_people. The functions at
// the end give the tests access to its state, and inject faults.

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
#define QUEUE 3
#define JOINTS 32
#define WAIT_FAILED 1
#define WAIT_TIMEOUT 2
#define DEPTH16 4
#define IR16 5
#define CUSTOM8 6

// libk4a
int k4a_image_create(int format, int width, int height, int stride, void **image);
void k4a_image_reference(void *image);
void k4a_image_release(void *image);
uint8_t *k4a_image_get_buffer(void *image);
int k4a_image_get_format(void *image);
int k4a_image_get_width_pixels(void *image);
int k4a_image_get_height_pixels(void *image);
int k4a_image_get_stride_bytes(void *image);
uint64_t k4a_image_get_device_timestamp_usec(void *image);
uint64_t k4a_image_get_system_timestamp_nsec(void *image);
void k4a_capture_reference(void *capture);
void k4a_capture_release(void *capture);
void *k4a_capture_get_depth_image(void *capture);
void *k4a_capture_get_ir_image(void *capture);
int k4a_set_allocator(uint8_t *(*allocate)(int, void **), void (*release)(void *, void *));

struct configuration {
  int32_t sensor_orientation, processing_mode, gpu_device_id;
  const char *model_path;
};

struct joint {
  float position[3], orientation[4];
  int32_t confidence;
};

struct skeleton {
  struct joint joints[JOINTS];
};

_Static_assert(sizeof(struct configuration) == 24, "layout of the SDK's");
_Static_assert(offsetof(struct configuration, model_path) == 16, "layout of the SDK's");
_Static_assert(sizeof(struct joint) == 32, "layout of the SDK's");
_Static_assert(sizeof(struct skeleton) == 1024, "layout of the SDK's");

struct frame {
  uint32_t bodies, first_id;
  uint64_t device_us, system_ns;
  uint16_t range;
  void *index_map;
};

struct tracker {
  void *inputs[QUEUE];
  struct frame *outputs[2 * QUEUE];
  int input_count, output_count;
  bool shut, ended;
  pthread_t thread;
};

// Read by the tests: see test/support/k4abt.py.
struct state {
  int32_t sensor_orientation, processing_mode, gpu_device_id;
  char model_path[256];
  float smoothing;
  uint8_t calibration[1032];
  int32_t trackers, frames, images, destroyed, waiting, misused, timeout_ms;
};

static struct state state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held;
static char failing[32];

static void release_frame(struct frame *frame) {
  k4a_image_release(frame->index_map);
  free(frame);
  state.frames--;
}

static struct frame *find_people(void *capture) {
  struct frame *frame = calloc(1, sizeof *frame);
  void *depth = k4a_capture_get_depth_image(capture), *ir = k4a_capture_get_ir_image(capture);
  const uint16_t *range = (const uint16_t *)(void *)k4a_image_get_buffer(depth);
  const uint16_t *light = (const uint16_t *)(void *)k4a_image_get_buffer(ir);
  int width = k4a_image_get_width_pixels(depth), height = k4a_image_get_height_pixels(depth);
  frame->bodies = range[0];
  frame->range = range[1];
  frame->first_id = light[0];
  frame->device_us = k4a_image_get_device_timestamp_usec(depth);
  frame->system_ns = k4a_image_get_system_timestamp_nsec(depth);
  // rows may be longer than the image is wide
  k4a_image_create(CUSTOM8, width, height, width + 4, &frame->index_map);
  uint8_t *map = k4a_image_get_buffer(frame->index_map);
  for (int row = 0; row < height; row++)
    for (int column = 0; column < width; column++) {
      uint16_t value = light[row * width + column];
      map[row * (width + 4) + column] = value < frame->bodies ? (uint8_t)value : 255;
    }
  k4a_image_release(depth);
  k4a_image_release(ir);
  return frame;
}

static void *work(void *argument) {
  struct tracker *tracker = argument;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!tracker->ended
           && (!tracker->input_count || (held && !tracker->shut)
               || tracker->output_count == 2 * QUEUE))
      pthread_cond_wait(&changed, &lock);
    if (tracker->ended) break;
    tracker->outputs[tracker->output_count++] = find_people(tracker->inputs[0]);
    state.frames++;
    k4a_capture_release(tracker->inputs[0]);
    memmove(tracker->inputs, tracker->inputs + 1, sizeof(void *) * (size_t)--tracker->input_count);
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

// Wait for a change of state; return false after a timeout. A negative one waits without limit.
static bool wait(struct tracker *tracker, const struct timespec *end, int32_t timeout_ms) {
  state.timeout_ms = timeout_ms;
  if (timeout_ms == 0) return false;
  state.waiting++;
  int result = timeout_ms < 0 ? pthread_cond_wait(&changed, &lock)
                              : pthread_cond_timedwait(&changed, &lock, end);
  if (tracker->shut) {  // return late, so that a premature destroy is detected
    pthread_mutex_unlock(&lock);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    pthread_mutex_lock(&lock);
  }
  state.waiting--;
  return result != ETIMEDOUT;
}

static struct timespec after(int32_t timeout_ms) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  int64_t ns = end.tv_nsec + (int64_t)(timeout_ms % 1000) * 1000000;
  end.tv_sec += timeout_ms / 1000 + ns / 1000000000;
  end.tv_nsec = ns % 1000000000;
  return end;
}

// The allocator of this libk4a's images, which counts those that are alive.
static uint8_t *allocate(int size, void **context) {
  *context = NULL;
  __atomic_add_fetch(&state.images, 1, __ATOMIC_SEQ_CST);
  return malloc((size_t)size);
}

static void release(void *buffer, void *context) {
  (void)context;
  __atomic_sub_fetch(&state.images, 1, __ATOMIC_SEQ_CST);
  free(buffer);
}

EXPORT int k4abt_tracker_create(const void *calibration, struct configuration configuration,
                                struct tracker **result) {
  pthread_mutex_lock(&lock);
  bool possible = !state.trackers && strcmp(failing, "create");
  if (possible) {
    state.trackers++;
    k4a_set_allocator(allocate, release);  // another copy of this library may have set its own
    state.sensor_orientation = configuration.sensor_orientation;
    state.processing_mode = configuration.processing_mode;
    state.gpu_device_id = configuration.gpu_device_id;
    memset(state.model_path, 0, sizeof state.model_path);
    if (configuration.model_path)
      strncpy(state.model_path, configuration.model_path, sizeof state.model_path - 1);
    memcpy(state.calibration, calibration, sizeof state.calibration);
    *result = calloc(1, sizeof **result);
    pthread_create(&(*result)->thread, NULL, work, *result);
  }
  pthread_mutex_unlock(&lock);
  return possible ? 0 : 1;
}

EXPORT void k4abt_tracker_shutdown(struct tracker *tracker) {
  pthread_mutex_lock(&lock);
  tracker->shut = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

EXPORT void k4abt_tracker_destroy(struct tracker *tracker) {
  pthread_mutex_lock(&lock);
  if (state.waiting) state.misused++;  // use after free in the real library
  tracker->shut = tracker->ended = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  pthread_join(tracker->thread, NULL);
  for (int i = 0; i < tracker->input_count; i++) k4a_capture_release(tracker->inputs[i]);
  for (int i = 0; i < tracker->output_count; i++) release_frame(tracker->outputs[i]);
  free(tracker);
  pthread_mutex_lock(&lock);
  state.trackers--;
  state.destroyed++;
  pthread_mutex_unlock(&lock);
}

EXPORT void k4abt_tracker_set_temporal_smoothing(struct tracker *tracker, float factor) {
  (void)tracker;
  state.smoothing = factor;
}

static bool is_image(void *image, int format) {
  bool result = image && k4a_image_get_format(image) == format
                && k4a_image_get_stride_bytes(image) == 2 * k4a_image_get_width_pixels(image);
  if (image) k4a_image_release(image);
  return result;
}

EXPORT int k4abt_tracker_enqueue_capture(struct tracker *tracker, void *capture,
                                         int32_t timeout_ms) {
  struct timespec end = after(timeout_ms);
  int result = 0;
  pthread_mutex_lock(&lock);
  if (!is_image(k4a_capture_get_depth_image(capture), DEPTH16)
      || !is_image(k4a_capture_get_ir_image(capture), IR16) || !strcmp(failing, "enqueue"))
    result = WAIT_FAILED;
  while (!result && !tracker->shut
         && (tracker->input_count == QUEUE || tracker->output_count >= QUEUE))
    if (!wait(tracker, &end, timeout_ms)) result = WAIT_TIMEOUT;
  if (tracker->shut) result = WAIT_FAILED;
  if (!result) {
    k4a_capture_reference(capture);
    tracker->inputs[tracker->input_count++] = capture;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

EXPORT int k4abt_tracker_pop_result(struct tracker *tracker, struct frame **frame,
                                    int32_t timeout_ms) {
  struct timespec end = after(timeout_ms);
  int result = 0;
  pthread_mutex_lock(&lock);
  if (!strcmp(failing, "pop")) result = WAIT_FAILED;
  while (!result && !tracker->output_count) {
    if (tracker->shut && !tracker->input_count) result = WAIT_FAILED;
    else if (!wait(tracker, &end, timeout_ms)) result = WAIT_TIMEOUT;
  }
  if (!result) {
    *frame = tracker->outputs[0];
    memmove(tracker->outputs, tracker->outputs + 1,
            sizeof(void *) * (size_t)--tracker->output_count);
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

EXPORT void k4abt_frame_release(struct frame *frame) {
  pthread_mutex_lock(&lock);
  release_frame(frame);
  pthread_mutex_unlock(&lock);
}

EXPORT uint32_t k4abt_frame_get_num_bodies(struct frame *frame) { return frame->bodies; }

EXPORT int k4abt_frame_get_body_skeleton(struct frame *frame, uint32_t index,
                                         struct skeleton *skeleton) {
  if (index >= frame->bodies || !strcmp(failing, "skeleton")) return 1;
  for (int j = 0; j < JOINTS; j++)
    skeleton->joints[j] = (struct joint){
        {(float)(10 * j), -100.0f * (float)index, frame->range},
        {0.1f, 0.5f, -0.7f, 0.5f}, j % 3};
  return 0;
}

EXPORT uint32_t k4abt_frame_get_body_id(struct frame *frame, uint32_t index) {
  return index < frame->bodies ? frame->first_id + index : UINT32_MAX;
}

EXPORT uint64_t k4abt_frame_get_device_timestamp_usec(struct frame *frame) {
  return frame->device_us;
}

EXPORT void *k4abt_frame_get_body_index_map(struct frame *frame) {
  if (!strcmp(failing, "index map")) return NULL;
  k4a_image_reference(frame->index_map);
  return frame->index_map;
}

EXPORT struct state *virtual_k4abt_state(void) { return &state; }

// Pause processing until resumed, or until a tracker is shut down.
EXPORT void virtual_k4abt_hold(int hold) {
  pthread_mutex_lock(&lock);
  held = hold;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

// Make a call fail from now on: create, enqueue, pop, skeleton, index map, or "" for none.
EXPORT void virtual_k4abt_fail(const char *call) {
  pthread_mutex_lock(&lock);
  strncpy(failing, call, sizeof failing - 1);
  pthread_mutex_unlock(&lock);
}

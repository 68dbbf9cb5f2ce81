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

// Shared declarations of the virtual device; see docs/virtual_device.md.

#ifndef VIRTUAL_H_
#define VIRTUAL_H_

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void *handle;

// k4a_result_t, k4a_buffer_result_t, k4a_wait_result_t, k4a_stream_result_t
enum { SUCCEEDED = 0, FAILED = 1, TOO_SMALL = 2, TIMEOUT = 2, END_OF_FILE = 2 };
enum { CRITICAL, ERROR, WARNING, INFO, TRACE };  // k4a_log_level_t
enum { AUTO, MANUAL };                           // k4a_color_control_mode_t
enum { STANDALONE, MASTER, SUBORDINATE };        // k4a_wired_sync_mode_t
enum { MJPG, NV12, YUY2, BGRA32 };               // k4a_image_format_t

typedef struct {  // k4a_device_configuration_t
  int color_format, color_resolution, depth_mode, camera_fps;
  bool synchronized_images_only;
  int32_t depth_delay_off_color_usec;
  int wired_sync_mode;
  uint32_t subordinate_delay_off_master_usec;
  bool disable_streaming_indicator;
} configuration;

typedef struct {  // k4a_record_configuration_t
  int color_format, color_resolution, depth_mode, camera_fps;
  bool color_track, depth_track, ir_track, imu_track;
  int32_t depth_delay_off_color_usec;
  int wired_sync_mode;
  uint32_t subordinate_delay_off_master_usec, start_timestamp_offset_usec;
} record_configuration;

typedef struct {  // k4a_imu_sample_t
  float temperature, acc[3];
  uint64_t acc_us;
  float gyro[3];
  uint64_t gyro_us;
} imu_sample;

typedef struct {  // k4a_version_t
  uint32_t major, minor, iteration;
} version;

typedef struct {  // k4a_hardware_version_t
  version rgb, depth, audio, depth_sensor;
  int firmware_build, firmware_signature;
} hardware_version;

typedef void message_handler(void *, int, const char *, int, const char *);

// ---- real.c: the real libk4a and libk4arecord
#define REAL_FUNCTIONS(X)                                                                 \
  X(int, k4a_set_debug_message_handler, (message_handler *, void *, int))                 \
  X(int, k4a_calibration_get_from_raw, (char *, size_t, int, int, void *))                \
  X(int, k4a_capture_create, (handle *))                                                  \
  X(void, k4a_capture_release, (handle))                                                  \
  X(void, k4a_capture_set_temperature_c, (handle, float))                                 \
  X(handle, k4a_capture_get_color_image, (handle))                                        \
  X(handle, k4a_capture_get_depth_image, (handle))                                        \
  X(handle, k4a_capture_get_ir_image, (handle))                                           \
  X(void, k4a_capture_set_color_image, (handle, handle))                                  \
  X(void, k4a_capture_set_depth_image, (handle, handle))                                  \
  X(void, k4a_capture_set_ir_image, (handle, handle))                                     \
  X(int, k4a_image_create_from_buffer,                                                    \
    (int, int, int, int, uint8_t *, size_t, void (*)(void *, void *), void *, handle *))  \
  X(uint8_t *, k4a_image_get_buffer, (handle))                                            \
  X(size_t, k4a_image_get_size, (handle))                                                 \
  X(int, k4a_image_get_format, (handle))                                                  \
  X(int, k4a_image_get_width_pixels, (handle))                                            \
  X(int, k4a_image_get_height_pixels, (handle))                                           \
  X(int, k4a_image_get_stride_bytes, (handle))                                            \
  X(void, k4a_image_release, (handle))                                                    \
  X(uint64_t, k4a_image_get_device_timestamp_usec, (handle))                              \
  X(void, k4a_image_set_device_timestamp_usec, (handle, uint64_t))                        \
  X(void, k4a_image_set_system_timestamp_nsec, (handle, uint64_t))                        \
  X(void, k4a_image_set_exposure_usec, (handle, uint64_t))                                \
  X(void, k4a_image_set_white_balance, (handle, uint32_t))                                \
  X(void, k4a_image_set_iso_speed, (handle, uint32_t))                                    \
  X(int, k4a_playback_open, (const char *, handle *))                                     \
  X(void, k4a_playback_close, (handle))                                                   \
  X(int, k4a_playback_get_record_configuration, (handle, record_configuration *))         \
  X(int, k4a_playback_get_raw_calibration, (handle, uint8_t *, size_t *))                 \
  X(int, k4a_playback_get_tag, (handle, const char *, char *, size_t *))                  \
  X(int, k4a_playback_set_color_conversion, (handle, int))                                \
  X(uint64_t, k4a_playback_get_recording_length_usec, (handle))                           \
  X(int, k4a_playback_get_next_capture, (handle, handle *))                               \
  X(int, k4a_playback_get_next_imu_sample, (handle, imu_sample *))

#define REAL_MEMBER(result, name, arguments) result(*name) arguments;
extern struct real { REAL_FUNCTIONS(REAL_MEMBER) } real;
bool find_real(void);  // false, and a message on stderr, if the libraries are not found

// Read-ahead threads of libk4arecord 1.4 assign and copy pointers to one cluster without a lock
// (matroska_read.cpp, load_cluster_internal), which corrupts the heap if they do so at once. They
// inherit the processors of the thread that reads: with one, they take turns.
typedef struct {
  cpu_set_t processors;
  bool known;
} placement;
placement stay_on_one_processor(void);  // of the calling thread; returns where it may run so far
void move_back(const placement *before);

// ---- log.c: the SDK's log; messages are those of the SDK
void sdk_log(int level, const char *file, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// ---- conditions.c: current fault conditions of the cameras
bool condition(int position, const char *word);
long condition_number(int position, const char *word);  // N of "word=N", 0 if it is not set
void hang(int position, const char *function);          // returns when "hang:function" is not set
bool must_fail(int position, const char *function);     // whether "fail:function" is set; may hang

// ---- controls.c: controls of the color camera
enum { CONTROLS = 10 };
typedef struct {
  int32_t value[CONTROLS];
  int mode[CONTROLS];
} controls;
void controls_reset(controls *all);
int controls_capability(const controls *all, bool orbbec, int command, bool *supports_auto,
                        int32_t *minimum, int32_t *maximum, int32_t *step, int32_t *default_value,
                        int *default_mode);
int controls_get(const controls *all, bool orbbec, int command, int *mode, int32_t *value);
int controls_set(controls *all, bool orbbec, int command, int mode, int32_t value);

// ---- modes.c: valid configurations
uint32_t period_us(int camera_fps);
bool valid_configuration(const configuration *wanted, bool orbbec, bool sync_in, bool sync_out);
bool recording_has(const record_configuration *file, const configuration *wanted);

// ---- slots.c: the cameras listed in K4A_VIRTUAL_RECORDING
enum { MAX_SLOTS = 8, MAX_FILES = 16 };
typedef struct {
  int position, files;
  char *file[MAX_FILES];  // recordings of one camera in several modes
  int lock;               // descriptor of the first file while the camera is open, otherwise -1
  handle open;            // handle opened by this process
  controls color;
} slot;
int plugged_count(void);
slot *plugged_slot(uint32_t index);
bool lock_slot(slot *camera);  // false if the camera is open in this or another process
void unlock_slot(slot *camera);

// ---- player.c: plays a recording into the queues of captures and IMU samples
enum { CAPTURE_QUEUE = 7, IMU_QUEUE = 833 };
typedef struct {
  slot *slot;
  handle header;  // the first recording, for data that does not depend on the mode
  pthread_mutex_t lock;
  pthread_cond_t capture_arrived, sample_arrived;  // also signaled when streaming ends
  pthread_cond_t waiter_left;                      // `waiting` was decremented
  pthread_t thread;
  bool closing, lost, cameras, imu;
  int waiting;  // number of calls that wait in get_capture or get_imu_sample

  handle playback;  // the recording of the current mode
  configuration mode;
  int64_t first_us, length_us;  // of the recording
  int64_t pass_us, shift_us;    // offsets of its timestamps: for pacing, and for output
  int64_t start_ns;
  long resets, timeouts, imu_stops, color_stops;
  bool imu_stopped, color_stopped;  // until the next start
  handle capture;  // the next one, NULL at the end of the pass
  int64_t first_image_us, capture_us;
  imu_sample sample;
  bool have_sample;
  int64_t next_sample_us;  // where the rate of samples is reduced

  handle captures[CAPTURE_QUEUE];
  int first_capture, capture_count, dropped_captures;
  imu_sample samples[IMU_QUEUE];
  int first_sample, sample_count, dropped_samples;
} device;
bool player_open(device *dev);   // starts the thread that plays and applies conditions
void player_close(device *dev);  // stops that thread
void player_lose(device *dev);   // unplugs the camera; call with the lock held
bool player_start(device *dev, const configuration *wanted);
void player_stop(device *dev);
int64_t monotonic_ns(void);

#endif  // VIRTUAL_H_

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

// Which configurations k4a_device_start_cameras accepts (SDK: k4a.c, validate_configuration; log
// messages are those of the SDK), and which of them a recording supports.

#include "virtual.h"

#define REJECT(...) return sdk_log(ERROR, "k4a.c", __VA_ARGS__), false

static const char *const depth_names[] = {
    "K4A_DEPTH_MODE_OFF", "K4A_DEPTH_MODE_NFOV_2X2BINNED", "K4A_DEPTH_MODE_NFOV_UNBINNED",
    "K4A_DEPTH_MODE_WFOV_2X2BINNED", "K4A_DEPTH_MODE_WFOV_UNBINNED",
    "K4A_DEPTH_MODE_PASSIVE_IR"};

uint32_t period_us(int camera_fps) {
  return 1000000 / (camera_fps == 0 ? 5 : camera_fps == 1 ? 15 : 30);
}

static bool in_range(const configuration *config) {
  if (config->color_format < MJPG || config->color_format > BGRA32)
    REJECT("The configured color_format is not a valid k4a_color_format_t value.");
  if (config->color_resolution < 0 || config->color_resolution > 6)
    REJECT("The configured color_resolution is not a valid k4a_color_resolution_t value.");
  if (config->depth_mode < 0 || config->depth_mode > 5)
    REJECT("The configured depth_mode is not a valid k4a_depth_mode_t value.");
  if (config->camera_fps < 0 || config->camera_fps > 2)
    REJECT("The configured camera_fps is not a valid k4a_fps_t value.");
  if (config->wired_sync_mode < STANDALONE || config->wired_sync_mode > SUBORDINATE)
    REJECT("The configured wired_sync_mode is not a valid k4a_wired_sync_mode_t value.");
  return true;
}

static bool valid_sync(const configuration *config, bool sync_in, bool sync_out) {
  if (config->wired_sync_mode == SUBORDINATE && !sync_in)
    REJECT("Failure to detect presence of sync in cable with wired sync mode "
           "K4A_WIRED_SYNC_MODE_SUBORDINATE.");
  if (config->wired_sync_mode == MASTER && !sync_out)
    REJECT("Failure to detect presence of sync out cable with wired sync mode "
           "K4A_WIRED_SYNC_MODE_MASTER.");
  if (config->wired_sync_mode == MASTER && !config->color_resolution)
    REJECT("Device wired_sync_mode is set to K4A_WIRED_SYNC_MODE_MASTER, so color camera must "
           "be used on master device. Color_resolution can not be set to "
           "K4A_COLOR_RESOLUTION_OFF.");
  return true;
}

bool valid_configuration(const configuration *config, bool orbbec, bool sync_in, bool sync_out) {
  if (!in_range(config) || !(orbbec || valid_sync(config, sync_in, sync_out))) return false;
  uint32_t period = period_us(config->camera_fps);
  if (config->wired_sync_mode == SUBORDINATE && config->subordinate_delay_off_master_usec > period)
    REJECT("The configured subordinate device delay from the master device cannot exceed one "
           "frame interval of %u. User requested %u",
           period, config->subordinate_delay_off_master_usec);
  if (config->wired_sync_mode != SUBORDINATE && config->subordinate_delay_off_master_usec)
    REJECT("When wired_sync_mode is K4A_WIRED_SYNC_MODE_STANDALONE or "
           "K4A_WIRED_SYNC_MODE_MASTER, the subordinate_delay_off_master_usec must be 0.");
  bool depth = config->depth_mode, color = config->color_resolution;
  int64_t delay = config->depth_delay_off_color_usec;
  if (depth && color && (delay < -(int64_t)period || delay > period))
    REJECT("The configured depth_delay_off_color_usec must be within +/- one frame interval of "
           "%u. User requested %d", period, config->depth_delay_off_color_usec);
  if (!depth && !color)
    REJECT("Neither depth camera nor color camera are enabled in the configuration, at least "
           "one needs to be enabled.");
  if (!(depth && color) && delay)
    REJECT("If depth_delay_off_color_usec is not 0, both depth camera and color camera must be "
           "enabled.");
  if (!(depth && color) && config->synchronized_images_only)
    REJECT("To enable synchronized_images_only, both depth camera and color camera must also be "
           "enabled.");
  if (config->depth_mode == 4 && config->camera_fps > 1)
    REJECT("The configured depth_mode %s does not support the configured camera_fps "
           "K4A_FRAMES_PER_SECOND_30.", depth_names[config->depth_mode]);
  bool raw = config->color_format == NV12 || config->color_format == YUY2;
  if (color && ((config->color_resolution == 6 && config->camera_fps > 1) ||
                (raw && config->color_resolution != 1)))
    REJECT("The combination of color_resolution at %d, color_format at %d, and camera_fps at %d "
           "is not supported.", config->color_resolution, config->color_format, config->camera_fps);
  return true;
}

bool recording_has(const record_configuration *file, const configuration *wanted) {
  bool depth = !wanted->depth_mode || (wanted->depth_mode == file->depth_mode &&
                                       (file->depth_track || file->ir_track));
  bool color = !wanted->color_resolution ||
               (file->color_track && wanted->color_resolution == file->color_resolution &&
                (wanted->color_format == file->color_format || file->color_format == MJPG));
  return depth && color && wanted->camera_fps == file->camera_fps;
}

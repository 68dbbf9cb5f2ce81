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
//
// The baseline of benchmark/driver.py: a driver in C that plays a recording in real time, and
// publishes depth, infrared, cloud, and color or its JPEG. It does only what every driver must do:
// images go from libk4arecord's buffers to rcl_publish, libk4arecord decodes (with
// turbojpeg, fast DCT and fast upsampling), the cloud is one loop over precomputed rays.
//
//     RECORDING RAYS WIDTH HEIGHT COLOR_WIDTH COLOR_HEIGHT decoded|jpeg
//
// RAYS is a file of float32: x of all pixels of the depth camera at 1 m, then y. Ends at SIGINT. It
// is compiled as a library, for the reason given in publish.c; libk4a and libk4arecord are those
// that the process has loaded.

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include <sensor_msgs/msg/compressed_image.h>
#include <sensor_msgs/msg/point_cloud2.h>

#include "yardstick.h"

// of k4a.h and k4arecord/playback.h, Azure Kinect SDK 1.4
typedef void *handle_t;
enum { BGRA32 = 3 };
int k4a_playback_open(const char *path, handle_t *playback);
int k4a_playback_set_color_conversion(handle_t playback, int format);
int k4a_playback_get_next_capture(handle_t playback, handle_t *capture);
void k4a_playback_close(handle_t playback);
handle_t k4a_capture_get_depth_image(handle_t capture);
handle_t k4a_capture_get_ir_image(handle_t capture);
handle_t k4a_capture_get_color_image(handle_t capture);
void k4a_capture_release(handle_t capture);
uint8_t *k4a_image_get_buffer(handle_t image);
size_t k4a_image_get_size(handle_t image);
uint64_t k4a_image_get_device_timestamp_usec(handle_t image);
void k4a_image_release(handle_t image);

static volatile sig_atomic_t running = 1;

static void on_signal(int number)
{
    (void)number;
    running = 0;
}

static handle_t open_recording(const char *path, bool decoded)
{
    handle_t playback;
    if (k4a_playback_open(path, &playback) != 0
        || (decoded && k4a_playback_set_color_conversion(playback, BGRA32) != 0)) {
        fprintf(stderr, "cannot play %s\n", path);
        exit(1);
    }
    return playback;
}

static float *read_rays(const char *path, size_t count)
{
    float *rays = malloc(count * sizeof(float));
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(rays, sizeof(float), count, file) != count) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return rays;
}

static void describe_cloud(sensor_msgs__msg__PointCloud2 *cloud, uint32_t width, uint32_t height)
{
    static const char *const names[] = {"x", "y", "z"};
    sensor_msgs__msg__PointCloud2__init(cloud);
    rosidl_runtime_c__String__assign(&cloud->header.frame_id, "camera");
    sensor_msgs__msg__PointField__Sequence__init(&cloud->fields, 3);
    for (uint32_t i = 0; i < 3; i++) {
        sensor_msgs__msg__PointField *field = &cloud->fields.data[i];
        rosidl_runtime_c__String__assign(&field->name, names[i]);
        field->offset = 4 * i;
        field->datatype = sensor_msgs__msg__PointField__FLOAT32;
        field->count = 1;
    }
    cloud->width = width;
    cloud->height = height;
    cloud->point_step = 16;
    cloud->row_step = 16 * width;
    rosidl_runtime_c__uint8__Sequence__init(&cloud->data, (size_t)cloud->row_step * height);
}

static void fill_cloud(
    float *restrict points, const uint16_t *restrict depth, const float *restrict x,
    const float *restrict y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float z = depth[i] ? (float)depth[i] * 0.001f : NAN;
        points[4 * i] = x[i] * z;
        points[4 * i + 1] = y[i] * z;
        points[4 * i + 2] = z;
        points[4 * i + 3] = 0.0f;
    }
}

static void lend(rosidl_runtime_c__uint8__Sequence *data, handle_t image)
{
    data->data = k4a_image_get_buffer(image);
    data->size = data->capacity = k4a_image_get_size(image);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fputs("expected RECORDING RAYS WIDTH HEIGHT COLOR_WIDTH COLOR_HEIGHT MODE\n", stderr);
        return 2;
    }
    uint32_t width = (uint32_t)atoi(argv[3]), height = (uint32_t)atoi(argv[4]);
    bool decoded = strcmp(argv[7], "decoded") == 0;
    size_t count = (size_t)width * height;
    float *rays = read_rays(argv[2], 2 * count);
    rcl_context_t context;
    rcl_node_t node;
    start_node(&context, &node, "drive_in_c");
    const rosidl_message_type_support_t *images =
        ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, Image);
    rcl_publisher_t depth_topic = advertise(&node, images, "depth/image_raw");
    rcl_publisher_t ir_topic = advertise(&node, images, "ir/image_raw");
    rcl_publisher_t cloud_topic = advertise(
        &node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, PointCloud2), "points2");
    rcl_publisher_t color_topic = decoded
        ? advertise(&node, images, "rgb/image_raw")
        : advertise(&node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, CompressedImage),
                    "rgb/image_raw/compressed");
    sensor_msgs__msg__Image depth, ir, color;
    sensor_msgs__msg__CompressedImage jpeg;
    sensor_msgs__msg__PointCloud2 cloud;
    describe(&depth, "16UC1", width, height, 2);
    describe(&ir, "mono16", width, height, 2);
    describe(&color, "bgra8", (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]), 4);
    sensor_msgs__msg__CompressedImage__init(&jpeg);
    rosidl_runtime_c__String__assign(&jpeg.header.frame_id, "camera");
    rosidl_runtime_c__String__assign(&jpeg.format, "jpeg");
    describe_cloud(&cloud, width, height);

    long long offset = 0, last = 0; // of device time in the recording's current pass; ns
    long long began = now(CLOCK_MONOTONIC), epoch = now(CLOCK_REALTIME);
    bool first = true;
    signal(SIGINT, on_signal);
    while (running) {
        handle_t playback = open_recording(argv[1], decoded), capture;
        bool begins = true;
        while (running && k4a_playback_get_next_capture(playback, &capture) == 0) {
            handle_t depth_image = k4a_capture_get_depth_image(capture);
            handle_t ir_image = k4a_capture_get_ir_image(capture);
            handle_t color_image = k4a_capture_get_color_image(capture);
            long long device = 1000 * (long long)k4a_image_get_device_timestamp_usec(depth_image);
            if (begins) { // one period after the last pass
                offset = first ? -device : last + BILLION / 30 - device;
                begins = first = false;
            }
            last = device + offset;
            sleep_until(began + last);
            builtin_interfaces__msg__Time stamp = {
                (int32_t)((epoch + last) / BILLION), (uint32_t)((epoch + last) % BILLION)};
            depth.header.stamp = ir.header.stamp = cloud.header.stamp = stamp;
            color.header.stamp = jpeg.header.stamp = stamp;
            lend(&depth.data, depth_image);
            check(rcl_publish(&depth_topic, &depth, NULL), "rcl_publish");
            lend(&ir.data, ir_image);
            check(rcl_publish(&ir_topic, &ir, NULL), "rcl_publish");
            fill_cloud((float *)(void *)cloud.data.data,
                       (const uint16_t *)(const void *)depth.data.data, rays, rays + count, count);
            check(rcl_publish(&cloud_topic, &cloud, NULL), "rcl_publish");
            if (decoded) {
                lend(&color.data, color_image);
                check(rcl_publish(&color_topic, &color, NULL), "rcl_publish");
            } else {
                lend(&jpeg.data, color_image);
                check(rcl_publish(&color_topic, &jpeg, NULL), "rcl_publish");
            }
            k4a_image_release(depth_image);
            k4a_image_release(ir_image);
            k4a_image_release(color_image);
            k4a_capture_release(capture);
        }
        k4a_playback_close(playback);
    }
    check(rcl_publisher_fini(&depth_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&ir_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&cloud_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&color_topic, &node), "rcl_publisher_fini");
    check(rcl_node_fini(&node), "rcl_node_fini");
    check(rcl_shutdown(&context), "rcl_shutdown");
    check(rcl_context_fini(&context), "rcl_context_fini");
    return 0;
}

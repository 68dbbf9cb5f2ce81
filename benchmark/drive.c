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
//     RECORDING RAYS WIDTH HEIGHT COLOR_WIDTH COLOR_HEIGHT decoded|jpeg read|repeated
//
// 'repeated' reads the first captures once and then repeats them from memory: what a driver costs
// to which reading costs nothing. As libk4arecord only decodes what it reads, libturbojpeg decodes
// then, with the same flags.
//
// RAYS is a file of float32: x of all pixels of the depth camera at 1 m, then y. Ends at SIGINT. It
// is compiled as a library, for the reason given in publish.c; libk4a and libk4arecord are those
// that the process has loaded.

#include <dlfcn.h>
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

// of turbojpeg.h, libjpeg-turbo 1.4 or later
enum { TJPF_BGRA = 8, TJFLAG_FASTUPSAMPLE = 256, TJFLAG_FASTDCT = 2048 };
typedef handle_t (*init_decompress_t)(void);
typedef int (*decompress_t)(
    handle_t decoder, const unsigned char *jpeg, unsigned long size, unsigned char *pixels,
    int width, int pitch, int height, int format, int flags);

// number of captures that are repeated: 14 MB, more than level 2 of the cache
enum { REPEATED = 8 };

typedef struct {
    handle_t capture, depth, ir, color;
} images_t;

static volatile sig_atomic_t running = 1;

static struct {
    rcl_publisher_t depth_topic, ir_topic, cloud_topic, color_topic;
    sensor_msgs__msg__Image depth, ir, color;
    sensor_msgs__msg__CompressedImage jpeg;
    sensor_msgs__msg__PointCloud2 cloud;
    float *rays;
    size_t pixels;
    bool decoded;
    // only with 'repeated': the decoder of color
    handle_t decoder;
    decompress_t decompress;
} driver;

static void on_signal(int number)
{
    (void)number;
    running = 0;
}

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "%s %s\n", what, name);
    exit(1);
}

static handle_t open_recording(const char *path, bool decoded)
{
    handle_t playback;
    if (k4a_playback_open(path, &playback) != 0
        || (decoded && k4a_playback_set_color_conversion(playback, BGRA32) != 0)) {
        fail("cannot play", path);
    }
    return playback;
}

static bool read_images(handle_t playback, images_t *images)
{
    if (k4a_playback_get_next_capture(playback, &images->capture) != 0) {
        return false;
    }
    images->depth = k4a_capture_get_depth_image(images->capture);
    images->ir = k4a_capture_get_ir_image(images->capture);
    images->color = k4a_capture_get_color_image(images->capture);
    return true;
}

static void release_images(images_t *images)
{
    k4a_image_release(images->depth);
    k4a_image_release(images->ir);
    k4a_image_release(images->color);
    k4a_capture_release(images->capture);
}

static float *read_rays(const char *path, size_t count)
{
    float *rays = malloc(count * sizeof(float));
    FILE *file = fopen(path, "rb");
    if (file == NULL || fread(rays, sizeof(float), count, file) != count) {
        fail("cannot read", path);
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

static void load_decoder(void)
{
    void *library = dlopen("libturbojpeg.so.0", RTLD_NOW);
    if (library == NULL) {
        fail("cannot decode:", dlerror());
    }
    init_decompress_t init = (init_decompress_t)dlsym(library, "tjInitDecompress");
    driver.decompress = (decompress_t)dlsym(library, "tjDecompress2");
    if (init == NULL || driver.decompress == NULL || (driver.decoder = init()) == NULL) {
        fail("cannot decode with", "libturbojpeg");
    }
    rosidl_runtime_c__uint8__Sequence__init(
        &driver.color.data, (size_t)driver.color.step * driver.color.height);
}

static void decode(handle_t image)
{
    if (driver.decompress(
            driver.decoder, k4a_image_get_buffer(image), k4a_image_get_size(image),
            driver.color.data.data, (int)driver.color.width, (int)driver.color.step,
            (int)driver.color.height, TJPF_BGRA, TJFLAG_FASTUPSAMPLE | TJFLAG_FASTDCT) != 0) {
        fail("cannot decode", "a JPEG");
    }
}

static void publish(const images_t *images, long long stamp_ns)
{
    builtin_interfaces__msg__Time stamp = {
        (int32_t)(stamp_ns / BILLION), (uint32_t)(stamp_ns % BILLION)};
    driver.depth.header.stamp = driver.ir.header.stamp = driver.cloud.header.stamp = stamp;
    driver.color.header.stamp = driver.jpeg.header.stamp = stamp;
    lend(&driver.depth.data, images->depth);
    check(rcl_publish(&driver.depth_topic, &driver.depth, NULL), "rcl_publish");
    lend(&driver.ir.data, images->ir);
    check(rcl_publish(&driver.ir_topic, &driver.ir, NULL), "rcl_publish");
    fill_cloud((float *)(void *)driver.cloud.data.data,
               (const uint16_t *)(const void *)driver.depth.data.data, driver.rays,
               driver.rays + driver.pixels, driver.pixels);
    check(rcl_publish(&driver.cloud_topic, &driver.cloud, NULL), "rcl_publish");
    if (!driver.decoded) {
        lend(&driver.jpeg.data, images->color);
        check(rcl_publish(&driver.color_topic, &driver.jpeg, NULL), "rcl_publish");
        return;
    }
    if (driver.decoder == NULL) {
        lend(&driver.color.data, images->color);
    } else {
        decode(images->color);
    }
    check(rcl_publish(&driver.color_topic, &driver.color, NULL), "rcl_publish");
}

// Read the recording again and again.
static void play(const char *path, long long began, long long epoch)
{
    long long offset = 0, last = 0; // of device time in the recording's current pass; ns
    bool first = true;
    while (running) {
        handle_t playback = open_recording(path, driver.decoded);
        images_t images;
        bool begins = true;
        while (running && read_images(playback, &images)) {
            long long device = 1000 * (long long)k4a_image_get_device_timestamp_usec(images.depth);
            if (begins) { // one period after the last pass
                offset = first ? -device : last + BILLION / 30 - device;
                begins = first = false;
            }
            last = device + offset;
            sleep_until(began + last);
            publish(&images, epoch + last);
            release_images(&images);
        }
        k4a_playback_close(playback);
    }
}

// Read the first captures, and publish them again and again.
static void repeat(const char *path, long long began, long long epoch)
{
    handle_t playback = open_recording(path, false);
    images_t images[REPEATED];
    size_t count = 0;
    while (count < REPEATED && read_images(playback, &images[count])) {
        count++;
    }
    k4a_playback_close(playback);
    for (long long number = 0; running; number++) {
        sleep_until(began + number * BILLION / 30);
        publish(&images[number % (long long)count], epoch + number * BILLION / 30);
    }
    while (count > 0) {
        release_images(&images[--count]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fputs("expected RECORDING RAYS WIDTH HEIGHT COLOR_WIDTH COLOR_HEIGHT COLOR SOURCE\n",
              stderr);
        return 2;
    }
    uint32_t width = (uint32_t)atoi(argv[3]), height = (uint32_t)atoi(argv[4]);
    bool repeated = strcmp(argv[8], "repeated") == 0;
    driver.decoded = strcmp(argv[7], "decoded") == 0;
    driver.pixels = (size_t)width * height;
    driver.rays = read_rays(argv[2], 2 * driver.pixels);
    rcl_context_t context;
    rcl_node_t node;
    start_node(&context, &node, "drive_in_c");
    const rosidl_message_type_support_t *images =
        ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, Image);
    driver.depth_topic = advertise(&node, images, "depth/image_raw");
    driver.ir_topic = advertise(&node, images, "ir/image_raw");
    driver.cloud_topic = advertise(
        &node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, PointCloud2), "points2");
    driver.color_topic = driver.decoded
        ? advertise(&node, images, "rgb/image_raw")
        : advertise(&node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, CompressedImage),
                    "rgb/image_raw/compressed");
    describe(&driver.depth, "16UC1", width, height, 2);
    describe(&driver.ir, "mono16", width, height, 2);
    describe(&driver.color, "bgra8", (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]), 4);
    sensor_msgs__msg__CompressedImage__init(&driver.jpeg);
    rosidl_runtime_c__String__assign(&driver.jpeg.header.frame_id, "camera");
    rosidl_runtime_c__String__assign(&driver.jpeg.format, "jpeg");
    describe_cloud(&driver.cloud, width, height);
    if (driver.decoded && repeated) {
        load_decoder();
    }

    signal(SIGINT, on_signal);
    (repeated ? repeat : play)(argv[1], now(CLOCK_MONOTONIC), now(CLOCK_REALTIME));
    check(rcl_publisher_fini(&driver.depth_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&driver.ir_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&driver.cloud_topic, &node), "rcl_publisher_fini");
    check(rcl_publisher_fini(&driver.color_topic, &node), "rcl_publisher_fini");
    check(rcl_node_fini(&node), "rcl_node_fini");
    check(rcl_shutdown(&context), "rcl_shutdown");
    check(rcl_context_fini(&context), "rcl_context_fini");
    return 0;
}

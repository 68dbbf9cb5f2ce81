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
// Shared by the baselines in C: time, errors, a node, an image that is published.

#ifndef YARDSTICK_H
#define YARDSTICK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rcl/error_handling.h>
#include <rcl/rcl.h>
#include <rosidl_runtime_c/primitives_sequence_functions.h>
#include <rosidl_runtime_c/string_functions.h>
#include <sensor_msgs/msg/image.h>

#define BILLION 1000000000LL

static inline long long now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * BILLION + time.tv_nsec;
}

static inline void sleep_until(long long due)
{
    struct timespec until = {due / BILLION, due % BILLION};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static inline void check(rcl_ret_t result, const char *what)
{
    if (result != RCL_RET_OK) {
        fprintf(stderr, "%s: %s\n", what, rcl_get_error_string().str);
        exit(1);
    }
}

static inline void start_node(rcl_context_t *context, rcl_node_t *node, const char *name)
{
    rcl_init_options_t options = rcl_get_zero_initialized_init_options();
    check(rcl_init_options_init(&options, rcl_get_default_allocator()), "rcl_init_options_init");
    *context = rcl_get_zero_initialized_context();
    check(rcl_init(0, NULL, &options, context), "rcl_init");
    *node = rcl_get_zero_initialized_node();
    rcl_node_options_t node_options = rcl_node_get_default_options();
    check(rcl_node_init(node, name, "", context, &node_options), "rcl_node_init");
}

static inline rcl_publisher_t advertise_with_depth(
    rcl_node_t *node, const rosidl_message_type_support_t *type, const char *topic, size_t depth)
{
    rcl_publisher_t publisher = rcl_get_zero_initialized_publisher();
    rcl_publisher_options_t options = rcl_publisher_get_default_options();
    options.qos.depth = depth;
    check(rcl_publisher_init(&publisher, node, type, topic, &options), "rcl_publisher_init");
    return publisher;
}

static inline rcl_publisher_t advertise(
    rcl_node_t *node, const rosidl_message_type_support_t *type, const char *topic)
{
    return advertise_with_depth(node, type, topic, 4);
}

static inline void wait_for_subscriber(const rcl_publisher_t *publisher)
{
    size_t subscribers = 0;
    while (subscribers == 0) {
        struct timespec pause = {0, 10000000};
        nanosleep(&pause, NULL);
        check(rcl_publisher_get_subscription_count(publisher, &subscribers), "subscribers");
    }
}

static inline void stop_node(
    rcl_context_t *context, rcl_node_t *node, rcl_publisher_t *publisher)
{
    check(rcl_publisher_fini(publisher, node), "rcl_publisher_fini");
    check(rcl_node_fini(node), "rcl_node_fini");
    check(rcl_shutdown(context), "rcl_shutdown");
    check(rcl_context_fini(context), "rcl_context_fini");
}

// An image without its data.
static inline void describe(
    sensor_msgs__msg__Image *image, const char *encoding, uint32_t width, uint32_t height,
    uint32_t bytes)
{
    sensor_msgs__msg__Image__init(image);
    rosidl_runtime_c__String__assign(&image->header.frame_id, "camera");
    rosidl_runtime_c__String__assign(&image->encoding, encoding);
    image->width = width;
    image->height = height;
    image->step = width * bytes;
}

#endif

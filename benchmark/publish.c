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
// The baseline of benchmark/publishing.py: publishes a sensor_msgs/Image directly with rcl. It is
// compiled as a library and loaded by Python, because the libraries of ROS may need symbols of
// Python; the arguments of main are:
//
//     TOPIC WIDTH HEIGHT CHANNELS BYTES_PER_CHANNEL ENCODING
//
// Prints "ready" when there is a subscriber. For each line "COUNT PERIOD_NS" on stdin, it publishes
// COUNT messages, and prints the processor time that this took, nanoseconds. Stamps
// are of CLOCK_MONOTONIC, just before publishing.

#include <stdio.h>
#include <stdlib.h>

#include "yardstick.h"

static void publish_many(
    rcl_publisher_t *publisher, sensor_msgs__msg__Image *image, int count, long long period)
{
    long long due = now(CLOCK_MONOTONIC);
    for (int i = 0; i < count; i++) {
        sleep_until(due);
        long long stamp = now(CLOCK_MONOTONIC);
        image->header.stamp.sec = (int32_t)(stamp / BILLION);
        image->header.stamp.nanosec = (uint32_t)(stamp % BILLION);
        check(rcl_publish(publisher, image, NULL), "rcl_publish");
        due += period;
    }
    sleep_until(due);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("expected TOPIC WIDTH HEIGHT CHANNELS BYTES_PER_CHANNEL ENCODING\n", stderr);
        return 2;
    }
    rcl_context_t context;
    rcl_node_t node;
    start_node(&context, &node, "publish_in_c");
    rcl_publisher_t publisher = advertise(
        &node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, Image), argv[1]);

    sensor_msgs__msg__Image image;
    describe(&image, argv[6], (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]),
             (uint32_t)(atoi(argv[4]) * atoi(argv[5])));
    size_t size = (size_t)image.step * image.height;
    rosidl_runtime_c__uint8__Sequence__init(&image.data, size);
    for (size_t i = 0; i < size; i++) {
        image.data.data[i] = (uint8_t)(i * 7);
    }

    wait_for_subscriber(&publisher);
    puts("ready");
    fflush(stdout);
    int count;
    long long period;
    while (scanf("%d %lld", &count, &period) == 2) {
        long long before = now(CLOCK_PROCESS_CPUTIME_ID);
        publish_many(&publisher, &image, count, period);
        printf("%lld\n", now(CLOCK_PROCESS_CPUTIME_ID) - before);
        fflush(stdout);
    }
    sensor_msgs__msg__Image__fini(&image);
    stop_node(&context, &node, &publisher);
    return 0;
}

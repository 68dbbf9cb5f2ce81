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
// The baseline of benchmark/publishing.py for IMU samples: publishes sensor_msgs/Imu with rcl, in
// bursts of 5, which are numpy arrays in the driver and plain variables here. See publish.c for
// its input and output. Arguments:
//
//     TOPIC
//
// publish_many and create_imu are also called by Python, once a batch, to measure what waking up
// the interpreter costs.

#include <stdio.h>
#include <stdlib.h>

#include "yardstick.h"
#include <sensor_msgs/msg/imu.h>

#define BURST 5

sensor_msgs__msg__Imu *create_imu(void)
{
    sensor_msgs__msg__Imu *imu = sensor_msgs__msg__Imu__create();
    rosidl_runtime_c__String__assign(&imu->header.frame_id, "imu_link");
    return imu;
}

void publish_many(
    rcl_publisher_t *publisher, sensor_msgs__msg__Imu *imu, int count, long long period)
{
    long long due = now(CLOCK_MONOTONIC), stamp = due;
    for (int i = 0; i < count; i++) {
        if (i % BURST == 0) {
            sleep_until(due);
            stamp = due;
            due += BURST * period;
        }
        imu->header.stamp.sec = (int32_t)(stamp / BILLION);
        imu->header.stamp.nanosec = (uint32_t)(stamp % BILLION);
        imu->linear_acceleration.z = 9.81 + i;
        imu->angular_velocity.z = i;
        check(rcl_publish(publisher, imu, NULL), "rcl_publish");
    }
    sleep_until(due);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("expected TOPIC\n", stderr);
        return 2;
    }
    rcl_context_t context;
    rcl_node_t node;
    start_node(&context, &node, "publish_imu_in_c");
    rcl_publisher_t publisher = advertise_with_depth(
        &node, ROSIDL_GET_MSG_TYPE_SUPPORT(sensor_msgs, msg, Imu), argv[1], 200);

    sensor_msgs__msg__Imu *imu = create_imu();
    wait_for_subscriber(&publisher);
    puts("ready");
    fflush(stdout);
    int count;
    long long period;
    while (scanf("%d %lld", &count, &period) == 2) {
        long long before = now(CLOCK_PROCESS_CPUTIME_ID);
        publish_many(&publisher, imu, count, period);
        printf("%lld\n", now(CLOCK_PROCESS_CPUTIME_ID) - before);
        fflush(stdout);
    }
    sensor_msgs__msg__Imu__destroy(imu);
    stop_node(&context, &node, &publisher);
    return 0;
}

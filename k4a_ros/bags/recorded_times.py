# Copyright 2026 The k4a_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
The ROS times that a recording has, as stamps in a bag, and back.

They are not a linear function of device times, so a bag has the device times, too: in the topic
``recording_times`` (std_msgs/UInt8MultiArray), whose data are entries of the track of ROS times in
a recording (`k4a_ros.mkv.ros_time_track`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

from k4a_ros.capture import Capture
from k4a_ros.mkv.ros_time_track import decode
from k4a_ros.mkv.ros_time_track import encode
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.streaming.device_clock import Times
from k4a_ros.streaming.stamper import Stamper
from k4a_ros.streaming.stamper import ToRos
import numpy as np
import numpy.typing as npt

#: name of the topic
RECORDING_TIMES = 'recording_times'


class RecordedTimes:
    """
    Stamps that are noted down with the device times that they belong to.

    :param stamper: assigns the stamps.
    :param write: called with the time of a message of the topic, and its data.
    """

    def __init__(self, stamper: Stamper, write: Callable[[int, bytes], None]) -> None:
        self._stamper = stamper
        self._write = write

    def capture(self, capture: Capture) -> ToRos:
        """Return the stamps of the images of a capture, by their device timestamps."""
        to_ros = self._stamper.capture(capture)
        images = ((TimedStream.DEPTH, capture.depth), (TimedStream.IR, capture.ir),
                  (TimedStream.COLOR, capture.color))
        stamps = {stream: (image.device_us, to_ros(image.device_us))
                  for stream, image in images if image is not None}
        self._write(min(stamp_ns for _, stamp_ns in stamps.values()), b''.join(
            encode(stream, np.array([device_us]), np.array([stamp_ns]))
            for stream, (device_us, stamp_ns) in stamps.items()))
        return to_ros

    def imu(self, device_us: Times) -> Times:
        """Return the stamps of IMU readings."""
        stamps = self._stamper.imu(device_us)
        self._write(int(stamps[0]), encode(TimedStream.IMU, device_us, stamps))
        return stamps


class DeviceTimes:
    """
    The device times of stamps.

    :param blocks: data of the messages of the topic.
    :param zero_ns: stamp at device time 0, for stamps that are not in any of them.
    :raises ValueError: a message has other data.
    """

    def __init__(self, blocks: Iterable[npt.NDArray[np.uint8]], zero_ns: int) -> None:
        self._zero_ns = zero_ns
        parts = [decode(block.tobytes()) for block in blocks]
        entries = np.concatenate(parts) if parts else decode(b'')
        entries = entries[entries['ros_ns'].argsort(kind='stable')]
        self._by_stream = {stream: entries[entries['stream'] == stream] for stream in TimedStream}

    def find(self, stream: TimedStream, stamps_ns: Times) -> Times:
        """
        Return device times.

        :param stamps_ns: (N,) stamps, nanoseconds.
        :return: (N,) microseconds.
        """
        result: Times = (stamps_ns - self._zero_ns + 500) // 1000
        entries = self._by_stream[stream]
        if len(entries):
            at = entries['ros_ns'].searchsorted(stamps_ns).clip(max=len(entries) - 1)
            known = entries['ros_ns'][at] == stamps_ns
            result[known] = entries['device_us'][at[known]]
        return result

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
from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.ros_time_track import decode
from k4a_ros.mkv.ros_time_track import encode
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.ros_times import RosTimes
from k4a_ros.streaming.device_clock import Times
from k4a_ros.streaming.stamper import ToRos
import numpy as np
import numpy.typing as npt

#: name of the topic
RECORDING_TIMES = 'recording_times'


class RecordedTimes:
    """
    Stamps of images and IMU readings; has the methods of `Stamper` that assign them.

    What has no time in the recording gets one with the distance to the last that has.

    :param times: those of the recording.
    :param offset_ns: ROS time at device time 0 until the first time is known.
    :param write: called with the time of a message of the topic, and its data.
    """

    def __init__(
        self, times: RosTimes, offset_ns: int, write: Callable[[int, bytes], None],
    ) -> None:
        self._times = times
        self._offset_ns = offset_ns
        self._write = write

    @staticmethod
    def first(times: RosTimes, item: Capture | ImuSamples) -> int:
        """Return the ROS time of the first image or sample of an item; 0 if it is unknown."""
        if isinstance(item, Capture):
            found = [int(times.find(stream, np.array([us]))[0]) for stream, us in _images(item)
                     if us == item.device_us]
            return max(found)
        return int(times.find(TimedStream.IMU, item.acc_us[:1])[0])

    def capture(self, capture: Capture) -> ToRos:
        """Return the stamps of the images of a capture, by their device timestamps."""
        stamps: dict[int, int] = {}
        entries = b''
        for stream, device_us in _images(capture):
            times = np.array([device_us])
            stamp_ns = self._stamps(stream, times)
            entries += encode(stream, times, stamp_ns)
            stamps.setdefault(device_us, int(stamp_ns[0]))
        self._write(min(stamps.values()), entries)
        return stamps.__getitem__

    def imu(self, device_us: Times) -> Times:
        """Return the stamps of IMU readings."""
        stamps = self._stamps(TimedStream.IMU, device_us)
        self._write(int(stamps[0]), encode(TimedStream.IMU, device_us, stamps))
        return stamps

    def _stamps(self, stream: TimedStream, device_us: Times) -> Times:
        stamps = self._times.find(stream, device_us)
        known = np.flatnonzero(stamps)
        if len(known):
            last = known[-1]
            self._offset_ns = int(stamps[last]) - 1000 * int(device_us[last])
        unknown = stamps == 0
        stamps[unknown] = device_us[unknown] * 1000 + self._offset_ns
        return stamps


def _images(capture: Capture) -> list[tuple[TimedStream, int]]:
    """Return stream and device timestamp of each image of a capture."""
    images = ((TimedStream.DEPTH, capture.depth), (TimedStream.IR, capture.ir),
              (TimedStream.COLOR, capture.color))
    return [(stream, image.device_us) for stream, image in images if image is not None]


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

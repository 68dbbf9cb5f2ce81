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

"""The stamps that a recording has for its images and IMU samples."""

from __future__ import annotations

from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.ros_time_track import TimedStream
from k4a_ros.mkv.ros_times import RosTimes
import numpy as np
import numpy.typing as npt

#: how far from the first and the last data a capture with a stamp is searched for
_SEARCH_US = 2_000_000
#: number of captures that are searched for the first stamp
_MAX_FIRST = 8
#: distance to a capture from which on one is searched for after the other
_NEAR_US = 500_000


class RecordedStamps:
    """
    Looks up stamps, and positions by their stamps, in a recording that has any.

    What the file has no stamp for gets one with the distance that its device time has to the
    first image with a stamp.

    :param reader: the recording; its positions are not changed.
    :param times: the ROS times in it.
    """

    def __init__(self, reader: RecordingReader, times: RosTimes) -> None:
        self._times = times
        # with positions of its own
        self._search = RecordingReader(reader.path)
        #: ROS time of device time 0, as the first image with a stamp has it
        self.origin_ns = 0
        self._search.captures.rewind()
        for _ in range(_MAX_FIRST):
            capture = self._search.captures.read()
            if capture is None:
                break
            if found := self.of_capture(capture):
                device_us, ros_ns = min(found.items())
                self.origin_ns = ros_ns - device_us * 1000
                break

    def of_capture(self, capture: Capture) -> dict[int, int]:
        """Return the known stamps of the images of a capture, by their device timestamps."""
        found: dict[int, int] = {}
        for stream, image in ((TimedStream.DEPTH, capture.depth), (TimedStream.IR, capture.ir),
                              (TimedStream.COLOR, capture.color)):
            if image is not None:
                ros_ns = int(self._times.find(stream, np.array([image.device_us]))[0])
                if ros_ns:
                    found.setdefault(image.device_us, ros_ns)
        return found

    def of_samples(self, samples: ImuSamples) -> npt.NDArray[np.int64]:
        """Return the stamps of IMU samples, (N,) nanoseconds; 0 where unknown."""
        return self._times.find(TimedStream.IMU, samples.acc_us)

    def ros_ns(self, device_us: int) -> int:
        """Return the ROS time of a position, from the last capture that begins before it."""
        self._search.captures.seek(device_us - _SEARCH_US)
        offset_ns = self.origin_ns
        while (capture := self._search.captures.read()) is not None:
            known = self.of_capture(capture)
            if known:
                first_us = min(known)
                offset_ns = known[first_us] - first_us * 1000
            if capture.device_us >= device_us:
                break
        return device_us * 1000 + offset_ns

    def find_us(self, ros_ns: int) -> int:
        """
        Return the position of a ROS time: such that the first image there is not stamped before.

        Stamps increase with device time, but ROS time may have stepped while they were recorded.

        :raises CameraLostError: the file cannot be read.
        """
        low_us, high_us = self._search.start_us, self._search.end_us
        near_us = (ros_ns - self.origin_ns) // 1000
        for device_us in (near_us - _NEAR_US, near_us + _NEAR_US):
            if low_us < device_us < high_us:
                low_us, high_us = self._narrowed(low_us, high_us, device_us, ros_ns)
        while high_us - low_us > 2 * _NEAR_US:
            low_us, high_us = self._narrowed(low_us, high_us, (low_us + high_us) // 2, ros_ns)
        latest_us, latest_ns = 0, self.origin_ns
        self._search.captures.seek(low_us)
        while (capture := self._search.captures.read()) is not None:
            for image_us, stamp_ns in sorted(self.of_capture(capture).items()):
                if stamp_ns >= ros_ns:
                    return image_us
                latest_us, latest_ns = image_us, stamp_ns
        return latest_us + (ros_ns - latest_ns) // 1000

    def _narrowed(
        self, low_us: int, high_us: int, device_us: int, ros_ns: int,
    ) -> tuple[int, int]:
        """Return the part of a range of device times, before or after one, with a ROS time."""
        self._search.captures.seek(device_us)
        while (capture := self._search.captures.read()) is not None:
            if found := self.of_capture(capture):
                first_us = min(found)
                # what follows the first image with a stamp may be far away
                return (low_us, device_us) if found[first_us] >= ros_ns else (
                    max(first_us, device_us), max(first_us, high_us))
        return low_us, device_us

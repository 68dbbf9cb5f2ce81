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

"""Read a recording from start to end in one loop: captures and IMU samples in order."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Iterator
import queue
import threading

from k4a_ros.cameras.base import Camera
from k4a_ros.capture import Capture
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import EndOfRecording
from k4a_ros.errors import ReadTimeout

Item = Capture | ImuSamples

#: number of items that are read ahead
_READ_AHEAD = 8
#: interval at which a thread that waits for room checks whether anyone still reads
_POLL_S = 0.1


def items(camera: Camera) -> Iterator[Item]:
    """
    Yield all captures and batches of IMU samples of a camera in lockstep, in order.

    Batches are those that a driver at playback rate 0 gets.

    :raises CameraLostError: the recording is damaged at this position.
    """
    camera.start()
    captures = camera.config.depth or camera.config.ir or camera.config.color
    imu = camera.config.imu
    while captures or imu:
        if captures:
            try:
                yield camera.read(0.0)
            except ReadTimeout:
                pass  # there are older IMU samples
            except EndOfRecording:
                captures = False
        if imu:
            try:
                yield camera.read_imu(0.0)
            except ReadTimeout:
                pass  # there is an older capture
            except EndOfRecording:
                imu = False


def read_ahead(source: Iterator[Item]) -> Generator[Item, None, None]:
    """
    Yield what an iterator yields, which a thread reads ahead.

    Closing this iterator ends the thread.
    """
    pending: queue.Queue[Item | BaseException | None] = queue.Queue(_READ_AHEAD)
    stopping = threading.Event()

    def put(item: Item | BaseException | None) -> None:
        while not stopping.is_set():
            try:
                pending.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue

    def run() -> None:
        try:
            for item in source:
                put(item)
                if stopping.is_set():
                    return
            put(None)
        except BaseException as error:  # raised again where the items are used
            put(error)

    thread = threading.Thread(target=run, name='read ahead')
    thread.start()
    try:
        while True:
            item = pending.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopping.set()
        thread.join()

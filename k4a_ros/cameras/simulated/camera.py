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


"""A camera that does not exist: a simulated world, seen in real time, with faults on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import functools
import random
import time

from k4a_ros.body.queued_tracker import QueuedTracker
from k4a_ros.body.tracker import BodyTracker
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.cameras.base import Camera
from k4a_ros.cameras.base import ControlListener
from k4a_ros.cameras.base import DeviceInfo
from k4a_ros.cameras.base import SyncJacks
from k4a_ros.cameras.controls import ControlRange
from k4a_ros.cameras.controls import CONTROLS
from k4a_ros.cameras.simulated.color_signal import corrupt
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.frames import Frames
from k4a_ros.cameras.simulated.frames import IMU_BURST_US
from k4a_ros.cameras.simulated.frames import SensorLike
from k4a_ros.cameras.simulated.ground_truth_tracker import GroundTruthEstimator
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
import numpy as np

FIRMWARE = {'color': '1.6.110', 'depth': '1.6.79', 'depth_sensor': '6109.7', 'audio': '1.6.14'}
#: as many captures wait in the SDK for their reader (k4a.c, capturesync.c)
QUEUE = 7
#: and as much of the inertial samples, 0.5 s
IMU_QUEUE = 500_000 // IMU_BURST_US

#: from the center of exposure, or the last sample of a burst, to the host: at least and mean of
#: what comes on top, seconds
_LATENCY_NS = 4_000_000
_IMU_LATENCY_NS = 1_500_000
_JITTER = 0.0005
_LONGEST_JITTER = 0.005


class SimulatedCamera(Camera):
    """
    A live camera in a simulated world: what is not read in time is lost, the oldest first.

    Frames are rendered by whoever reads them, ahead of their time, and come out when they would
    arrive over USB. Each `start` begins with frame 0 at the scene's time 0 and a device clock
    near 0; the controls stay as they are. With the same calibration, scene and seed a frame
    has the same bytes in every run, if the controls are the same and, while an automatic mode
    has not settled, so are the frames that were read before.

    :param config: what to stream.
    :param calibration: JSON of a factory calibration; default: a nominal one.
    :param sensor: what the lenses see; default: the default scene.
    :param device: hardware to open, which keeps controls and faults when the camera is closed;
        default: new hardware.
    :param source: where the scene came from, for people.
    :param seed: of the delays.
    :param on_control: called with name and value of a control that another one has changed.
    :raises ConfigError: no camera can stream this; all reasons at once.
    :raises CalibrationError: the calibration cannot be used.
    :raises DeviceNotFoundError: the device is unplugged.
    """

    def __init__(
        self, config: CameraConfig, calibration: FactoryCalibration | None = None,
        sensor: SensorLike | None = None, device: SimulatedDevice | None = None, *,
        source: str = 'the default scene', seed: int = 0,
        on_control: ControlListener | None = None,
    ) -> None:
        super().__init__(on_control)
        found = validate(config)
        if found:
            raise ConfigError(*found)
        self.config = config
        self.calibration = calibration or FactoryCalibration.from_raw(nominal_calibration())
        self.info = DeviceInfo('simulated camera', self.calibration.serial, source, FIRMWARE)
        self._device = device or SimulatedDevice()
        self._changed = self._device.changed
        self._sensor = sensor or Sensor(default_scene(), self.calibration, config)
        self._seed = seed
        self._closed = False
        self._session = 0  # counts the starts
        self._streaming = False
        #: captures and bursts of inertial samples that nobody read in time
        self.dropped_captures = 0
        self.dropped_bursts = 0
        with self._changed:
            if not self._device.plugged():
                raise DeviceNotFoundError(
                    "the simulated camera is unplugged (simulation_fault 'unplug'); plug it in "
                    "again with simulation_fault:='replug'")
            self._plug = self._device.unplugged

    def start(self) -> None:
        """
        Start streaming.

        :raises CameraError: it streams already, or is closed.
        :raises CameraLostError: it was unplugged since it was opened.
        """
        with self._changed:
            if self._closed or self._streaming:
                raise CameraError('cannot start the simulated camera: it is '
                                  + ('closed' if self._closed else 'streaming already'))
            self._check_plug()
            self._frames = Frames(self.config, self._sensor, self._device.controls)
            self._next = self._next_burst = 0
            self._ready: tuple[int, Capture] | None = None
            self._session += 1
            self._streaming = True
            self._device.clock.start(time.monotonic_ns())

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture when it arrives.

        :raises ReadTimeout: none arrived in this time.
        :raises CameraLostError: the device was unplugged.
        :raises CameraError: the camera is not streaming.
        """
        deadline = time.monotonic_ns() + int(timeout * 1e9)
        rendered = -1
        while True:
            with self._changed:
                number, due, session = self._await_capture(deadline, rendered)
                frames = self._frames
            if self._ready is None or self._ready[0] != number:
                ready = frames.capture(number)
                with self._changed:
                    if session == self._session:
                        self._ready = (number, ready)
                rendered = number
                continue  # look again: it may not be due yet, or not be wanted any more
            with self._changed:
                capture = self._deliver(number, due, session)
            if capture is not None:
                return capture

    def _await_capture(self, deadline: int, rendered: int) -> tuple[int, int, int]:
        """
        Wait for a capture to arrive, or for the time to render one that will before the deadline.

        :param rendered: number of the capture that this read has rendered; so it has left the
            queue, and is not lost however long that took.
        :return: its number, when it is due, and the session.
        """
        while True:
            self._check_streaming()
            now = time.monotonic_ns()
            if self._next != rendered:
                self._drop_old_captures(now)
            number = self._next
            due = self._arrival(number)
            ready = self._ready is not None and self._ready[0] == number
            if due <= now and self._lost(number):
                self._next += 1
            elif due <= now or (due <= deadline and not ready):
                return number, due, self._session
            elif now >= deadline:
                raise ReadTimeout('no capture came from the simulated camera in time')
            else:
                self._changed.wait((min(due, deadline) - now) * 1e-9)

    def _deliver(self, number: int, due: int, session: int) -> Capture | None:
        """Return the capture that is ready, with stamps and faults; None if none comes of it."""
        self._check_streaming()
        if session != self._session or self._next != number or self._ready is None:
            return None
        capture, self._ready = self._ready[1], None
        self._next += 1
        if self._device.take('drop capture'):
            return None
        depth, ir, color = (self._stamped(image, due) for image in (
            capture.depth, capture.ir, capture.color))
        if ir is not None and self._device.take('drop depth'):
            depth = ir = None
        if color is not None and self._device.take('drop color'):
            color = None
        elif (color is not None and self.config.color_format is ColorFormat.MJPG
                and self._device.take('corrupt jpeg')):
            color = replace(color, data=corrupt(color.data))
        if ir is None and color is None:
            return None
        if self.config.synchronized_images_only and (ir is None or color is None):
            return None
        return Capture(depth, ir, color, temperature=capture.temperature)

    def _stamped(self, image: Image | None, due: int) -> Image | None:
        if image is None:
            return None
        return replace(
            image, device_us=image.device_us - self._device.clock.zero_us(image.device_us),
            host_ns=due)

    def _drop_old_captures(self, now: int) -> None:
        """Forget the oldest captures where more have arrived than the queue holds."""
        last = self._frames.number_at(self._device.clock.elapsed_us(now - _LATENCY_NS))
        if last - self._next < QUEUE:
            return
        while last >= self._next and self._arrival(last) > now:
            last -= 1
        first = max(self._next, last - QUEUE + 1)
        self.dropped_captures += sum(
            not self._lost(number) for number in range(self._next, first))
        self._next = first

    def _arrival(self, number: int) -> int:
        """Return the host's time at which a capture arrives, nanoseconds."""
        return self._device.stalled.after(self._undisturbed(number))

    def _lost(self, number: int) -> bool:
        """Return whether a capture never comes."""
        when = self._undisturbed(number)
        no_pulse = (self.config.wired_sync_mode is WiredSyncMode.SUBORDINATE
                    and when in self._device.no_pulse)
        return no_pulse or when in self._device.no_captures

    def _undisturbed(self, number: int) -> int:
        taken = self._device.clock.host_ns(self._frames.complete_us(number))
        delay = min(_exponential(self._seed, number) * _JITTER, _LONGEST_JITTER)
        delay += _exponential(self._seed, number) * self._device.latency
        return taken + _LATENCY_NS + int(delay * 1e9)

    def read_imu(self, timeout: float) -> ImuSamples:
        """Return the inertial samples that have arrived since; errors as those of `read`."""
        deadline = time.monotonic_ns() + int(timeout * 1e9)
        with self._changed:
            bursts = self._await_bursts(deadline)
            zeros = [self._device.clock.zero_us(k * IMU_BURST_US) for k in bursts]
            frames = self._frames
        parts = [frames.imu(k) for k in bursts]
        shift = np.repeat(np.array(zeros, np.int64), [len(part) for part in parts])
        return ImuSamples(
            np.concatenate([part.acc for part in parts]),
            np.concatenate([part.acc_us for part in parts]) - shift,
            np.concatenate([part.gyro for part in parts]),
            np.concatenate([part.gyro_us for part in parts]) - shift,
            np.concatenate([part.temperature for part in parts]))

    def _await_bursts(self, deadline: int) -> list[int]:
        """Wait for bursts of inertial samples, and return their numbers."""
        while True:
            self._check_streaming()
            if not self.config.imu:
                raise CameraError('the IMU is not streaming: it is off in the configuration')
            now = time.monotonic_ns()
            end = self._next_burst
            while self._burst_arrival(end) <= now:
                end += 1
            came = [k for k in range(self._next_burst, end) if not self._burst_lost(k)]
            self._next_burst = end
            self.dropped_bursts += max(0, len(came) - IMU_QUEUE)
            if came:
                return came[-IMU_QUEUE:]
            if now >= deadline:
                raise ReadTimeout('no inertial sample came from the simulated camera in time')
            self._changed.wait((min(self._burst_arrival(end), deadline) - now) * 1e-9)

    def _burst_arrival(self, burst: int) -> int:
        return self._device.stalled.after(self._burst_undisturbed(burst))

    def _burst_lost(self, burst: int) -> bool:
        return self._burst_undisturbed(burst) in self._device.no_imu

    def _burst_undisturbed(self, burst: int) -> int:
        return self._device.clock.host_ns((burst + 1) * IMU_BURST_US) + _IMU_LATENCY_NS

    def _check_streaming(self) -> None:
        if not self._streaming:
            raise CameraError('the simulated camera is not streaming: it has been stopped, or '
                              'not been started')
        self._check_plug()

    def _check_plug(self) -> None:
        if self._plug != self._device.unplugged:
            raise CameraLostError(
                'the simulated camera was unplugged; close it, and open it again when it is '
                'plugged in')

    @property
    def sensor(self) -> SensorLike:
        """Return what the lenses see; `sensor_us` tells when."""
        return self._sensor

    def sensor_us(self, device_us: int) -> int:
        """
        Return the time of the sensor at which an image was taken, microseconds.

        They differ once the device's clock has been reset. Where two images have the same stamp,
        the last one that has been taken is meant.

        :param device_us: the image's stamp.
        """
        with self._changed:
            return self._device.clock.last_us(device_us, time.monotonic_ns())

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the controls of the color camera."""
        return {name: self._device.controls.limits(name) for name in CONTROLS}

    def get_control(self, name: str) -> float | bool:
        """Return the value of a control; of an automatic one, what the camera has chosen."""
        return self._device.controls[name]

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set a control of the color camera; others that change by it are told to ``on_control``.

        :raises ConfigError: there is no such control, or it cannot have this value.
        """
        changed = self._device.controls.change(name, value)
        for other, now in changed.items():
            if other != name:
                self._report_control(other, now)
        return changed[name]

    def fault(self, text: str, amount: float | None = None) -> None:
        """
        Have faults from now on, as `k4a_ros.cameras.simulated.faults` tells.

        :param amount: of a single fault, where it is not in the text.
        :raises ConfigError: one is not understood, or has no effect; then none is had.
        """
        text = text if amount is None else f'{text} {amount}'
        for fault in parse_faults(text, self.config.wired_sync_mode):
            self._device.inject(fault)

    def open_ground_truth_tracker(self) -> BodyTracker:
        """Return a body tracker that knows the true poses of the people in the scene."""
        if not isinstance(self.sensor, Sensor):
            return super().open_ground_truth_tracker()
        return QueuedTracker(GroundTruthEstimator(
            self.sensor, self.sensor_us, self.calibration, self.config))

    def sync_jacks(self) -> SyncJacks:
        """Return the jacks: cables are where the wired synchronization mode needs them."""
        role = self.config.wired_sync_mode
        return SyncJacks(role is WiredSyncMode.SUBORDINATE, role is WiredSyncMode.MASTER)

    def stop(self) -> None:
        """Stop streaming, and wake the readers."""
        with self._changed:
            self._streaming = False
            self._changed.notify_all()

    def close(self) -> None:
        """Stop; the device keeps controls and faults."""
        self.stop()
        self._closed = True


@functools.lru_cache(maxsize=256)
def _exponential(seed: int, number: int) -> float:
    """Return a random number of mean 1 that belongs to a frame."""
    return random.Random(seed * 1_000_003 + number).expovariate(1.0)

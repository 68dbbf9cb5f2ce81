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


"""A simulated camera that delivers a synthetic scene in real time, with faults on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import functools
import random

from k4a_ros.audio.source import AudioSource
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
from k4a_ros.cameras.simulated.burst_queue import BurstQueue
from k4a_ros.cameras.simulated.color_signal import corrupt
from k4a_ros.cameras.simulated.faults import parse_faults
from k4a_ros.cameras.simulated.frames import FrameRenderer
from k4a_ros.cameras.simulated.frames import IMU_BURST_US
from k4a_ros.cameras.simulated.frames import SensorLike
from k4a_ros.cameras.simulated.ground_truth_tracker import GroundTruthEstimator
from k4a_ros.cameras.simulated.hardware import SimulatedDevice
from k4a_ros.cameras.simulated.microphones import SimulatedMicrophones
from k4a_ros.cameras.simulated.pulse_line import check_jacks
from k4a_ros.cameras.simulated.pulse_line import jacks_of
from k4a_ros.cameras.simulated.pulse_line import POLL_S
from k4a_ros.cameras.simulated.pulse_line import PulseLine
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import AudioError
from k4a_ros.errors import CameraError
from k4a_ros.errors import CameraErrorReason
from k4a_ros.errors import CameraLostError
from k4a_ros.errors import ConfigError
from k4a_ros.errors import DeviceNotFoundError
from k4a_ros.errors import ReadTimeout
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.sound import Ears
import numpy as np

FIRMWARE = {'color': '1.6.110', 'depth': '1.6.79', 'depth_sensor': '6109.7', 'audio': '1.6.14'}
#: captures that the SDK queues for its caller before it drops the oldest (k4a.c, capturesync.c)
QUEUE_SIZE = 7

#: minimum latency from the center of exposure to the host
_LATENCY_NS = 4_000_000
#: mean and maximum of the random latency of images that is added to it
_MEAN_JITTER_S = 0.0005
_MAX_JITTER_S = 0.005


class SimulatedCamera(Camera):
    """
    A live camera in a simulated scene: captures that are not read in time are dropped.

    Frames are rendered by the thread that reads them, ahead of time, and returned when they would
    arrive over USB. Each `start` restarts at frame 0, scene time 0 and a device clock near 0; the
    controls keep their values. With the same calibration, scene and seed a frame has the same
    bytes in every run, provided that the controls are the same and, until the automatic modes have
    settled, the same frames were read before.

    :param config: streams and modes.
    :param calibration: factory calibration; default: a nominal one.
    :param sensor: renders the scene; default: the default scene.
    :param device: device to open, which keeps controls and faults after close; default: a new one.
    :param source: description of the scene, for log messages.
    :param seed: seed of the latency jitter.
    :param sync_group: name of the sync cable, '' for one that nobody else is on.
    :param sync_cables: cables in the jacks, see `jacks_of`.
    :param on_control: called with name and value of a control that changed as a side effect.
    :raises ConfigError: the configuration is invalid; lists all problems.
    :raises CalibrationError: the calibration cannot be used.
    :raises DeviceNotFoundError: the device is unplugged.
    """

    def __init__(
        self, config: CameraConfig, calibration: FactoryCalibration | None = None,
        sensor: SensorLike | None = None, device: SimulatedDevice | None = None, *,
        source: str = 'the default scene', seed: int = 0, sync_group: str = '',
        sync_cables: str = 'auto', on_control: ControlListener | None = None,
    ) -> None:
        super().__init__(on_control)
        problems = validate(config)
        if problems:
            raise ConfigError(*problems)
        self.config = config
        self._true_calibration = calibration or (
            FactoryCalibration.from_raw(nominal_calibration()))
        self.calibration = self._true_calibration
        self.info = DeviceInfo('simulated camera', self.calibration.serial, source, FIRMWARE)
        self._device = device or SimulatedDevice()
        self._changed = self._device.changed
        self._time = self._device.host_time
        self._sensor = sensor or Sensor(default_scene(), self.calibration, config)
        self._seed = seed
        self._jacks = jacks_of(sync_cables, config.wired_sync_mode)
        self._sync_group = sync_group
        self._closed = False
        self._session = 0  # number of starts
        self._streaming = False
        self._bursts = BurstQueue(self._device)
        #: captures that were not read in time
        self.dropped_captures = 0
        with self._changed:
            if not self._device.is_plugged_in():
                raise DeviceNotFoundError(
                    "the simulated camera is unplugged (simulation_fault 'unplug'); plug it in "
                    "again with simulation_fault:='replug'")
            self._unplug_count = self._device.unplug_count

    def start(self) -> None:
        """
        Start streaming.

        :raises CameraError: the camera is already streaming, or closed.
        :raises CameraLostError: the device was unplugged since the camera was opened.
        """
        with self._changed:
            if self._closed or self._streaming:
                raise CameraError('cannot start the simulated camera: it is '
                                  + ('closed' if self._closed else 'already streaming'))
            self._check_plugged_in()
            check_jacks(self._jacks, self.config.wired_sync_mode)
            self._renderer = FrameRenderer(self.config, self._sensor, self._device.controls)
            self._next_number = 0
            self._bursts.restart()
            self._rendered: tuple[int, Capture] | None = None
            self._session += 1
            self._streaming = True
            now = self._time.now_ns()
            self._device.clock.start(now)
            self._line = PulseLine(
                self._sync_group, self.config.wired_sync_mode, self._device.clock,
                self._renderer, now, self._seed)

    def _has_pulses(self) -> bool:
        """Keep up with the sync cable, and return whether frames are exposed."""
        first = self._line.update()
        if first is not None:
            self._next_number, self._rendered = first, None
            self._bursts.restart(self._device.clock.elapsed_us(self._time.now_ns()))
        return self._line.has_pulses

    def read(self, timeout: float) -> Capture:
        """
        Return the next capture when it arrives.

        :raises ReadTimeout: no capture arrived in time.
        :raises CameraLostError: the device was unplugged.
        :raises CameraError: the camera is not streaming.
        """
        deadline = self._time.now_ns() + int(timeout * 1e9)
        last_rendered = -1
        while True:
            with self._changed:
                number, due, session = self._await_capture(deadline, last_rendered)
                renderer = self._renderer
            if self._rendered is None or self._rendered[0] != number:
                capture = renderer.capture(number)
                with self._changed:
                    if session == self._session:
                        self._rendered = (number, capture)
                last_rendered = number
                continue  # meanwhile faults or a restart may have changed what is due
            with self._changed:
                delivered = self._deliver(number, due, session)
            if delivered is not None:
                return delivered

    def _await_capture(self, deadline: int, last_rendered: int) -> tuple[int, int, int]:
        """
        Wait until a capture has arrived, or one that will arrive in time can be rendered.

        :param last_rendered: number of the capture that this read has rendered; it has left the
            queue, so it is not dropped however long rendering took.
        :return: number of the capture, its arrival time, and the session.
        """
        while True:
            self._check_streaming()
            has_pulses = self._has_pulses()
            now = self._time.now_ns()
            if not has_pulses:
                if now >= deadline:
                    raise ReadTimeout('the simulated camera gets no sync pulses')
                self._time.wait(self._changed, min(POLL_S, (deadline - now) * 1e-9))
                continue
            if self._next_number != last_rendered:
                self._drop_old_captures(now)
            number = self._next_number
            due = self._arrival(number)
            is_rendered = self._rendered is not None and self._rendered[0] == number
            if due <= now and self._is_lost(number):
                self._next_number += 1
            elif due <= now or (due <= deadline and not is_rendered):
                return number, due, self._session
            elif now >= deadline:
                raise ReadTimeout('no capture arrived from the simulated camera in time')
            else:
                self._time.wait(self._changed, (min(due, deadline) - now) * 1e-9)

    def _deliver(self, number: int, due: int, session: int) -> Capture | None:
        """Return the rendered capture with stamps and faults applied; None if it is dropped."""
        self._check_streaming()
        if session != self._session or self._next_number != number or self._rendered is None:
            return None
        capture, self._rendered = self._rendered[1], None
        self._next_number += 1
        if self._device.consume('drop capture'):
            return None
        depth, ir, color = (self._stamped(image, due) for image in (
            capture.depth, capture.ir, capture.color))
        if ir is not None and self._device.consume('drop depth'):
            depth = ir = None
        if color is not None and self._device.consume('drop color'):
            color = None
        elif (color is not None and self.config.color_format is ColorFormat.MJPG
                and self._device.consume('corrupt jpeg')):
            color = replace(color, data=corrupt(color.data))
        if ir is None and color is None:
            return None
        if self.config.synchronized_images_only and (ir is None or color is None):
            return None
        return Capture(depth, ir, color, temperature=capture.temperature)

    def _stamped(self, image: Image | None, due: int) -> Image | None:
        if image is None:
            return None
        device_us = image.device_us - self._device.clock.stamp_offset_us(image.device_us)
        return replace(image, device_us=self._line.stamp_us(device_us), host_ns=due)

    def _drop_old_captures(self, now: int) -> None:
        """Drop the oldest captures if more have arrived than the queue holds."""
        last = self._renderer.number_at(self._device.clock.elapsed_us(now - _LATENCY_NS))
        if last - self._next_number < QUEUE_SIZE:
            return
        while last >= self._next_number and self._arrival(last) > now:
            last -= 1
        first = max(self._next_number, last - QUEUE_SIZE + 1)
        self.dropped_captures += sum(
            not self._is_lost(number) for number in range(self._next_number, first))
        self._next_number = first

    def _arrival(self, number: int) -> int:
        """Return the host time at which a capture arrives, nanoseconds."""
        return self._device.stalls.postpone(self._nominal_arrival(number))

    def _is_lost(self, number: int) -> bool:
        """Return whether a capture never arrives."""
        when = self._nominal_arrival(number)
        lacks_pulse = (self.config.wired_sync_mode is WiredSyncMode.SUBORDINATE
                       and when in self._device.sync_pulse_gaps)
        return lacks_pulse or when in self._device.capture_gaps

    def _nominal_arrival(self, number: int) -> int:
        """Return the arrival time of a capture without stalls."""
        exposed = self._device.clock.host_ns(self._renderer.complete_us(number))
        delay = min(_exponential(self._seed, number) * _MEAN_JITTER_S, _MAX_JITTER_S)
        delay += _exponential(self._seed, number) * self._device.latency_s
        return exposed + _LATENCY_NS + int(delay * 1e9)

    def read_imu(self, timeout: float) -> ImuSamples:
        """Return the inertial samples that arrived since the last call; raises as `read`."""
        deadline = self._time.now_ns() + int(timeout * 1e9)
        with self._changed:
            bursts = self._await_bursts(deadline)
            offsets = [self._device.clock.stamp_offset_us(k * IMU_BURST_US) for k in bursts]
            renderer = self._renderer
        parts = [renderer.imu(k) for k in bursts]
        shift = np.repeat(np.array(offsets, np.int64), [len(part) for part in parts])
        samples = parts[0].joined(parts[1:])
        return replace(
            samples, acc_us=samples.acc_us - shift, gyro_us=samples.gyro_us - shift)

    def _await_bursts(self, deadline: int) -> list[int]:
        """Wait until bursts of inertial samples have arrived, and return their numbers."""
        while True:
            self._check_streaming()
            if not self.config.imu:
                raise CameraError('the IMU is not streaming: it is disabled in the configuration')
            now = self._time.now_ns()
            arrived = self._bursts.take(now)
            if arrived:
                return arrived
            if now >= deadline:
                raise ReadTimeout('no inertial samples arrived from the simulated camera in time')
            wake = min(self._bursts.next_arrival(), deadline)
            self._time.wait(self._changed, (wake - now) * 1e-9)

    def _check_streaming(self) -> None:
        if not self._streaming:
            raise CameraError('the simulated camera is not streaming: it was stopped, or never '
                              'started')
        self._check_plugged_in()

    def _check_plugged_in(self) -> None:
        if self._unplug_count != self._device.unplug_count:
            raise CameraLostError(
                'the simulated camera was unplugged; close it, and reopen it once it is plugged '
                'in again', [CameraErrorReason.DISCONNECTED])

    @property
    def dropped_bursts(self) -> int:
        """Return how many bursts of inertial samples were not read in time."""
        return self._bursts.dropped

    @property
    def sensor(self) -> SensorLike:
        """Return the sensor that renders the scene; see `sensor_us` for its time."""
        return self._sensor

    def sensor_us(self, device_us: int) -> int:
        """
        Return the sensor time of an image, microseconds.

        It differs from the device timestamp after the device clock has been reset. Of several
        images with the same timestamp, the latest one is meant.

        :param device_us: device timestamp of the image.
        """
        with self._changed:
            return self._device.clock.elapsed_of_stamp(device_us, self._time.now_ns())

    def controls(self) -> Mapping[str, ControlRange]:
        """Return the controls of the color camera, by parameter name."""
        return {name: self._device.controls.limits(name) for name in CONTROLS}

    def get_control(self, name: str) -> float | bool:
        """Return the value of a control; in automatic mode the value that the camera chose."""
        return self._device.controls[name]

    def set_control(self, name: str, value: float | bool) -> float | bool:
        """
        Set a control of the color camera; side effects are reported to ``on_control``.

        :raises ConfigError: there is no such control, or the value is invalid.
        """
        changed = self._device.controls.change(name, value)
        for other, new_value in changed.items():
            if other != name:
                self._report_control(other, new_value)
        return changed[name]

    def inject_faults(self, text: str, amount: float | None = None) -> None:
        """
        Inject faults into the device.

        :param text: see `k4a_ros.cameras.simulated.faults`.
        :param amount: argument of a single fault, if it is not part of the text.
        :raises ConfigError: a fault is invalid or has no effect; then none is applied.
        """
        text = text if amount is None else f'{text} {amount}'
        for fault in parse_faults(text, self.config.wired_sync_mode):
            self._device.inject(fault)

    def open_ground_truth_tracker(self) -> BodyTracker:
        """Return a body tracker that reports the true poses of the people in the scene."""
        if not isinstance(self.sensor, Sensor):
            return super().open_ground_truth_tracker()
        return QueuedTracker(GroundTruthEstimator(
            self.sensor, self.sensor_us, self._true_calibration, self.config))

    def open_microphones(self) -> AudioSource:
        """
        Open the microphones, whose clock drifts by up to 50 ppm, by the seed.

        :raises AudioError: the sensor does not render a scene, or the device is unplugged.
        """
        if not isinstance(self.sensor, Sensor):
            return super().open_microphones()
        with self._changed:
            if self._unplug_count != self._device.unplug_count:
                raise AudioError('the microphones of the simulated camera are unplugged')
        random_drift = random.Random(self._seed).uniform(-50.0, 50.0)
        return SimulatedMicrophones(
            Ears(self.sensor.scene, seed=self._seed), self._scene_s, drift_ppm=random_drift,
            seed=self._seed, time=self._time)

    def _scene_s(self, host_ns: int) -> float:
        with self._changed:
            return self._device.clock.elapsed_us(host_ns) * 1e-6

    def sync_jacks(self) -> SyncJacks:
        """Return which jacks have a cable."""
        return self._jacks

    def stop(self) -> None:
        """Stop streaming, and wake threads that wait in `read` or `read_imu`."""
        with self._changed:
            self._streaming = False
            if self._session:
                self._line.close()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop and close the camera; the device keeps its controls and faults."""
        self.stop()
        self._closed = True


@functools.lru_cache(maxsize=256)
def _exponential(seed: int, number: int) -> float:
    """Return an exponentially distributed number of mean 1, the same for a seed and number."""
    return random.Random(seed * 1_000_003 + number).expovariate(1.0)

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

"""What Microsoft's libk4arecord reads in a recording: the reference for our reader."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import ctypes
from ctypes import c_bool
from ctypes import c_int
from ctypes import c_int32
from ctypes import c_size_t
from ctypes import c_uint32
from ctypes import c_uint64
from ctypes import c_void_p
import functools
import os

from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.sdk.imu_samples import IMU_DTYPE
import numpy as np
import numpy.typing as npt
from support.sdk import libk4arecord


class Configuration(ctypes.Structure):
    """k4a_record_configuration_t."""

    _fields_ = [
        ('color_format', c_int), ('color_resolution', c_int), ('depth_mode', c_int),
        ('camera_fps', c_int), ('color', c_bool), ('depth', c_bool), ('ir', c_bool),
        ('imu', c_bool), ('depth_delay_off_color_usec', c_int32), ('wired_sync_mode', c_int),
        ('subordinate_delay_off_master_usec', c_uint32), ('start_us', c_uint32)]


@functools.cache
def library() -> ctypes.CDLL:
    """Return libk4a and libk4arecord."""
    sdk = ctypes.CDLL(str(libk4arecord()))  # through which functions of libk4a are found, too
    for name in ('capture_get_color_image', 'capture_get_depth_image', 'capture_get_ir_image',
                 'image_get_buffer'):
        getattr(sdk, f'k4a_{name}').restype = c_void_p
    for name in ('image_get_size', 'image_get_device_timestamp_usec',
                 'playback_get_recording_length_usec'):
        getattr(sdk, f'k4a_{name}').restype = c_uint64
    return sdk


class Reference(contextlib.AbstractContextManager['Reference']):
    """
    A recording that libk4arecord has opened; `OSError` if it rejects it.

    Read-ahead threads of libk4arecord 1.4 assign and copy pointers to one cluster without a lock
    (matroska_read.cpp, load_cluster_internal), which corrupts the heap if they do so at once. They
    inherit the processors of the thread that reads: with one, they take turns.
    """

    def __init__(self, path: object) -> None:
        self._processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, [min(self._processors)])
        try:
            self._open(path)
        except BaseException:
            os.sched_setaffinity(0, self._processors)
            raise

    def _open(self, path: object) -> None:
        self._sdk = library()
        self._path = os.fsencode(str(path))  # libk4arecord keeps the pointer
        self._handle = c_void_p()
        if self._sdk.k4a_playback_open(self._path, ctypes.byref(self._handle)):
            raise OSError(f'libk4arecord rejects {path}')
        self.config = Configuration()
        self._sdk.k4a_playback_get_record_configuration(
            self._handle, ctypes.byref(self.config))
        self.length_us = self._sdk.k4a_playback_get_recording_length_usec(self._handle)

    def calibration(self) -> bytes:
        """Return the raw calibration."""
        size = c_size_t(0)
        self._sdk.k4a_playback_get_raw_calibration(self._handle, None, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self._sdk.k4a_playback_get_raw_calibration(self._handle, buffer, ctypes.byref(size))
        return buffer.raw.rstrip(b'\0')

    def seek(self, offset_us: int) -> None:
        """Go to a time, microseconds since the start; libk4arecord finds it with the index."""
        assert not self._sdk.k4a_playback_seek_timestamp(
            self._handle, ctypes.c_int64(offset_us), c_int(0))

    def captures(self) -> Iterator[dict[str, tuple[int, bytes]]]:
        """Yield the images of each capture: device time, microseconds, and bytes."""
        sdk, capture = self._sdk, c_void_p()
        while not sdk.k4a_playback_get_next_capture(self._handle, ctypes.byref(capture)):
            images = {}
            for name in ('depth', 'ir', 'color'):
                handle = c_void_p(getattr(sdk, f'k4a_capture_get_{name}_image')(capture))
                if handle:
                    images[name] = (
                        sdk.k4a_image_get_device_timestamp_usec(handle), ctypes.string_at(
                            sdk.k4a_image_get_buffer(handle), sdk.k4a_image_get_size(handle)))
                    sdk.k4a_image_release(handle)
            sdk.k4a_capture_release(capture)
            yield images

    def imu(self) -> npt.NDArray[np.void]:
        """Return all inertial samples, (N,) IMU_DTYPE."""
        samples = []
        sample = np.zeros(1, IMU_DTYPE)
        while not self._sdk.k4a_playback_get_next_imu_sample(
                self._handle, c_void_p(sample.ctypes.data)):
            samples.append(sample.copy())
        return np.concatenate(samples) if samples else sample[:0]

    def __exit__(self, *_: object) -> None:
        """Close the recording."""
        self._sdk.k4a_playback_close(self._handle)
        os.sched_setaffinity(0, self._processors)


def assert_equals_reference(path: object) -> int:
    """
    Assert that our reader returns what libk4arecord does, bit for bit; return the captures.

    libk4arecord keeps the start of a recording in 32 bits of microseconds: times of its images
    are lower by what is lost.
    """
    with Reference(path) as reference, RecordingReader(str(path)) as reader:
        theirs, config = reference.config, reader.config
        lost_us = reader.start_us - theirs.start_us
        assert lost_us % 2**32 == 0
        for name in ('color', 'depth', 'ir', 'imu', 'color_resolution', 'depth_mode',
                     'depth_delay_off_color_usec', 'wired_sync_mode',
                     'subordinate_delay_off_master_usec'):
            assert getattr(config, name) == getattr(theirs, name), name
        assert not config.color or config.color_format == theirs.color_format
        assert {5: 0, 15: 1, 30: 2}[config.fps] == theirs.camera_fps
        assert reader.end_us - reader.start_us == reference.length_us
        assert reader.calibration == reference.calibration()
        assert (reader.complete, reader.missing) == (True, '')
        count = 0
        for images in reference.captures():
            capture = reader.captures.read()
            assert capture is not None
            for name in ('depth', 'ir', 'color'):
                image = getattr(capture, name)
                assert (image is not None) == (name in images), (count, name)
                if image is not None:
                    assert image.device_us == images[name][0] + lost_us, (count, name)
                    assert image.data.tobytes() == images[name][1], (count, name)
            count += 1
        assert reader.captures.read() is None
        _assert_same_imu(reference, reader)
    return count


def _assert_same_imu(reference: Reference, reader: RecordingReader) -> None:
    expected, samples = reference.imu(), reader.imu.read(10**9)
    if samples is None:
        assert not len(expected)
        return
    for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature'):
        np.testing.assert_array_equal(getattr(samples, name), expected[name], err_msg=name)

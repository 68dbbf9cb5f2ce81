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

"""What Microsoft's libk4a makes of a calibration: the reference for lenses, poses and clouds."""

from __future__ import annotations

import ctypes
from ctypes import byref
from ctypes import c_float
from ctypes import c_int
from ctypes import c_size_t
from ctypes import c_uint
from ctypes import c_void_p
import enum

from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
import numpy as np
from support.reference import library

#: k4a_image_format_t
_DEPTH16, _CUSTOM = 4, 7


class Sensor(enum.IntEnum):
    """k4a_calibration_type_t."""

    DEPTH = 0
    COLOR = 1
    GYRO = 2
    ACCEL = 3


class _Extrinsics(ctypes.Structure):
    """k4a_calibration_extrinsics_t; millimeters."""

    _fields_ = [('rotation', c_float * 9), ('translation', c_float * 3)]


class _Camera(ctypes.Structure):
    """k4a_calibration_camera_t."""

    _fields_ = [
        ('extrinsics', _Extrinsics), ('model', c_int), ('parameter_count', c_uint),
        ('parameters', c_float * 15), ('width', c_int), ('height', c_int),
        ('metric_radius', c_float)]


class _Calibration(ctypes.Structure):
    """k4a_calibration_t."""

    _fields_ = [
        ('cameras', _Camera * 2), ('extrinsics', (_Extrinsics * 4) * 4), ('depth_mode', c_int),
        ('color_resolution', c_int)]


class ReferenceCalibration:
    """
    A calibration as libk4a parses it.

    :param raw: as cameras store it.
    :raises ValueError: libk4a refuses it.
    """

    def __init__(
        self, raw: bytes, depth: DepthMode = DepthMode.OFF,
        color: ColorResolution = ColorResolution.OFF,
    ) -> None:
        text = raw.rstrip(b'\0') + b'\0'
        self._c = _Calibration()
        if library().k4a_calibration_get_from_raw(
                text, c_size_t(len(text)), c_int(depth.value), c_int(color.value),
                byref(self._c)):
            raise ValueError('libk4a refuses the calibration')

    def camera_matrix(self, camera: Sensor) -> np.ndarray:
        """Return the camera matrix, (3, 3)."""
        cx, cy, fx, fy = self._c.cameras[camera].parameters[:4]
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])

    def distortion(self, camera: Sensor) -> np.ndarray:
        """Return k1, k2, p1, p2, k3, k4, k5, k6, as OpenCV orders them."""
        values = self._c.cameras[camera].parameters
        k, (p2, p1) = values[4:10], values[12:14]
        return np.array([*k[:2], p1, p2, *k[2:]])

    def extrinsics(self, source: Sensor, target: Sensor) -> tuple[np.ndarray, np.ndarray]:
        """Return rotation (3, 3), and translation (3,) in meters, from one sensor to another."""
        found = self._c.extrinsics[source][target]
        return np.reshape(found.rotation, (3, 3)), np.array(found.translation) / 1000

    def project(self, camera: Sensor, points: np.ndarray) -> np.ndarray:
        """Return the pixels (N, 2) of points (N, 3) in millimeters, NaN for invalid ones."""
        pixels = np.full((len(points), 2), np.nan)
        pixel, valid = (c_float * 2)(), c_int()
        for i, point in enumerate(points.tolist()):
            failed = library().k4a_calibration_3d_to_2d(
                byref(self._c), (c_float * 3)(*point), c_int(camera), c_int(camera), pixel,
                byref(valid))
            if not failed and valid.value:
                pixels[i] = pixel
        return pixels

    def unproject(self, camera: Sensor, pixels: np.ndarray, depth_mm: float = 1) -> np.ndarray:
        """Return the points (N, 3) of pixels (N, 2) at a depth, NaN for invalid ones."""
        points = np.full((len(pixels), 3), np.nan)
        point, valid = (c_float * 3)(), c_int()
        for i, pixel in enumerate(pixels.tolist()):
            failed = library().k4a_calibration_2d_to_3d(
                byref(self._c), (c_float * 2)(*pixel), c_float(depth_mm), c_int(camera),
                c_int(camera), point, byref(valid))
            if not failed and valid.value:
                points[i] = point
        return points

    def cloud(self, depth: np.ndarray, camera: Sensor = Sensor.DEPTH) -> np.ndarray:
        """
        Return the cloud of a depth image of a camera.

        :return: (height, width, 3) int16 millimeters, 0, 0, 0 for invalid.
        """
        height, width = depth.shape
        depth = np.ascontiguousarray(depth)
        out = np.zeros((height, width, 3), np.int16)
        sdk = library()
        sdk.k4a_transformation_create.restype = c_void_p
        transformation = c_void_p(sdk.k4a_transformation_create(byref(self._c)))
        images = []
        for form, array in ((_DEPTH16, depth), (_CUSTOM, out)):
            image = c_void_p()
            assert not sdk.k4a_image_create_from_buffer(
                c_int(form), c_int(width), c_int(height), c_int(array.strides[0]),
                c_void_p(array.ctypes.data), c_size_t(array.nbytes), None, None, byref(image))
            images.append(image)
        try:
            assert not sdk.k4a_transformation_depth_image_to_point_cloud(
                transformation, images[0], c_int(camera), images[1])
        finally:
            for image in images:
                sdk.k4a_image_release(image)
            sdk.k4a_transformation_destroy(transformation)
        return out

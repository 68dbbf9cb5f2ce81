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
Factory calibration of a camera: the lenses, and the poses of the sensors.

The camera stores it as JSON. This module reads it as libk4a does (Azure Kinect Sensor SDK,
src/calibration/calibration.c and src/transformation/), in single precision where libk4a uses it,
but validates all of it on loading and names the value that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
import json
from typing import NoReturn

from k4a_ros.calibration.camera_info import CameraInfoValues
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.lens import LensModel
from k4a_ros.calibration.own_lens import own_lens
from k4a_ros.calibration.raw_lens import with_lens
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CalibrationError
import numpy as np
import numpy.typing as npt

_LENS_MODELS: dict[str, LensModel] = {
    'CALIBRATION_LensDistortionModelBrownConrady': 'brown_conrady',
    'CALIBRATION_LensDistortionModelRational6KT': 'rational_6kt',
}

# Mode -> (size of the full sensor, origin of the crop), in pixels of that mode
# (SDK, mode_specific_calibration.c).
_DEPTH_CROPS = {
    DepthMode.NFOV_2X2BINNED: ((512, 512), (96, 90)),
    DepthMode.NFOV_UNBINNED: ((1024, 1024), (192, 180)),
    DepthMode.WFOV_2X2BINNED: ((512, 512), (0, 0)),
    DepthMode.WFOV_UNBINNED: ((1024, 1024), (0, 0)),
    DepthMode.PASSIVE_IR: ((1024, 1024), (0, 0)),
}
_COLOR_CROPS = {
    ColorResolution.R720P: ((1280, 960), (0, 120)),
    ColorResolution.R1080P: ((1920, 1440), (0, 180)),
    ColorResolution.R1440P: ((2560, 1920), (0, 240)),
    ColorResolution.R1536P: ((2048, 1536), (0, 0)),
    ColorResolution.R2160P: ((3840, 2880), (0, 360)),
    ColorResolution.R3072P: ((4096, 3072), (0, 0)),
}

#: libk4a's default where the factory could not estimate the radius; about 120 degrees
_DEFAULT_METRIC_RADIUS = 1.7
_MIN_METRIC_RADIUS = 0.0001

#: largest element of R Rᵀ - I that is accepted of a rotation R: measured calibrations have up to
#: 2e-6, Orbbec's template 0.012
_MAX_ORTHOGONALITY_ERROR = 0.05


@dataclass(frozen=True)
class _NormalizedLens:
    """Lens as the factory stores it: lengths are fractions of the sensor's width and height."""

    width: int
    height: int
    parameters: tuple[float, ...]
    metric_radius: float
    model: LensModel

    def intrinsics(
        self, sensor_size: tuple[int, int], crop_origin: tuple[int, int],
        image_size: tuple[int, int],
    ) -> Intrinsics:
        """
        Return the intrinsics of a mode.

        :param sensor_size: width and height of the full sensor, in pixels of the mode.
        :param crop_origin: x and y of the image's top left pixel on the sensor, in the same unit.
        :param image_size: width and height of the image, pixels.
        """
        cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, codx, cody, p2, p1 = self.parameters
        scale = np.array(sensor_size, np.float32)
        center = np.array((cx, cy), np.float32) * scale - np.array(crop_origin, np.float32)
        # (0, 0) is the corner of the top left pixel for the factory, and its center for the SDK
        center -= np.float32(0.5)
        focal = np.array((fx, fy), np.float32) * scale
        return Intrinsics(
            width=image_size[0], height=image_size[1],
            fx=float(focal[0]), fy=float(focal[1]), cx=float(center[0]), cy=float(center[1]),
            k1=k1, k2=k2, k3=k3, k4=k4, k5=k5, k6=k6, p1=p1, p2=p2, codx=codx, cody=cody,
            metric_radius=self.metric_radius, model=self.model)


@dataclass(frozen=True, eq=False)
class FactoryCalibration:
    """
    Factory calibration of one camera.

    ``raw`` is the JSON (bytes, UTF-8, without byte order mark and NUL). ``serial`` and
    ``factory_date`` are copied from it, empty where absent. The transforms map points from the
    frame of the depth camera to that of the color camera, accelerometer or gyroscope, in meters.
    Their rotations are as stored, orthogonal to about 1e-6 only; see `RigidTransform.normalized`.

    ``accel_sigma`` (m/s²) and ``gyro_sigma`` (rad/s) are (3,), or None where the calibration has
    none. They are the JSON's "Noise", which the SDK (k4ainternal/calibration.h) calls the
    "standard deviation of the noise" without giving unit or bandwidth; this package assumes that
    of a single sample as delivered, in the sample's unit.

    ``rotation`` is the angle by which the images, and the frames of both cameras, are turned; see
    `rotated`.
    """

    raw: bytes = field(repr=False)
    serial: str
    factory_date: str
    depth_to_color: RigidTransform
    depth_to_accel: RigidTransform
    depth_to_gyro: RigidTransform
    accel_sigma: npt.NDArray[np.float64] | None
    gyro_sigma: npt.NDArray[np.float64] | None
    _depth_lens: _NormalizedLens = field(repr=False)
    _color_lens: _NormalizedLens = field(repr=False)
    #: lenses that are not those of the factory, of images that are not turned, by mode
    _own_depth: Mapping[DepthMode, Intrinsics] = field(default_factory=dict, repr=False)
    _own_color: Mapping[ColorResolution, Intrinsics] = field(default_factory=dict, repr=False)
    rotation: int = 0

    @classmethod
    def from_raw(cls, raw: bytes | str) -> FactoryCalibration:
        """
        Parse a calibration as cameras and recordings store it.

        :param raw: JSON; a byte order mark is skipped, and everything from the first NUL on.
        :raises CalibrationError: it is malformed or a value is implausible; names the value.
        """
        data = raw.encode('utf-8', 'surrogatepass') if isinstance(raw, str) else bytes(raw)
        data = data.split(b'\0', 1)[0].removeprefix(b'\xef\xbb\xbf')
        if not data.strip():
            _refuse('it is empty')
        try:
            root = _Node(json.loads(data.decode('utf-8')), '')
        except (ValueError, RecursionError) as error:
            _refuse(f'it is not valid JSON ({error})')
        information = root['CalibrationInformation']
        cameras = information['Cameras']
        depth = cameras.find('Location', 'CALIBRATION_CameraLocationD0')
        color = cameras.find('Location', 'CALIBRATION_CameraLocationPV0')
        sensors = information['InertialSensors']
        accel = sensors.find('SensorType', 'CALIBRATION_InertialSensorType_Accelerometer')
        gyro = sensors.find('SensorType', 'CALIBRATION_InertialSensorType_Gyro')
        metadata = information.get('Metadata')
        from_depth = _read_pose(depth['Rt']).inverse()
        return cls(
            raw=data,
            serial=_read_optional_string(metadata, 'SerialId'),
            factory_date=_read_optional_string(metadata, 'FactoryCalDate'),
            depth_to_color=_read_pose(color['Rt']) @ from_depth,
            depth_to_accel=_read_pose(accel['Rt']) @ from_depth,
            depth_to_gyro=_read_pose(gyro['Rt']) @ from_depth,
            accel_sigma=_read_sigma(accel.get('Noise')),
            gyro_sigma=_read_sigma(gyro.get('Noise')),
            _depth_lens=_read_depth_lens(depth),
            _color_lens=_read_color_lens(color))

    def rotated(self, rotation: int) -> FactoryCalibration:
        """
        Return the calibration for images that are turned clockwise, all by the same angle.

        The optical frames of both cameras turn with their images. ``raw`` and the frames of the
        inertial sensors stay as they are.

        :param rotation: 0, 90, 180 or 270 degrees; see `k4a_ros.calibration.rotation`.
        """
        if not rotation:
            return self
        turn = RigidTransform(upright_axes(rotation), np.zeros(3))
        back = turn.inverse()
        return replace(
            self, depth_to_color=turn @ self.depth_to_color @ back,
            depth_to_accel=self.depth_to_accel @ back, depth_to_gyro=self.depth_to_gyro @ back,
            rotation=(self.rotation + rotation) % 360)

    def depth(self, mode: DepthMode) -> Intrinsics:
        """
        Return the intrinsics of the depth and infrared images in a mode.

        :raises CalibrationError: the mode is OFF.
        """
        if mode not in _DEPTH_CROPS:
            raise CalibrationError(f'there are no depth intrinsics in mode {mode.name}')
        lens = self._own_depth.get(mode) or self._depth_lens.intrinsics(
            *_DEPTH_CROPS[mode], mode.size)
        return lens.rotated(self.rotation)

    def color(self, resolution: ColorResolution) -> Intrinsics:
        """
        Return the intrinsics of the color image at a resolution.

        :raises CalibrationError: the resolution is OFF.
        """
        if resolution not in _COLOR_CROPS:
            raise CalibrationError(f'there are no color intrinsics at {resolution.name}')
        lens = self._own_color.get(resolution) or self._color_lens.intrinsics(
            *_COLOR_CROPS[resolution], resolution.size)
        return lens.rotated(self.rotation)

    def with_depth_lens(self, mode: DepthMode, values: CameraInfoValues) -> FactoryCalibration:
        """
        Return this calibration with another lens of the depth camera, for one mode.

        ``raw`` has that lens, too, for programs that take the calibration in this form.

        :param values: for the images of this calibration, which may be turned.
        :raises CalibrationError: the mode is OFF, or `own_lens` refuses the values.
        """
        lens = own_lens(values, self.depth(mode)).rotated((360 - self.rotation) % 360)
        sensor, crop = _DEPTH_CROPS[mode]
        return replace(
            self, raw=with_lens(self.raw, 'D0', sensor, (1024, 1024), crop, lens),
            _own_depth={**self._own_depth, mode: lens})

    def with_color_lens(
        self, resolution: ColorResolution, values: CameraInfoValues,
    ) -> FactoryCalibration:
        """Return this calibration with another lens of the color camera; as `with_depth_lens`."""
        lens = own_lens(values, self.color(resolution)).rotated((360 - self.rotation) % 360)
        sensor, crop = _COLOR_CROPS[resolution]
        return replace(
            self, raw=with_lens(self.raw, 'PV0', sensor, (4096, 3072), crop, lens),
            _own_color={**self._own_color, resolution: lens})


def _refuse(problem: str) -> NoReturn:
    """Raise the error that names a problem of the calibration."""
    raise CalibrationError(
        f'cannot use the factory calibration: {problem}; read it again from the camera, or from a '
        'recording of that camera')


@dataclass(frozen=True)
class _Node:
    """A value of the JSON, with its path for error messages."""

    value: object
    path: str

    def __getitem__(self, key: str) -> _Node:
        """Return a required member of an object."""
        node = self.get(key)
        if node is None:
            _refuse(f'{self.path}.{key}'.lstrip('.') + ' is missing')
        return node

    def get(self, key: str) -> _Node | None:
        """Return an optional member of an object, or None if it is absent."""
        if not isinstance(self.value, dict):
            self.refuse('is not an object')
        if key not in self.value:
            return None
        return _Node(self.value[key], f'{self.path}.{key}'.lstrip('.'))

    def find(self, key: str, name: str) -> _Node:
        """Return the first element of an array whose member ``key`` equals ``name``."""
        for node in self.elements():
            if node[key].text() == name:
                return node
        self.refuse(f'has no element with {key} {name}')

    def elements(self) -> list[_Node]:
        """Return the elements of an array."""
        if not isinstance(self.value, list):
            self.refuse('is not an array')
        return [_Node(value, f'{self.path}[{i}]') for i, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.value, str):
            self.refuse('is not a string')
        return self.value

    def number(self) -> float:
        """Return a finite number, rounded to single precision as libk4a stores it."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            self.refuse('is not a number')
        try:
            with np.errstate(over='ignore'):
                number = float(np.float32(float(self.value)))
        except OverflowError:
            number = np.inf
        if not np.isfinite(number):
            self.refuse('is not a finite single-precision number')
        return number

    def numbers(self, count: int) -> list[float]:
        """Return an array of ``count`` numbers."""
        elements = self.elements()
        if len(elements) != count:
            self.refuse(f'has {len(elements)} elements instead of {count}')
        return [element.number() for element in elements]

    def refuse(self, problem: str) -> NoReturn:
        """Raise the error that names this value and its problem."""
        _refuse(f'{self.path or "the document"} {problem}')


def _read_optional_string(parent: _Node | None, key: str) -> str:
    """Return an optional string member, empty if it is absent."""
    node = parent.get(key) if parent is not None else None
    return node.text() if node is not None else ''


def _read_pose(node: _Node) -> RigidTransform:
    """Return the transform from the common frame of the calibration to a sensor's frame."""
    rotation = np.array(node['Rotation'].numbers(9)).reshape(3, 3)
    translation = np.array(node['Translation'].numbers(3))
    with np.errstate(all='ignore'):
        error = np.abs(rotation @ rotation.T - np.eye(3)).max()
        proper = np.linalg.det(rotation) > 0
    if not (error <= _MAX_ORTHOGONALITY_ERROR and proper):
        node['Rotation'].refuse('is not a rotation matrix')
    return RigidTransform(rotation, translation)


def _read_sigma(noise: _Node | None) -> npt.NDArray[np.float64] | None:
    """Return the first three numbers, which hold at any temperature; None if one is not > 0."""
    if noise is None:
        return None
    sigma = np.array([element.number() for element in noise.elements()[:3]])
    if sigma.shape != (3,) or not (sigma > 0).all():
        return None
    sigma.setflags(write=False)
    return sigma


def _read_lens(camera: _Node) -> _NormalizedLens:
    """Return the lens of one camera."""
    intrinsics = camera['Intrinsics']
    model = intrinsics['ModelType']
    if model.text() not in _LENS_MODELS:
        model.refuse(f'is {model.text()}, which neither libk4a nor this driver supports')
    count = intrinsics['ModelParameterCount']
    # 15 with the rational 6KT model, of which the last one is unused
    if count.number() not in (14, 15):
        count.refuse(f'is {count.number():g} instead of 14 or 15')
    parameters = intrinsics['ModelParameters']
    values = parameters.numbers(int(count.number()))[:14]
    # fractions of the sensor's size: generous bounds, to reject garbage
    for i, name, minimum in ((0, 'cx', -10), (1, 'cy', -10), (2, 'fx', 1e-3), (3, 'fy', 1e-3)):
        if not minimum <= values[i] <= 10:
            parameters.refuse(f'has {name} = {values[i]:g}, which is implausible for a lens')
    radius = camera['MetricRadius'].number()
    if radius <= _MIN_METRIC_RADIUS:
        radius = float(np.float32(_DEFAULT_METRIC_RADIUS))
    return _NormalizedLens(
        int(camera['SensorWidth'].number()), int(camera['SensorHeight'].number()),
        tuple(values), radius, _LENS_MODELS[model.text()])


def _read_depth_lens(camera: _Node) -> _NormalizedLens:
    """Return the lens of the depth camera."""
    lens = _read_lens(camera)
    if (lens.width, lens.height) != (1024, 1024):
        camera.refuse(f'has a sensor of {lens.width}x{lens.height} pixels instead of 1024x1024')
    return lens


def _read_color_lens(camera: _Node) -> _NormalizedLens:
    """Return the lens of the color camera; early calibrations are for 16:9, and are converted."""
    lens = _read_lens(camera)
    if lens.width > 0 and lens.width * 3 // 4 == lens.height:
        return lens
    if lens.width <= 0 or lens.width * 9 // 16 != lens.height:
        camera.refuse(f'has a sensor of {lens.width}x{lens.height} pixels, neither 4:3 nor 16:9')
    cx, cy, fx, fy, *rest = lens.parameters
    cy = float((np.float32(cy) * np.float32(2304) + np.float32(384)) / np.float32(3072))
    fy = float(np.float32(fy) * np.float32(2304) / np.float32(3072))
    return _NormalizedLens(4096, 3072, (cx, cy, fx, fy, *rest), lens.metric_radius, lens.model)

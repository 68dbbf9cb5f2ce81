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

"""The content of a sensor_msgs/CameraInfo, and its YAML files (no ROS)."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import tempfile
from typing import Any

from k4a_ros.calibration.rotation import upright_axes
from k4a_ros.calibration.rotation import upright_size
from k4a_ros.calibration.rotation import upright_vector
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import FileError
from k4a_ros.process.files import read_regular
import numpy as np
import yaml

#: a file of camera_calibration_parsers has less than 1 kB
_MAX_BYTES = 1 << 16
#: key in the file -> rows and columns; None for any number
_MATRICES: dict[str, tuple[int, int | None]] = {
    'camera_matrix': (3, 3), 'distortion_coefficients': (1, None),
    'rectification_matrix': (3, 3), 'projection_matrix': (3, 4)}


@dataclass(frozen=True)
class CameraInfoValues:
    """
    The lens of a camera, as sensor_msgs/CameraInfo describes it.

    ``width`` and ``height`` of the image, pixels; ``model`` is the name of the distortion model
    and ``d`` its coefficients; ``k`` (9), ``r`` (9) and ``p`` (12) are K, R and P in row-major
    order. The values are as given: `k4a_ros.calibration.own_lens` checks them.
    """

    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]

    def rotated(self, rotation: int) -> CameraInfoValues:
        """
        Return the lens of the images that result if those of this lens are turned clockwise.

        The model must be plumb_bob or rational_polynomial.

        :param rotation: 0, 90, 180 or 270 degrees; see `k4a_ros.calibration.rotation`.
        """
        if not rotation:
            return self
        width, height = upright_size((self.width, self.height), rotation)
        axes, d = upright_axes(rotation), list(self.d)
        # p1 and p2, see `Intrinsics.rotated`
        d[3], d[2] = upright_vector(d[3], d[2], rotation)
        # from the pixels of the image to those of the turned one: about the center of both
        pixels = axes.copy()
        pixels[:2, 2] = np.array((width - 1, height - 1)) / 2 - axes[:2, :2] @ (
            (self.width - 1) / 2, (self.height - 1) / 2)
        axes_and_one = np.eye(4)
        axes_and_one[:3, :3] = axes
        k, r, p = (np.reshape(matrix, (3, -1)) for matrix in (self.k, self.r, self.p))
        return CameraInfoValues(
            width, height, self.model, tuple(d), *(tuple((m + 0.0).ravel().tolist()) for m in (
                pixels @ k @ axes.T, axes @ r @ axes.T, pixels @ p @ axes_and_one.T)))

    @classmethod
    def from_yaml(cls, data: bytes) -> CameraInfoValues:
        """
        Parse a file of camera_calibration_parsers, or of the camera_calibration package.

        :raises CalibrationError: it is none; a phrase that names the value.
        """
        try:
            root = yaml.safe_load(data.decode())
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            raise CalibrationError(f'it is not YAML ({str(error).splitlines()[0]})') from error
        if not isinstance(root, dict):
            raise CalibrationError('it has no image_width, camera_matrix, ...')
        k, d, r, p = (_matrix(root, key) for key in _MATRICES)
        return cls(_size(root, 'image_width'), _size(root, 'image_height'),
                   str(_member(root, 'distortion_model')), d, k, r, p)

    def to_yaml(self, name: str) -> str:
        """
        Return the file that camera_calibration_parsers writes, with all digits.

        :param name: of the camera.
        """
        matrices = {
            key: {'rows': rows, 'cols': columns or len(values), 'data': [*map(float, values)]}
            for (key, (rows, columns)), values in zip(
                _MATRICES.items(), (self.k, self.d, self.r, self.p), strict=True)}
        return yaml.safe_dump(
            {'image_width': self.width, 'image_height': self.height, 'camera_name': name,
             'camera_matrix': matrices.pop('camera_matrix'), 'distortion_model': self.model,
             **matrices},
            default_flow_style=None, sort_keys=False, width=10_000)


def read_camera_info(path: str | os.PathLike[str]) -> CameraInfoValues:
    """
    Return the content of a file; see `CameraInfoValues.from_yaml`.

    :raises CalibrationError: it cannot be read; a phrase that does not name it.
    """
    try:
        return CameraInfoValues.from_yaml(read_regular(path, _MAX_BYTES))
    except FileError as error:
        raise CalibrationError(str(error)) from error


def write_camera_info(
    path: str | os.PathLike[str], name: str, values: CameraInfoValues,
) -> None:
    """
    Write a file, at once: a reader sees the old one or the whole new one.

    Missing folders are created. A file that is there is replaced.

    :param name: of the camera.
    :raises CalibrationError: it cannot be written; a sentence that names it.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f'.{target.name[:100]}.')
        try:
            with os.fdopen(handle, 'w') as file:
                file.write(values.to_yaml(name))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # mkstemp lets nobody else read it
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CalibrationError(
            f'cannot write {target}: {(error.strerror or str(error)).lower()}; make the folder '
            'writable for the driver, or choose another file') from error


def _member(root: dict[Any, Any], key: str) -> Any:
    if key not in root:
        raise CalibrationError(f'{key} is missing')
    return root[key]


def _size(root: dict[Any, Any], key: str) -> int:
    value = _member(root, key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise CalibrationError(f'{key} is not an integer')
    return value


def _matrix(root: dict[Any, Any], key: str) -> tuple[float, ...]:
    """Return the elements of a matrix; its size must be the one that it states."""
    node, (rows, columns) = _member(root, key), _MATRICES[key]
    data = node.get('data') if isinstance(node, dict) else None
    if not isinstance(data, list):
        raise CalibrationError(f'{key} has no list data')
    stated = (node.get('rows', rows), node.get('cols', columns or len(data)))
    if stated != (rows, columns or len(data)) or len(data) != rows * (columns or len(data)):
        expected = f'{rows}x{columns}' if columns else 'one row'
        raise CalibrationError(
            f'{key} has {len(data)} elements in {stated[0]!s:.20} rows and {stated[1]!s:.20} '
            f'columns instead of {expected}')
    return tuple(_number(value, key) for value in data)


def _number(value: object, key: str) -> float:
    """Return a number; YAML 1.1 reads 1e-05, which has no point, as a string."""
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise CalibrationError(f'{key} has an element that is not a number')

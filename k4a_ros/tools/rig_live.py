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

"""Images of the running drivers of a rig, for k4a_calibrate_rig."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import time
from typing import Any

import cv2
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.calibration.tf_frames import CAMERA_BASE
from k4a_ros.errors import CalibrationError
from k4a_ros.process.spinner import Spinner
from k4a_ros.rig.rig import Rig
from k4a_ros.rig_calibration.observations import CameraModel
from k4a_ros.rig_calibration.observations import COLOR
from k4a_ros.rig_calibration.observations import INFRARED
from k4a_ros.rig_calibration.observations import Sensor
from k4a_ros.rig_calibration.views import Frame
import numpy as np
import numpy.typing as npt
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import HistoryPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage

#: how long drivers and their images are waited for
WAIT_S = 30.0
_POLL_S = 0.05
#: how long an image is waited for that others have come without
_COMPLETE_S = 1.0
_GRAY = {'bgra8': cv2.COLOR_BGRA2GRAY, 'bgr8': cv2.COLOR_BGR2GRAY, 'rgb8': cv2.COLOR_RGB2GRAY}
#: kinds of images, and their topics
_TOPICS = {COLOR: 'rgb', INFRARED: 'ir', 'depth': 'depth'}


class LiveRig(contextlib.AbstractContextManager['LiveRig']):
    """
    The newest images of all drivers of a rig.

    ``cameras`` are the models of the cameras, in the order of the rig.

    :raises CalibrationError: a driver does not run, or publishes no images; names the topic.
    """

    def __init__(self, rig: Rig) -> None:
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node('k4a_calibrate_rig', context=self._context)
        self._failures: list[Exception] = []
        self._spinner = Spinner(self._node, self._failures.append)
        self._transforms: dict[str, tuple[str, RigidTransform]] = {}
        self._infos: dict[tuple[int, str], CameraInfo] = {}
        self._images: dict[tuple[int, str], Image] = {}
        self._topics: dict[tuple[int, str], str] = {}
        self._subscribe(TFMessage, '/tf_static', self._add_transforms, latched=True)
        for i, camera in enumerate(rig.cameras):
            kinds = [COLOR] if camera.config.color else []
            kinds += [INFRARED] if camera.config.ir else []
            kinds += ['depth'] if camera.config.depth else []
            for kind in kinds:
                topic = f'{rig.camera_namespace(camera)}/{_TOPICS[kind]}'
                self._topics[i, kind] = f'{topic}/image_raw'
                self._subscribe(Image, f'{topic}/image_raw', self._keep(i, kind))
                if kind != 'depth':
                    self._subscribe(CameraInfo, f'{topic}/camera_info', self._keep(i, kind))
        self._spinner.start()
        try:
            self._wait(lambda: self._topics.keys() - self._images.keys())
            self._wait(lambda: {
                key for key in self._topics if key[1] != 'depth' and (
                    key not in self._infos
                    or self._from_base(rig.cameras[key[0]].name, self._infos[key]) is None)})
            self.cameras = tuple(self._model(i, camera.name)
                                 for i, camera in enumerate(rig.cameras))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave ROS."""
        self._spinner.stop()
        self._node.destroy_node()
        self._context.try_shutdown()

    def __exit__(self, *_: object) -> None:
        """Leave ROS."""
        self.close()

    def moments(self, rate: float, seconds: float) -> Iterator[tuple[float, Mapping[int, Frame]]]:
        """
        Yield images of all cameras that have come since the last time, complete if possible.

        :param rate: times per second, at most.
        :return: progress from 0 to 1, and images by the index of the camera.
        """
        start_s = time.monotonic()
        while (now_s := time.monotonic()) < start_s + seconds:
            if self._failures:
                raise self._failures[0]
            while self._topics.keys() - self._images.keys() and (
                    time.monotonic() < now_s + _COMPLETE_S):
                time.sleep(_COMPLETE_S / 100)
            images, self._images = self._images, {}
            cameras = {camera for camera, _ in images}
            yield (now_s - start_s) / seconds, {i: _frame(images, i) for i in cameras}
            time.sleep(max(0.0, now_s + 1 / rate - time.monotonic()))

    def _subscribe(self, kind: Any, topic: str, callback: Any, latched: bool = False) -> None:
        self._node.create_subscription(kind, topic, callback, QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=100 if latched else 1,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE))

    def _keep(self, camera: int, kind: str) -> Any:
        def keep(message: Any) -> None:
            # the dictionary of images is replaced while it is examined
            target = self._images if isinstance(message, Image) else self._infos
            target[camera, kind] = message
        return keep

    def _add_transforms(self, message: TFMessage) -> None:
        for each in message.transforms:
            q, t = each.transform.rotation, each.transform.translation
            self._transforms[each.child_frame_id] = each.header.frame_id, RigidTransform.of_pose(
                (q.x, q.y, q.z, q.w), (t.x, t.y, t.z))

    def _wait(self, missing: Any) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while keys := missing():
            if self._failures:
                raise self._failures[0]
            if time.monotonic() > deadline_s:
                topics = ', '.join(sorted(self._topics[key] for key in keys))
                raise CalibrationError(
                    f'there are no images, camera_info or /tf_static of {topics}; start the '
                    'cameras with multi_camera.launch.py, with the same ROS_DOMAIN_ID, or give '
                    '--recordings')
            time.sleep(_POLL_S)

    def _from_base(self, name: str, info: CameraInfo) -> RigidTransform | None:
        """Return the transform from camera_base to the frame of a lens, None if unknown."""
        frame, pose = info.header.frame_id, RigidTransform.identity()
        while frame != f'{name}_{CAMERA_BASE}':
            if frame not in self._transforms:
                return None
            frame, link = self._transforms[frame]
            pose = link @ pose
        return pose.inverse()

    def _model(self, camera: int, name: str) -> CameraModel:
        sensors = {}
        for kind in (COLOR, INFRARED):
            info = self._infos.get((camera, kind))
            pose = None if info is None else self._from_base(name, info)
            if info is not None and pose is not None:
                sensors[kind] = Sensor(lens_of(info), pose)
        return CameraModel(name, sensors)


def _frame(images: Mapping[tuple[int, str], Image], camera: int) -> Frame:
    color, infrared, depth = (images.get((camera, kind)) for kind in _TOPICS)
    return Frame(None if color is None else gray_of(color),
                 None if infrared is None else numbers_of(infrared),
                 None if depth is None else millimeters_of(depth))


def lens_of(info: CameraInfo) -> Intrinsics:
    """Return the lens of a camera_info: plumb_bob or rational_polynomial."""
    k1, k2, p1, p2, k3, k4, k5, k6 = (*info.d, 0.0, 0.0, 0.0)[:8]
    return Intrinsics(info.width, info.height, info.k[0], info.k[4], info.k[2], info.k[5],
                      k1, k2, k3, k4, k5, k6, p1, p2)


def _pixels(message: Image, kind: Any, channels: int) -> npt.NDArray[Any]:
    data = np.frombuffer(message.data, kind).reshape(message.height, -1)
    pixels: npt.NDArray[Any] = data[:, :message.width * channels]
    return pixels if channels == 1 else pixels.reshape(message.height, message.width, channels)


def gray_of(message: Image) -> npt.NDArray[np.uint8] | None:
    """Return a color image as gray, (height, width) uint8; None for an unknown encoding."""
    if message.encoding in _GRAY:
        channels = 4 if message.encoding == 'bgra8' else 3
        return np.asarray(cv2.cvtColor(
            _pixels(message, np.uint8, channels), _GRAY[message.encoding]), np.uint8)
    if message.encoding in ('mono8', 'nv12'):  # the Y plane of nv12 is first
        return np.frombuffer(message.data, np.uint8)[:message.width * message.height].reshape(
            message.height, message.width)
    if message.encoding == 'yuv422_yuy2':
        return np.ascontiguousarray(_pixels(message, np.uint8, 2)[..., 0])
    return None


def numbers_of(message: Image) -> npt.NDArray[np.uint16]:
    """Return an infrared image, (height, width) uint16, of mono16 or mono8."""
    kind = np.uint8 if message.encoding in ('mono8', '8UC1') else np.uint16
    return _pixels(message, kind, 1).astype(np.uint16)


def millimeters_of(message: Image) -> npt.NDArray[np.uint16]:
    """Return a depth image, (height, width) uint16 mm, 0 for invalid."""
    if message.encoding == '32FC1':
        meters = np.nan_to_num(_pixels(message, np.float32, 1), nan=0.0, posinf=0.0)
        return np.asarray(np.round(meters * 1000), np.uint16)
    return _pixels(message, np.uint16, 1)

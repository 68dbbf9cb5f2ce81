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

"""Existence of topics, and their frames, encodings and namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
from cv_bridge import CvBridge
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image as CameraImage
from k4a_ros.images.depth_codec import decompress
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from sensor_msgs.msg import Imu
from sensor_msgs.msg import PointCloud2
from support.recordings import write_recording
from support.recordings import Written
from support.ros import DriverProcess
from support.ros import listening
from support.ros import new_domain
from support.ros import wait_for
from tf2_msgs.msg import TFMessage

DEPTH = {'/depth/image_raw', '/depth/image_raw/compressedDepth', '/depth/camera_info',
         '/depth_filtered/image_raw', '/depth_filtered/image_raw/compressedDepth',
         '/depth_filtered/camera_info',
         '/depth_rect/image_rect', '/depth_rect/image_rect/compressedDepth',
         '/depth_rect/camera_info', '/points2'}
IR = {f'/{name}' for name in (
    'ir/image_raw', 'ir/image_raw/compressed', 'ir/camera_info', 'ir_rect/image_rect',
    'ir_rect/image_rect/compressed', 'ir_rect/camera_info')}
RGB = {f'/{name}' for name in (
    'rgb/image_raw', 'rgb/image_raw/compressed', 'rgb/camera_info', 'rgb_rect/image_rect',
    'rgb_rect/image_rect/compressed', 'rgb_rect/camera_info')}
BOTH = {f'/{name}/{kind}' for name in ('depth_to_rgb', 'ir_to_rgb', 'rgb_to_depth')
        for kind in ('image_raw', 'camera_info')}
BOTH |= {f'/{name}' for name in (
    'depth_to_rgb/image_raw/compressedDepth', 'ir_to_rgb/image_raw/compressed',
    'rgb_to_depth/image_raw/compressed', 'depth_to_rgb_rect/image_rect',
    'depth_to_rgb_rect/image_rect/compressedDepth', 'depth_to_rgb_rect/camera_info')}
ALWAYS = {'/tf_static', '/time_reference'}


@pytest.mark.parametrize(('config', 'parameters', 'expected'), [
    (CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 30),
     {}, DEPTH | IR | RGB | BOTH | {'/imu'}),
    (CameraConfig.of_modes(DepthMode.PASSIVE_IR, ColorResolution.OFF, imu=False), {}, IR),
    (CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, ColorFormat.NV12, imu=False), {},
     RGB),
    (CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 30),
     {'color_enabled': False, 'point_cloud': False, 'imu_enabled': False},
     IR | DEPTH - {'/points2'}),
    (CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG, 30),
     {'depth_enabled': False}, RGB | {'/imu'}),
], ids=['all', 'passive-ir', 'color-only', 'disabled', 'no-depth'])
def test_topics_exist_only_if_the_camera_provides_their_data(
    tmp_path: Path, config: CameraConfig, parameters: dict[str, Any], expected: set[str],
) -> None:
    path = write_recording(tmp_path / 'a.mkv', config, 2).path
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, recording_file=path, recording_loop_enabled=True, **parameters) as driver:
        driver.wait_for_line('Opened recording')
        wait_for(lambda: listener.topics() == expected | ALWAYS,
                 f'{sorted(expected)}; topics are {sorted(listener.topics())}')


def test_two_cameras_in_separate_namespaces(tmp_path: Path) -> None:
    domain = new_domain()
    path = write_recording(tmp_path / 'a.mkv').path
    with listening(domain) as listener:
        transforms = listener.subscribe(TFMessage, '/tf_static', latched=True)
        clouds = {side: listener.subscribe(PointCloud2, f'/{side}/points2')
                  for side in ('left', 'right')}
        samples = listener.subscribe(Imu, '/left/imu')
        drivers = [DriverProcess.with_parameters(
            domain, '-r', f'__ns:=/{side}', recording_file=path, recording_loop_enabled=True,
            tf_prefix=f'{side}_') for side in clouds]
        with drivers[0], drivers[1]:
            wait_for(lambda: all(clouds.values()) and samples, 'both cameras')
            children = {t.child_frame_id for m in transforms for t in m.transforms}
            assert children == {f'{side}_{frame}' for side in clouds for frame in (
                'depth_camera_link', 'rgb_camera_link', 'imu_link')}
            for side, messages in clouds.items():
                assert messages[0].header.frame_id == f'{side}_depth_camera_link'
            assert samples[0].header.frame_id == 'left_imu_link'


def write_smooth_recording(path: Path, form: ColorFormat) -> Written:
    """Write a recording of one smooth color image, which survives JPEG compression."""
    def edit(_: int, capture: Capture) -> Capture:
        x, y = np.meshgrid(np.arange(1280) / 1280, np.arange(720) / 720)
        bgr = np.stack([40 + 150 * x, 40 + 150 * y, 200 - 150 * x], axis=-1).astype(np.uint8)
        data = {
            ColorFormat.MJPG: lambda: np.ravel(cv2.imencode('.jpg', bgr)[1]),
            ColorFormat.BGRA32: lambda: cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA),
        }[form]()
        return Capture(color=CameraImage(data, capture.device_us))

    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, form, imu=False)
    return write_recording(path, config, 1, edit=edit)


@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8'])
@pytest.mark.parametrize('form', [ColorFormat.MJPG, ColorFormat.BGRA32])
def test_cv_bridge_converts_color_in_every_encoding(
    tmp_path: Path, form: ColorFormat, encoding: str,
) -> None:
    written = write_smooth_recording(tmp_path / 'a.mkv', form)
    domain = new_domain()
    with listening(domain) as listener:
        images = listener.subscribe(Image, '/rgb/image_raw')
        jpegs = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, rgb_encoding=encoding,
                playback_rate=0) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: images and jpegs, 'the images')
    message = images[0]
    assert message.encoding == encoding
    bridge = CvBridge()
    bgr = bridge.imgmsg_to_cv2(message, 'bgr8')
    (capture,) = written.captures
    expected = (cv2.imdecode(capture.color.data, cv2.IMREAD_COLOR) if form is ColorFormat.MJPG
                else capture.color.data[..., :3])
    np.testing.assert_allclose(bgr.astype(int), expected.astype(int), atol=6)
    again = bridge.cv2_to_imgmsg(bridge.imgmsg_to_cv2(message), encoding)
    assert bytes(again.data) == bytes(message.data) and again.step == message.step
    assert jpegs[0].format == f'{encoding}; jpeg compressed bgr8'
    decoded = cv2.imdecode(np.frombuffer(jpegs[0].data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(decoded.astype(int), bgr.astype(int), atol=6)
    if form is ColorFormat.MJPG:
        assert bytes(jpegs[0].data) == capture.color.data.tobytes()


@pytest.mark.parametrize('form', ['nv12', 'yuy2'])
def test_jpeg_format_is_bgr8_if_images_are_native(form: str) -> None:
    domain = new_domain()
    with listening(domain) as listener, DriverProcess.with_parameters(
            domain, camera='simulated', color_format=form, rgb_encoding='native', fps=5):
        images = listener.subscribe(Image, '/rgb/image_raw', depth=2)
        jpegs = listener.subscribe(CompressedImage, '/rgb/image_raw/compressed', depth=2)
        wait_for(lambda: images and jpegs, 'the images')
    assert images[0].encoding in ('nv12', 'yuv422_yuy2')
    # subscribers decode it to three channels, whatever rgb/image_raw has
    assert jpegs[0].format == 'bgr8; jpeg compressed bgr8'
    picture = cv2.imdecode(np.frombuffer(jpegs[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (720, 1280, 3)


def test_depth_in_meters_and_infrared_as_mono8(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=1)
    domain = new_domain()
    with listening(domain) as listener:
        depth = listener.subscribe(Image, '/depth/image_raw')
        ir = listener.subscribe(Image, '/ir/image_raw')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0, depth_unit='32FC1',
                rescale_ir_to_mono8=True, ir_mono8_scaling_factor=0.01) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: depth and ir, 'the images')
    bridge = CvBridge()
    raw = written.captures[0].depth.data
    meters = bridge.imgmsg_to_cv2(depth[0])
    assert depth[0].encoding == '32FC1' and meters.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(meters), raw == 0)
    np.testing.assert_allclose(meters[raw > 0], raw[raw > 0] / 1000, rtol=1e-6)
    assert ir[0].encoding == 'mono8'
    np.testing.assert_array_equal(
        bridge.imgmsg_to_cv2(ir[0]),
        np.minimum(np.rint(written.captures[0].ir.data * 0.01), 255).astype(np.uint8))


def test_corrupt_jpegs_are_dropped_with_one_warning(tmp_path: Path) -> None:
    """The color images of this recording are noise instead of JPEG."""
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG)
    written = write_recording(tmp_path / 'a.mkv', config, 5)
    domain = new_domain()
    with listening(domain) as listener:
        color = listener.subscribe(Image, '/rgb/image_raw')
        depth = listener.subscribe(Image, '/depth/image_raw')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: len(depth) == 5, 'depth')
        assert not color
    assert sum('rgb/image_raw: dropped a message' in s for s in driver.lines) in (1, 2)
    assert 'rgb/image_raw 0' in driver.output


def test_imu_rate_target_averages_samples(tmp_path: Path) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=10)  # a third of a second
    domain = new_domain()
    with listening(domain) as listener:
        imu = listener.subscribe(Imu, '/imu')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0,
                imu_rate_target=100) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: len(imu) >= 33, 'samples')
    assert len(imu) <= 35
    mean = np.mean([m.linear_acceleration.x for m in imu])
    assert mean == pytest.approx(written.imu.acc[:, 0].mean(), abs=0.5)


@pytest.mark.parametrize('codec', ['png', 'rvl'])
def test_compressed_depth_is_lossless(tmp_path: Path, codec: str) -> None:
    written = write_recording(tmp_path / 'a.mkv', count=1)
    domain = new_domain()
    with listening(domain) as listener:
        images = listener.subscribe(CompressedImage, '/depth/image_raw/compressedDepth')
        with DriverProcess.with_parameters(
                domain, recording_file=written.path, playback_rate=0,
                compressed_depth_format=codec) as driver:
            assert driver.wait() == 0, driver.output
        wait_for(lambda: images, 'the image')
    assert images[0].format == f'16UC1; compressedDepth {codec}'
    np.testing.assert_array_equal(
        decompress(bytes(images[0].data), images[0].format), written.captures[0].depth.data)

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

"""Topics of a turned camera: upright images, and nothing moves in the frame of the robot."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import cv2
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.tf_frames import transform_between
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.images.color import encode_jpeg
from k4a_ros.images.depth_codec import decompress
from k4a_ros.publishing.options import TopicOptions
import numpy as np
import pytest
from support.rendered import pixels
from support.rendered import points
from support.rendered import RenderedTopics
from support.synthetic_capture import NOMINAL
from support.synthetic_capture import SMALL
from support.synthetic_capture import SyntheticCapture

TURNED = (90, 180, 270)
REAL = {'recording': 'recording_001514394512/calibration.json',
        'k4a_net': 'calibrations/raw_calibration_000019492412.bin'}


def turned(image: np.ndarray, rotation: int) -> np.ndarray:
    """Return an image, turned clockwise."""
    return np.rot90(image, -rotation // 90)


def in_base(message: Any, calibration: FactoryCalibration, rotation: int) -> np.ndarray:
    """Return the points of a cloud in camera_base, as the image of the camera has them."""
    to_base = transform_between(
        calibration.rotated(rotation), message.header.frame_id, 'camera_base')
    return turned(to_base.apply(points(message)), 360 - rotation)


@pytest.mark.parametrize('name', ['nominal', *REAL])
@pytest.mark.parametrize('mode', [mode for mode in DepthMode if mode.has_depth])
def test_points_do_not_move_in_the_frame_of_the_robot(
    request: pytest.FixtureRequest, mode: DepthMode, name: str,
) -> None:
    raw = (nominal_calibration() if name == 'nominal'
           else (request.getfixturevalue('test_data') / REAL[name]).read_bytes())
    calibration = FactoryCalibration.from_raw(raw)
    config = CameraConfig.of_modes(mode, ColorResolution.OFF)
    depth = np.random.default_rng(0).integers(0, 8000, mode.size[::-1]).astype(np.uint16)
    clouds = []
    for rotation in (0, *TURNED):
        topics = RenderedTopics(
            calibration, config, TopicOptions(camera_rotation=rotation),
            {'points2', 'depth/camera_info', 'depth/image_raw'})
        messages = topics.render(Capture(Image(depth, 1), Image(depth, 1)))
        np.testing.assert_array_equal(
            pixels(messages['depth/image_raw']), turned(depth, rotation))
        clouds.append(in_base(messages['points2'], calibration, rotation))
        check_info(messages['depth/camera_info'], messages['points2'],
                   pixels(messages['depth/image_raw']))
    assert np.isfinite(clouds[0]).mean() > 0.7
    for cloud in clouds[1:]:
        np.testing.assert_allclose(cloud, clouds[0], rtol=0, atol=1e-6)


def check_info(info: Any, cloud: Any, depth: np.ndarray) -> None:
    """Check that camera_info projects the points of a cloud to their pixels."""
    xyz = points(cloud).astype(np.float64)
    assert (info.height, info.width) == depth.shape == xyz.shape[:2]
    rows, columns = np.nonzero(np.isfinite(xyz[..., 0]))
    some = slice(None, None, 97)
    found, _ = cv2.projectPoints(
        xyz[rows[some], columns[some]], np.zeros(3), np.zeros(3), np.reshape(info.k, (3, 3)),
        np.array(info.d))
    expected = np.column_stack((columns, rows))[some]
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=5e-3)  # rays are float32
    np.testing.assert_array_equal(info.r, np.eye(3).ravel())
    np.testing.assert_array_equal(np.reshape(info.p, (3, 4))[:, :3], np.reshape(info.k, (3, 3)))


@pytest.fixture(scope='module')
def scene() -> SyntheticCapture:
    synthetic = SyntheticCapture(*SMALL)
    # smooth, as JPEG changes noise
    height, width = synthetic.color.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    synthetic.color[..., 0] = columns * 255 // width
    synthetic.color[..., 1] = rows * 255 // height
    synthetic.color[..., 2] = (columns // 160 + rows // 120) % 2 * 90 + 80
    return synthetic


def render(
    scene: SyntheticCapture, rotation: int, form: ColorFormat = ColorFormat.MJPG,
    topics: set[str] | None = None, **options: Any,
) -> dict[str, Any]:
    """Return the messages of a capture of a slanted wall and a ball."""
    config = replace(CameraConfig.of_modes(*SMALL), color_format=form)
    color = scene.color if form is ColorFormat.BGRA32 else encode_jpeg(scene.color, 95)
    capture = Capture(Image(scene.depth, 1), Image(scene.infrared, 1), Image(color, 1))
    return RenderedTopics(
        NOMINAL, config, TopicOptions(camera_rotation=rotation, **options), topics).render(capture)


@pytest.fixture(scope='module')
def level(scene: SyntheticCapture) -> dict[str, Any]:
    """Return all topics of a camera that is not turned."""
    return render(scene, 0)


@pytest.mark.parametrize('rotation', TURNED)
def test_every_image_is_upright(
    scene: SyntheticCapture, level: dict[str, Any], rotation: int,
) -> None:
    upright = render(scene, rotation)
    assert upright.keys() == level.keys()
    for topic in ('depth', 'depth_filtered', 'ir', 'rgb'):  # pixels of the camera: exactly those
        np.testing.assert_array_equal(pixels(upright[f'{topic}/image_raw']), turned(
            pixels(level[f'{topic}/image_raw']), rotation), topic)
    for topic in level:
        if topic.endswith('/compressedDepth'):
            image = decompress(bytes(upright[topic].data), upright[topic].format)
            np.testing.assert_array_equal(image, pixels(upright[topic.rsplit('/', 1)[0]]), topic)
        elif topic.endswith('/compressed'):
            image, before = (cv2.imdecode(
                np.frombuffer(message.data, np.uint8),
                cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
                for message in (upright[topic], level[topic]))
            if 'rect' not in topic:  # which has a grid of pixels of its own
                difference = cv2.absdiff(image, np.ascontiguousarray(turned(before, rotation)))
                assert np.percentile(difference, 99) < 12, topic
            assert image.shape[:2] == pixels(upright[topic.rsplit('/', 1)[0]]).shape[:2]
        elif topic.endswith('/camera_info'):
            image = upright[topic.replace('camera_info', 'image_rect' if 'rect' in topic
                                          else 'image_raw')]
            assert (upright[topic].width, upright[topic].height) == (image.width, image.height)
    for topic, difference in (('depth_to_rgb', 2), ('ir_to_rgb', 20), ('rgb_to_depth', 3)):
        # the triangles of registered images have other diagonals: they differ a little at edges
        image = pixels(upright[f'{topic}/image_raw']).astype(int)
        before = turned(pixels(level[f'{topic}/image_raw']).astype(int), rotation)
        assert ((image > 0) == (before > 0)).mean() > 0.998, topic
        assert (abs(image - before) <= difference).mean() > 0.997, topic


@pytest.mark.parametrize('rotation', TURNED)
@pytest.mark.parametrize('options', [
    {'rgb_point_cloud': True}, {'rgb_point_cloud': True, 'point_cloud_in_depth_frame': False},
    {'ir_point_cloud': True}], ids=['colored', 'in color', 'infrared'])
def test_colored_clouds_do_not_move(
    scene: SyntheticCapture, rotation: int, options: dict[str, Any],
) -> None:
    before, after = (in_base(render(scene, angle, topics={'points2'}, **options)['points2'],
                             NOMINAL, angle) for angle in (0, rotation))
    valid = np.isfinite(before[..., 0])
    assert valid.mean() > 0.2
    assert (valid == np.isfinite(after[..., 0])).mean() > 0.998
    distance = np.linalg.norm(after - before, axis=2)[valid & np.isfinite(after[..., 0])]
    # points in the frame of the color camera are interpolated, in whole millimeters
    assert np.percentile(distance, 99) < (
        2.5e-3 if options.get('point_cloud_in_depth_frame') is False else 1e-6)


@pytest.mark.parametrize('rotation', TURNED)
def test_crop_box_is_in_the_frame_of_the_robot(scene: SyntheticCapture, rotation: int) -> None:
    options = {'point_cloud_crop_max_z': 0.1, 'point_cloud_crop_min_y': -0.2}
    before, after = (in_base(render(scene, angle, topics={'points2'}, **options)['points2'],
                             NOMINAL, angle) for angle in (0, rotation))
    assert 0.1 < np.isfinite(before[..., 0]).mean() < 0.6
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)


@pytest.mark.parametrize('rotation', TURNED)
def test_filters_remove_the_same_pixels(scene: SyntheticCapture, rotation: int) -> None:
    options = {'depth_filter_flying_angle': 10.0, 'depth_filter_speckle_size': 30,
               'depth_filter_hole_size': 30}
    messy = copy.copy(scene)
    rng = np.random.default_rng(2)
    shape = scene.depth.shape
    messy.depth = np.where(rng.random(shape) < 0.01, 0, np.where(
        rng.random(shape) < 0.01, scene.depth // 2, scene.depth)).astype(np.uint16)
    before, after = (
        pixels(render(messy, angle, topics={'depth_filtered/image_raw'}, **options)[
            'depth_filtered/image_raw']) for angle in (0, rotation))
    assert (before != messy.depth).mean() > 0.015
    assert (after == turned(before, rotation)).mean() > 0.999


@pytest.mark.parametrize('rotation', TURNED)
@pytest.mark.parametrize('topic', ['depth_rect', 'depth_to_rgb_rect'])
def test_rectified_depth_does_not_move(
    scene: SyntheticCapture, topic: str, rotation: int,
) -> None:
    """Points as depth_image_proc makes them, seen by the camera that is not turned."""
    messages = render(scene, rotation, topics={f'{topic}/image_rect', f'{topic}/camera_info'})
    depth = pixels(messages[f'{topic}/image_rect']) / 1000
    info = messages[f'{topic}/camera_info']
    rows, columns = np.nonzero(depth)
    z = depth[rows, columns]
    k = np.reshape(info.p, (3, 4))
    xyz = np.column_stack(((columns - k[0, 2]) / k[0, 0] * z, (rows - k[1, 2]) / k[1, 1] * z, z))
    to_base = transform_between(NOMINAL.rotated(rotation), info.header.frame_id, 'camera_base')
    to_depth = transform_between(NOMINAL, 'camera_base', 'depth_camera_link')
    seen = (to_depth @ to_base).apply(xyz)
    found, valid = NOMINAL.depth(SMALL[0]).project(seen)
    columns, rows = np.rint(found[valid]).astype(int).T
    measured = scene.depth[rows.clip(0, 287), columns.clip(0, 319)] / 1000
    assert len(measured) > 20_000
    # the wall recedes by up to 3 mm between neighboring pixels
    assert (abs(measured - seen[valid, 2]) < 4e-3).mean() > 0.985


@pytest.mark.parametrize('rotation', TURNED)
@pytest.mark.parametrize('encoding', ['bgra8', 'bgr8', 'rgb8', 'native'])
@pytest.mark.parametrize('form', [ColorFormat.MJPG, ColorFormat.BGRA32])
def test_color_is_upright_in_every_encoding(
    scene: SyntheticCapture, form: ColorFormat, encoding: str, rotation: int,
) -> None:
    topics = {'rgb/image_raw', 'rgb/image_raw/compressed'}
    before, after = (render(scene, angle, form, topics, rgb_encoding=encoding)
                     for angle in (0, rotation))
    message = after['rgb/image_raw']
    assert message.encoding == ('bgra8' if encoding == 'native' else encoding)
    np.testing.assert_array_equal(pixels(message), turned(
        pixels(before['rgb/image_raw']), rotation))
    image = cv2.imdecode(np.frombuffer(after['rgb/image_raw/compressed'].data, np.uint8),
                         cv2.IMREAD_COLOR)
    shown = pixels(message)[..., ::-1] if encoding == 'rgb8' else pixels(message)[..., :3]
    assert np.percentile(cv2.absdiff(image, np.ascontiguousarray(shown)), 99) < 12


@pytest.mark.parametrize('form', [ColorFormat.NV12, ColorFormat.YUY2])
def test_native_formats_become_bgra_when_turned(form: ColorFormat) -> None:
    rng = np.random.default_rng(5)
    shape = (1080, 1280) if form is ColorFormat.NV12 else (720, 1280, 2)
    data = np.repeat(rng.integers(0, 256, (shape[0] // 20, *shape[1:])), 20, axis=0)
    config = replace(CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P),
                     color_format=form)
    capture = Capture(color=Image(np.ascontiguousarray(data, np.uint8), 1))
    before, after = (RenderedTopics(
        NOMINAL, config, TopicOptions(camera_rotation=rotation, rgb_encoding=encoding),
        {'rgb/image_raw'}).render(capture)['rgb/image_raw']
        for rotation, encoding in ((0, 'bgra8'), (90, 'native')))
    assert after.encoding == 'bgra8'
    np.testing.assert_array_equal(pixels(after), turned(pixels(before), 90))

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


"""The simulated sensors against the geometry of the scene and a frame of a real device."""

from __future__ import annotations

import dataclasses

from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.cameras.recording.camera import RecordingCamera
from k4a_ros.errors import CalibrationError
from k4a_ros.images.clouds import FullCloudConverter
from k4a_ros.jit import numba_jit
from k4a_ros.simulation import response
from k4a_ros.simulation.clothes import Clothes
from k4a_ros.simulation.color_camera import ColorCamera
from k4a_ros.simulation.depth_camera import DepthCamera
from k4a_ros.simulation.motion import CameraPath
from k4a_ros.simulation.motion import Sway
from k4a_ros.simulation.motion import Waypoint
from k4a_ros.simulation.person import Person
from k4a_ros.simulation.scene import Mover
from k4a_ros.simulation.scene import Scene
from k4a_ros.simulation.scene_file import default_scene
from k4a_ros.simulation.sensor import Sensor
from k4a_ros.simulation.shapes import Box
from k4a_ros.simulation.shapes import Capsule
from k4a_ros.simulation.shapes import Material
from k4a_ros.simulation.shapes import Plane
from k4a_ros.simulation.shapes import sphere
from k4a_ros.simulation.view import pixel_rays
from k4a_ros.simulation.view import Timeline
import numpy as np
import pytest

NOMINAL = FactoryCalibration.from_raw(nominal_calibration())
DEPTH_MODES = [mode for mode in DepthMode if mode.has_depth]
#: a path that never moves, although it does not count as still
UNCHANGING_PATH = CameraPath((Waypoint(0.0, (0.0, 0.0, 0.0)), Waypoint(1.0, (0.0, 0.0, 0.0))))
WHITE = Material((0.95, 0.95, 0.95))


def sensor(
    scene: Scene, mode: DepthMode = DepthMode.NFOV_2X2BINNED,
    color: ColorResolution = ColorResolution.OFF, **more,
) -> Sensor:
    """Return a sensor with the nominal calibration."""
    return Sensor(scene, NOMINAL, CameraConfig.of_modes(mode, color), **more)


def dressed_walkers() -> Scene:
    """Return two people in many clothes, who walk in a bare room."""
    suit = Material((0.07, 0.07, 0.08), infrared=0.04)
    checked = Material((0.8, 0.7, 0.6), (0.2, 0.3, 0.4), 0.05)
    room = (Plane((0, 1.1, 0), (0, -1, 0), WHITE), Plane((0, 0, 3.4), (0, 0, -1), WHITE))
    return Scene(room, persons=(
        Person('one', ((-0.7, 2.1), (0.3, 2.6)), 1.1, clothes=Clothes(
            'jacket', 'skirt', 'long', 'cap', {'top': checked})),
        Person('two', ((0.9, 2.9), (0.1, 2.2)), 1.1, clothes=Clothes(
            'coat', 'wide trousers', 'short', 'hood', {'bottom': suit}))))


def wall(distance: float, reflectivity: float, mode: DepthMode) -> Sensor:
    """Return a sensor in front of a wall perpendicular to the depth camera's axis."""
    pose = CameraPath().depth_camera(0.0)
    material = Material((reflectivity,) * 3)
    point = tuple(pose.apply([0.0, 0.0, distance]))
    return sensor(Scene((Plane(point, tuple(pose.rotation[:, 2]), material),)), mode)


@pytest.mark.parametrize('mode', DEPTH_MODES)
def test_valid_pixels_lie_on_a_surface(mode):
    rod = ((0.5, -0.6, 1.4), (0.2, 0.5, 1.9), 0.12)
    ball = ((-0.3, 0.1, 1.2), 0.25)
    block = Box((0.5, 0.3, 0.2), RigidTransform(
        np.array([[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]]),
        np.array([-0.4, -0.4, 1.6])), WHITE)
    scene = Scene((Plane((0, 0, 2.0), (0, 0.1, -1), WHITE), block, Capsule(*rod, WHITE)), (
        Mover('ball', (sphere(*ball, WHITE),), Sway((0.2, 0.0, 0.0), 4.0)),))
    depth, infrared = sensor(scene, mode, noise=False).depth_and_ir(1_000_000)
    assert depth.shape == infrared.shape == mode.size[::-1]
    cloud = np.zeros((*depth.shape, 4), np.float32)
    FullCloudConverter(NOMINAL.depth(mode).rays()).convert(depth, cloud)
    points = CameraPath().depth_camera(0).apply(cloud[..., :3][depth > 0])
    # distances to the surfaces, computed independently
    to_plane = np.abs((points - [0, 0, 2.0]) @ [0, 0.1, -1]) / np.hypot(0.1, 1)
    center = np.array(ball[0]) + [0.2, 0, 0]  # a quarter of the period
    to_ball = np.abs(np.linalg.norm(points - center, axis=1) - ball[1])
    a, b = np.array(rod[0]), np.array(rod[1])
    along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    to_rod = np.abs(
        np.linalg.norm(points - a - along[:, np.newaxis] * (b - a), axis=1) - rod[2])
    q = np.abs((points - block.pose.translation) @ block.pose.rotation) - np.array(block.size) / 2
    to_block = np.abs(np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0))
    distances = np.stack((to_plane, to_ball, to_rod, to_block))
    # rounding by half a millimeter in Z is less than that across the surface
    assert distances.min(axis=0).max() < 0.001
    counts = np.bincount(distances.argmin(axis=0), minlength=4)
    assert (counts > 300).all()


@pytest.mark.parametrize('mode', [*DEPTH_MODES, DepthMode.PASSIVE_IR])
def test_incremental_drawing_equals_full_drawing_in_any_order(mode):
    scene = default_scene()
    incremental = sensor(scene, mode, ColorResolution.R720P)
    full = sensor(dataclasses.replace(scene, camera=UNCHANGING_PATH), mode, ColorResolution.R720P)
    times = [0, 1_700_000, 300_000, 5_000_000]
    first = {time: (*incremental.depth_and_ir(time), incremental.color(time)) for time in times}
    for time in reversed(times):
        for images in ((*full.depth_and_ir(time), full.color(time)),
                       (*incremental.depth_and_ir(time), incremental.color(time))):
            for image, expected in zip(images, first[time], strict=True):
                np.testing.assert_array_equal(image, expected)
    assert (first[0][1] != first[300_000][1]).any()
    assert (first[0][2] != first[300_000][2]).any()
    assert (first[0][0] is None) == (mode is DepthMode.PASSIVE_IR)


@pytest.mark.skipif(
    not numba_jit.AVAILABLE, reason='numba is not installed')
@pytest.mark.parametrize(('scene', 'noise'), [
    (default_scene(), False), (dressed_walkers(), True)], ids=['exact', 'noisy clothes'])
def test_kernels_and_fallback_render_the_same_images(scene, noise):
    timeline = Timeline(scene)
    mode = DepthMode.NFOV_2X2BINNED
    depth = [DepthCamera(timeline, NOMINAL.depth(mode), mode, 5, noise, compiled)
             for compiled in (True, False)]
    color = [ColorCamera(timeline, NOMINAL.color(ColorResolution.R720P),
                         NOMINAL.depth_to_color.inverse(), compiled)
             for compiled in (True, False)]
    for time in (0, 2_000_000):
        fast, slow = (camera.render(time) for camera in depth)
        assert (fast[0] > 0).any()
        for a, b in zip(fast, slow, strict=True):
            # except for values on the verge of rounding, or of being invalid
            assert np.mean(a != b) < 0.001
        fast, slow = (camera.render(time).astype(int) for camera in color)
        assert np.abs(fast - slow).max(axis=2).mean() < 0.003
        assert np.mean(np.abs(fast - slow) > 1) < 1e-4


def test_infrared_reflectivity_decides_about_depth_not_the_color():
    black_suit, black_dye = (Material((0.05,) * 3, infrared=value) for value in (0.03, 0.6))
    images = {}
    for material in (black_suit, black_dye, Material((0.05,) * 3), Material((0.6,) * 3)):
        board = Plane((0.0, 0.0, 2.5), (0.0, 0.0, -1.0), material)
        images[material] = sensor(Scene((board,)), DepthMode.NFOV_UNBINNED, noise=False,
                                  color=ColorResolution.R720P)
    depths, infrareds = zip(
        *(device.depth_and_ir(0) for device in images.values()), strict=True)
    middle = np.s_[200:380, 220:420]
    assert [(depth[middle] > 0).mean() for depth in depths] == [0, 1, 0, 1]
    np.testing.assert_array_equal(infrareds[1], infrareds[3])
    dark, dyed, plain, _ = (device.color(0) for device in images.values())
    np.testing.assert_array_equal(dark, dyed)
    np.testing.assert_array_equal(dark, plain)


def test_body_index_and_depth_of_clothes_are_those_of_the_nearest_surface():
    scene = dressed_walkers()
    device = sensor(scene, noise=False)
    time_us = 500_000
    people, (depth, _) = device.body_index(time_us), device.depth_and_ir(time_us)
    pose = scene.camera.depth_camera(0.0)
    rows, columns = np.meshgrid(np.arange(20, 280, 3), np.arange(10, 310, 3), indexing='ij')
    rx, ry = (rays[rows, columns] for rays in pixel_rays(
        NOMINAL.depth(DepthMode.NFOV_2X2BINNED)))
    rays = np.stack((rx, ry, np.ones_like(rx)), axis=-1).astype(float)
    # each group of shapes, cast independently
    distances = np.stack([
        Scene(shapes).cast(pose.translation, rays @ pose.rotation.T).distance
        for shapes in (scene.shapes, *(p.at(time_us * 1e-6).shapes for p in scene.persons))])
    owner = np.array([255, *range(len(scene.persons))])[distances.argmin(axis=0)]
    valid = depth[rows, columns] > 0
    np.testing.assert_array_equal(people[rows, columns][valid], owner[valid])
    assert np.abs(depth[rows, columns] - 1000 * distances.min(axis=0))[valid].max() <= 0.51
    assert all((owner[valid] == index).sum() > 100 for index in range(len(scene.persons)))


def test_images_are_reproducible_for_a_seed_and_time():
    scene = default_scene()
    images = [sensor(scene, seed=seed).depth_and_ir(66_666) for seed in (3, 3, 4)]
    for a, b, other in zip(*images, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != other).mean() > 0.3
    still = dataclasses.replace(scene, movers=(), persons=())
    one = sensor(still, seed=3)
    assert (one.depth_and_ir(0)[0] != one.depth_and_ir(1)[0]).mean() > 0.3
    first, second = (sensor(scene, seed=seed).imu(0, 50_000) for seed in (3, 4))
    assert (first.acc != second.acc).all()


@pytest.mark.parametrize('mode', DEPTH_MODES)
@pytest.mark.parametrize('reflectivity', [0.15, 0.95])
@pytest.mark.parametrize('distance', [0.5, 1.0, 2.0, 3.0, 'end'])
def test_depth_errors_are_within_the_specification(mode, reflectivity, distance):
    end = response.OPERATING_RANGES_M[mode][1]
    distance = end if distance == 'end' else distance
    if distance > end:
        # beyond the operating range a dark surface has no valid depth
        if reflectivity == 0.15 and distance > 1.2 * end:
            assert (wall(distance, reflectivity, mode).depth_and_ir(0)[0] > 0).mean() < 0.01
        return
    device = wall(distance, reflectivity, mode)
    middle = np.s_[mode.size[1] // 2 - 40:mode.size[1] // 2 + 40,
                   mode.size[0] // 2 - 40:mode.size[0] // 2 + 40]
    frames = np.stack([device.depth_and_ir(33_333 * n)[0][middle] for n in range(60)])
    assert (frames > 0).mean() > 0.9
    values = np.where(frames > 0, frames, np.nan).astype(float)
    spread = np.sqrt(np.nanvar(values, axis=0).mean())
    assert 0.4 < spread <= 17
    error = np.abs(np.nanmean(values, axis=0) - 1000 * distance)
    # the mean of 60 frames contains some remaining noise
    assert np.median(error) < 11 + 0.001 * 1000 * distance
    assert error.max() < 11 + 0.001 * 1000 * distance + 5 * spread / np.sqrt(60)
    # noise is independent between frames: differences have twice the variance
    assert np.nanvar(np.diff(values, axis=0)) == pytest.approx(2 * spread ** 2, rel=0.1)


def test_noise_decreases_with_reflectivity():
    spreads = [
        np.std([wall(2.0, reflectivity, DepthMode.NFOV_UNBINNED).depth_and_ir(n)[0][288, 300:340]
                for n in range(20)], axis=0).mean() for reflectivity in (0.2, 0.8)]
    assert spreads[0] > 1.6 * spreads[1]


def test_saturated_pixels_have_invalid_depth():
    depth, infrared = wall(0.25, 0.95, DepthMode.NFOV_UNBINNED).depth_and_ir(0)
    assert infrared[288, 320] == 65535
    assert depth[288, 320] == 0
    assert infrared[infrared < 65535].max() <= response.SATURATION
    assert (depth[infrared == 65535] == 0).all()


def test_edges_are_invalid_but_steep_surfaces_are_valid():
    # a plane at an incidence of 80°, then a board in front of a wall
    pose = CameraPath().depth_camera(0)
    steep = Plane(tuple(pose.apply([0, 0, 1.5])), tuple(
        pose.rotation @ [np.cos(np.radians(10)), 0, -np.sin(np.radians(10))]), WHITE)
    depth, _ = sensor(Scene((steep,)), DepthMode.NFOV_UNBINNED).depth_and_ir(0)
    assert (depth[288, 250:360] > 0).all()
    board = Box((0.4, 0.4, 0.01), RigidTransform(pose.rotation, pose.apply([0, 0, 1.0])), WHITE)
    back = Plane(tuple(pose.apply([0, 0, 2.0])), tuple(pose.rotation[:, 2]), WHITE)
    depth, infrared = sensor(
        Scene((board, back)), DepthMode.NFOV_UNBINNED, noise=False).depth_and_ir(0)
    row = depth[290]
    holes = np.flatnonzero((row == 0) & (infrared[290] > 0))
    # one pixel on either side of both edges; no depth is between board and wall
    assert len(holes) == 4
    assert holes[1] - holes[0] == holes[3] - holes[2] == 1
    assert set(np.unique(row)) <= {0, 995, *range(1999, 2002)}


def test_illumination_mask_matches_a_real_frame(test_data):
    folder = test_data / 'recording_001514394512'
    with RecordingCamera(str(folder / 'recording.mkv')) as camera:
        camera.start()
        real = camera.read(10.0).ir.data > 0
        lens = camera.calibration.depth(DepthMode.NFOV_UNBINNED)
    ours = response.illumination_mask(DepthMode.NFOV_UNBINNED, *pixel_rays(lens))
    assert np.mean(ours != real) < 0.002
    for row in (0, 144, 288, 432, 575):
        ends = [np.flatnonzero(mask[row])[[0, -1]] for mask in (ours, real)]
        assert np.abs(ends[0] - ends[1]).max() <= 1


def test_illumination_masks_of_all_modes():
    lit = {}
    for mode in (*DEPTH_MODES, DepthMode.PASSIVE_IR):
        _, infrared = wall(1.0, 0.5, mode).depth_and_ir(0)
        lit[mode] = infrared > 0
    narrow = lit[DepthMode.NFOV_UNBINNED]
    binned = narrow.reshape(288, 2, 320, 2).mean(axis=(1, 3))
    assert (lit[DepthMode.NFOV_2X2BINNED][binned == 1]).all()
    assert not (lit[DepthMode.NFOV_2X2BINNED][binned == 0]).any()
    assert narrow.mean() == pytest.approx(1 - 0.176, abs=0.003)
    wide = lit[DepthMode.WFOV_UNBINNED]
    lens = NOMINAL.depth(DepthMode.WFOV_UNBINNED)
    row, column = np.nonzero(wide)
    radius = np.hypot(row - lens.cy, column - lens.cx)
    # a disc, cut off by the image border
    assert wide.sum() == pytest.approx(np.pi * radius.max() ** 2, rel=0.03)
    assert not wide[0, 0]
    assert lit[DepthMode.PASSIVE_IR].sum() > wide.sum()


def test_body_index_matches_the_depth_image():
    device = sensor(default_scene(), DepthMode.NFOV_UNBINNED, noise=False)
    people = device.body_index(1_000_000)
    depth, infrared = device.depth_and_ir(1_000_000)
    assert people.dtype == np.uint8
    assert set(np.unique(people)) == {0, 255}
    assert (people[infrared == 0] == 255).all()
    without = dataclasses.replace(default_scene(), persons=())
    empty, _ = sensor(without, DepthMode.NFOV_UNBINNED, noise=False).depth_and_ir(1_000_000)
    both = (depth > 0) & (empty > 0)
    assert (depth[both & (people == 255)] == empty[both & (people == 255)]).all()
    assert (depth[both & (people == 0)] < empty[both & (people == 0)]).all()
    assert 5000 < (people == 0).sum() < 60000


def test_color_and_depth_images_are_consistent():
    device = sensor(default_scene(), DepthMode.NFOV_UNBINNED, ColorResolution.R720P, noise=False)
    time = 700_000
    truth = device.truth(time)
    depth, _ = device.depth_and_ir(time)
    image = device.color(time)
    # the position of the ball according to the ground truth
    ball = truth.objects['ball'].apply([1.2, -0.45, 2.2])
    lens = NOMINAL.color(ColorResolution.R720P)
    pixel, _ = lens.project(truth.color_camera.inverse().apply(ball))
    blue, green, red = image[int(pixel[1]), int(pixel[0])].astype(int)
    assert red > 1.5 * green > 2 * blue
    center = truth.depth_camera.inverse().apply(ball)
    pixel, _ = NOMINAL.depth(DepthMode.NFOV_UNBINNED).project(center)
    measured = depth[round(float(pixel[1])), round(float(pixel[0]))]
    # the ray to the center hits the surface one radius before it
    assert measured == pytest.approx(1000 * center[2] * (1 - 0.12 / np.linalg.norm(center)), abs=4)


def test_returned_arrays_are_not_overwritten_while_referenced():
    device = sensor(default_scene(), color=ColorResolution.R720P)
    kept = [(*device.depth_and_ir(n * 33_333), device.color(n * 33_333)) for n in range(12)]
    copies = [tuple(image.copy() for image in images) for images in kept]
    view = kept.pop()[2][10:20].view()
    held = view.copy()
    for n in range(12, 24):
        device.depth_and_ir(n * 33_333)
        device.color(n * 33_333)
    np.testing.assert_array_equal(view, held)
    for images, expected in zip(kept, copies, strict=False):
        for image, before in zip(images, expected, strict=True):
            np.testing.assert_array_equal(image, before)


def test_disabled_cameras_have_no_images():
    disabled = Sensor(default_scene(), NOMINAL, CameraConfig())
    assert disabled.depth_and_ir(0) == (None, None)
    with pytest.raises(CalibrationError, match='OFF'):
        disabled.color(0)
    with pytest.raises(CalibrationError, match='OFF'):
        disabled.body_index(0)
    assert len(disabled.imu(0, 100_000)) == 167
    assert disabled.truth(0).persons[0].name == 'walker'

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

"""Crop one person out of the infrared image."""

from __future__ import annotations

from k4a_ros.body.landmarks.pose_2d.crop import crop_image
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.camera_config import DepthMode
import numpy as np
import pytest
from support.people.shots import NOMINAL
from support.segmentation import IMAGE_UP
from support.simulated_person import SimulatedPerson


@pytest.mark.parametrize('mode', [DepthMode.NFOV_UNBINNED, DepthMode.WFOV_2X2BINNED],
                         ids=lambda mode: mode.name)
def test_sampling_maps_match_the_lens(mode: DepthMode) -> None:
    """A pixel of the crop is sampled where the lens, with its distortion, projects its ray."""
    lens = NOMINAL.depth(mode)
    view = CropView(Region(np.array([0.9, 0.2, 2.0]), 0.8, 0.3), IMAGE_UP)
    x, y = view.sampling_maps(lens)
    pixels = np.array([[10, 20], [128, 128], [250, 60]])
    expected, valid = lens.project(view.rays(pixels + 0.5))
    assert valid.all()
    found = np.stack([x[pixels[:, 1], pixels[:, 0]], y[pixels[:, 1], pixels[:, 0]]], axis=1)
    assert np.abs(found - expected).max() < 0.05


def test_region_is_centered_and_rolled_clockwise() -> None:
    region = Region(np.array([0.9, 0.2, 2.0]), 0.8, 0.3)
    view = CropView(region, IMAGE_UP)
    assert np.allclose(view.project(region.center[None]), 128)
    # with the crop's up turned to the right, the world's up appears turned to the left
    upward = view.project((region.center + 0.3 * IMAGE_UP)[None])[0] - 128
    assert np.arctan2(upward[0], -upward[1]) == pytest.approx(-0.3, abs=0.03)


def test_region_of_circle_follows_its_center_and_top() -> None:
    view = CropView(Region(np.array([0.1, 0.2, 2.0]), 1.0, 0.2), IMAGE_UP)
    same = view.region_of_circle([128.0, 128.0], [128.0, 28.0])
    assert np.allclose(same.center, view.region.center)
    assert same.roll == pytest.approx(0.2)
    turned = view.region_of_circle([128.0, 128.0], [228.0, 128.0])
    assert turned.roll == pytest.approx(0.2 + np.pi / 2)
    assert turned.radius == pytest.approx(same.radius)


def test_region_of_tiny_circle_has_the_minimum_radius() -> None:
    view = CropView(Region(np.array([0.1, 0.2, 2.0]), 1.0, 0.2), IMAGE_UP)
    assert view.region_of_circle([128.0, 128.0], [128.0, 127.0]).radius >= 0.5


def test_view_from_straight_above_is_a_rotation() -> None:
    """The world's up has no direction in such a crop."""
    for center, up in (([0.0, 0.0, 2.0], [0.0, 0.0, -1.0]), ([0.0, -2.0, 0.1], [0.0, 1.0, 0.0])):
        view = CropView(Region(np.array(center), 1.0), np.array(up))
        assert np.allclose(view.rotation.T @ view.rotation, np.eye(3))


def test_crop_is_brightened_and_hidden_pixels_are_gray() -> None:
    person = SimulatedPerson(0)
    hidden = np.zeros((288, 320), np.uint8)
    maps = person.view.sampling_maps(person.lens)
    white = float(np.percentile(person.infrared[person.own], 98))
    crop = crop_image(person.infrared, hidden, white, maps, 2)
    assert crop.shape == (256, 256)
    assert crop.dtype == np.float32
    assert crop.min() >= 0
    assert crop.max() == 1
    assert (crop_image(person.infrared, hidden + 1, white, maps, 2) == 0.375).all()
    hidden[:, 160:] = 1
    half = crop_image(person.infrared, hidden, white, maps, 2)
    assert 0.2 < float((half == 0.375).mean()) < 0.9


def test_close_region_averages_image_pixels() -> None:
    """Each pixel of the crop covers several of the image: averaging them reduces noise."""
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    noisy = np.random.default_rng(1).integers(0, 200, (576, 640)).astype(np.uint16)
    none = np.zeros((288, 320), np.uint8)
    regions = [Region(np.array([0.0, 0.0, z]), 0.25) for z in (0.45, 1.2)]
    near, far = (
        crop_image(noisy, none, 300.0, CropView(region, IMAGE_UP).sampling_maps(lens), 2)
        for region in regions)
    assert near[64:192, 64:192].std() < 0.7 * far[64:192, 64:192].std()

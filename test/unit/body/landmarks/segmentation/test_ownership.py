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

"""Assign segments of simulated and synthetic depth images to people."""

from __future__ import annotations

from dataclasses import replace

from k4a_ros.body.landmarks.segmentation.ownership import assign_segments
from k4a_ros.body.landmarks.segmentation.ownership import mask_with_nearby_pieces
from k4a_ros.body.tracker import BACKGROUND
from k4a_ros.camera_config import DepthMode
from k4a_ros.simulation.person import Person
import numpy as np
from support.ideal_landmarks import ideal_points
from support.people.shots import BARE
from support.people.shots import NOMINAL
from support.segmentation import depth_image
from support.segmentation import largest_segment
from support.segmentation import make_segmenter
from support.segmentation import make_sensor


def test_touching_people_are_divided_at_their_limbs():
    """Both are one segment; each pixel goes to the person whose limbs are nearer."""
    people = (Person('a', ((0.0, 2.3),), 1.1), Person('b', ((0.47, 2.3),), 1.1))
    sensor = make_sensor(replace(BARE, persons=people))
    segmentation = make_segmenter().segment(depth_image(sensor))
    true = sensor.body_index(0)
    first, second = (largest_segment(segmentation, true == index) for index in (0, 1))
    assert first is second
    true = true[::segmentation.step, ::segmentation.step]
    landmarks = [ideal_points(person.positions) for person in sensor.truth(0).persons]
    owners = assign_segments(segmentation, landmarks)
    for index in (0, 1):
        segmented = (true == index) & (segmentation.labels > 0)
        assert float((owners[segmented] == index).mean()) > 0.95
    assert float((true[owners != BACKGROUND] != 255).mean()) > 0.97
    # a person who has left gets no pixels
    moved = [landmarks[0], landmarks[1] + [1.5, 0, 0]]
    assert not (assign_segments(segmentation, moved) == 1).any()


def test_person_in_one_segment_with_a_large_wall_is_kept():
    """The person, far away, has less than 2 % of the segment's pixels."""
    depth = np.full((576, 640), 3500, np.uint16)
    depth[300:340, 300:330] = 3420
    segmentation = make_segmenter().segment(depth)
    label = segmentation.labels[160, 157]
    assert label == segmentation.labels[20, 160] > 0
    box = segmentation.points[150:170, 150:165].reshape(-1, 3)
    chosen = np.linspace(0, len(box) - 1, 33).astype(int)
    landmarks = box[chosen].astype(np.float64) + [0.0, 0.0, 0.02]
    owners = assign_segments(segmentation, [landmarks])
    true = np.zeros(owners.shape, bool)
    true[150:170, 150:165] = True
    assert float((owners[true] == 0).mean()) > 0.9
    assert not (owners[~true] == 0).any()


def test_limb_estimated_inside_a_wall_gets_none_of_it():
    scene = replace(BARE, persons=(Person('one', ((-1.0, 2.4), (1.0, 2.4)), 1.1),))
    sensor = make_sensor(scene)
    segmentation = make_segmenter().segment(depth_image(sensor, 400_000))
    landmarks = ideal_points(sensor.truth(400_000).persons[0].positions)
    wall = float(np.percentile(segmentation.points[..., 2], 95))
    landmarks[[13, 15, 17, 19, 21]] = [0.6, -0.2, wall]
    own = segmentation.points[assign_segments(segmentation, [landmarks]) == 0]
    assert len(own) > 1000
    assert float((own[:, 2] > wall - 0.2).mean()) < 0.01


def test_detached_legs_are_in_the_mask_and_a_wall_is_not():
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    depth = np.full((lens.height, lens.width), 3500, np.uint16)
    depth[~np.isfinite(lens.rays()[..., 0])] = 0
    depth[150:330, 290:350] = 2000
    depth[340:460, 292:316] = 2060
    depth[340:460, 324:348] = 1960
    segmentation = make_segmenter().segment(depth)
    trunk = segmentation.labels[120, 160]
    (segment,) = (one for one in segmentation.segments if one.label == trunk)
    mask = mask_with_nearby_pieces(segmentation, segment)
    assert mask[120, 160] and mask[200, 152] and mask[200, 168]
    assert not mask[120, 60]
    assert segmentation.labels[200, 152] != trunk


def test_wall_between_legs_belongs_to_nobody() -> None:
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    depth = np.full((lens.height, lens.width), 3000, np.uint16)
    depth[~np.isfinite(lens.rays()[..., 0])] = 0
    # trunk and legs, rounded, which leave a piece of the wall between them
    depth[150:440, 280:360] = 2750 + 120 * np.linspace(-1, 1, 80) ** 2
    depth[300:430, 305:335] = 3000
    segmentation = make_segmenter().segment(depth)
    piece, trunk = segmentation.labels[180, 160], segmentation.labels[110, 160]
    assert len({0, piece, trunk, segmentation.labels[110, 60]}) == 4
    points = segmentation.points[75:220, 140:180].reshape(-1, 3).astype(np.float64)
    landmarks = points[np.linspace(0, len(points) - 1, 33).astype(int)]
    landmarks[:, 2] = 2.95
    owners = assign_segments(segmentation, [landmarks])
    assert (owners[segmentation.labels == piece] == BACKGROUND).all()
    assert (owners[segmentation.labels == trunk] == 0).mean() > 0.8


def test_trunk_flat_against_a_wall_is_no_piece_of_it() -> None:
    """It is on the plane of the wall, as far as noise shows, but too large for a piece."""
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    depth = np.full((lens.height, lens.width), 3000, np.uint16)
    depth[~np.isfinite(lens.rays()[..., 0])] = 0
    depth[196:334, 286:354] = 0  # a ring without depth, as around what is in front of something
    depth[200:330, 290:350] = 2990
    segmentation = make_segmenter().segment(depth)
    trunk = segmentation.labels[130, 160]
    assert len({0, trunk, segmentation.labels[110, 60]}) == 3
    points = segmentation.points[100:165, 145:175].reshape(-1, 3).astype(np.float64)
    landmarks = points[np.linspace(0, len(points) - 1, 33).astype(int)]
    owners = assign_segments(segmentation, [landmarks])
    assert (owners[segmentation.labels == trunk] == 0).mean() > 0.8


def test_table_below_a_hand_belongs_to_nobody_nor_do_small_pieces_of_it() -> None:
    lens = NOMINAL.depth(DepthMode.NFOV_UNBINNED)
    rays = lens.rays()
    across, down = rays[..., 0], np.maximum(rays[..., 1], 1e-3)
    table = 0.4 / down  # a level plane 0.4 m below the camera, and the floor below that
    on_table = (table > 1.2) & (table < 2.2) & (np.abs(across * table) < 0.7)
    hand = on_table & (np.abs(table - 1.6) < 0.1) & (np.abs(across * table) < 0.06)
    z = np.where(on_table, table, np.minimum(1.1 / down, 3.0))
    z[hand] = 0.36 / down[hand]
    z[~np.isfinite(across)] = 0
    # a ring without depth, in which a small piece of the table is left
    beside = np.maximum(np.abs(across * table - 0.2), np.abs(table - 1.55) / 3)
    z[(beside > 0.02) & (beside < 0.04)] = 0
    segmentation = make_segmenter().segment((z * 1e3).astype(np.uint16))
    middle = np.array([0.0, 0.36, 1.55])
    landmarks = middle + np.linspace(-1, 1, 33)[:, np.newaxis] * [0.3, 0.02, 0.1]
    owned = assign_segments(segmentation, [landmarks]) == 0
    true, tables = hand[::2, ::2], (on_table & ~hand)[::2, ::2]
    assert segmentation.floor is not None
    piece = (beside < 0.015)[::2, ::2]
    assert segmentation.labels[piece].min() > 0 and not owned[piece].any()
    assert owned[true].mean() > 0.8
    assert owned[tables].mean() < 0.01

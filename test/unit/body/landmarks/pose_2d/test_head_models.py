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


"""The detectors of heads find those of rendered people, and only these."""

from __future__ import annotations

from pathlib import Path

from k4a_ros.body.joints import Joint
from k4a_ros.body.landmarks.pose_2d import model_file
from k4a_ros.body.landmarks.pose_2d.crop import CropView
from k4a_ros.body.landmarks.pose_2d.crop import Region
from k4a_ros.body.landmarks.pose_2d.head_models import FACE_DETECTOR
from k4a_ros.body.landmarks.pose_2d.head_models import HeadModel
from k4a_ros.body.landmarks.pose_2d.head_models import HeadModelSpec
from k4a_ros.body.landmarks.pose_2d.head_models import POSE_DETECTOR
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import BodyTrackingError
import numpy as np
import pytest
from support.landmarks import need_landmarks
from support.people.scenes import SCENES
from support.people.shots import NOMINAL
from support.people.shots import render_shots
from support.segmentation import IMAGE_UP

NFOV = CameraConfig.of_modes(DepthMode.NFOV_UNBINNED, ColorResolution.OFF)
BOTH = pytest.mark.parametrize('spec', [POSE_DETECTOR, FACE_DETECTOR], ids=['people', 'faces'])


@BOTH
def test_head_is_found_where_it_is(spec: HeadModelSpec) -> None:
    need_landmarks()
    shot = next(render_shots(SCENES['standing'], NFOV))
    joints = shot.people[0][0]
    view = CropView(Region(joints[Joint.PELVIS], 1.1), IMAGE_UP)
    maps = view.sampling_maps(NOMINAL.depth(NFOV.depth_mode))
    columns, rows = (np.rint(np.nan_to_num(one)).astype(int).clip(0, 575) for one in maps)
    infrared = shot.images.infrared[rows, columns].astype(np.float32)
    crop = np.sqrt(np.minimum(infrared / np.percentile(infrared, 97), 1)).astype(np.float32)
    heads = HeadModel(spec)(crop, 0.4)
    nose = view.project(joints[[Joint.NOSE]])[0]
    assert np.linalg.norm(heads[0].center - nose) < 0.15 * view.pixels_per_meter
    assert [head.score for head in heads] == sorted((head.score for head in heads), reverse=True)
    assert 0.1 < heads[0].size / view.pixels_per_meter < 0.6


@BOTH
def test_plain_surface_has_no_heads(spec: HeadModelSpec) -> None:
    need_landmarks()
    assert HeadModel(spec)(np.full((256, 256), 0.5, np.float32), 0.3) == []


def test_wrong_checksum_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / 'mediapipe' / FACE_DETECTOR.file.path
    path.parent.mkdir(parents=True)
    (tmp_path / 'mediapipe/__init__.py').write_text('')
    path.write_bytes(b'something else')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
            BodyTrackingError,
            match=r'refused the detector of faces .* SHA-256 is [0-9a-f]{64}') as caught:
        HeadModel(FACE_DETECTOR)
    assert model_file.INSTALL_COMMAND in str(caught.value)

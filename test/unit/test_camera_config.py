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

"""Camera configurations: every combination that the hardware cannot stream is refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import validate
from k4a_ros.camera_config import WiredSyncMode
import pytest

NFOV, WFOV = DepthMode.NFOV_UNBINNED, DepthMode.WFOV_UNBINNED
SMALL, LARGE = ColorResolution.R720P, ColorResolution.R3072P

CONFIGS = st.builds(
    CameraConfig, depth_mode=st.sampled_from(DepthMode),
    color_resolution=st.sampled_from(ColorResolution), color_format=st.sampled_from(ColorFormat),
    fps=st.sampled_from([5, 15, 30, 25, 0]),
    depth_delay_off_color_usec=st.sampled_from([0, 1, -1, 33333, -33333, 33334, 200000, -200001]),
    wired_sync_mode=st.sampled_from(WiredSyncMode),
    subordinate_delay_off_master_usec=st.sampled_from([0, -1, 1, 33333, 33334, 66667, 200000]),
    synchronized_images_only=st.booleans())


@pytest.mark.parametrize(('config', 'parts'), [
    (CameraConfig(), ['depth_mode and color_resolution are both OFF', 'set one']),
    (CameraConfig(NFOV, fps=25), ['fps is 25', '5, 15, 30']),
    (CameraConfig(WFOV, fps=30), ['WFOV_UNBINNED does not run at 30', 'set fps to 15']),
    (CameraConfig(NFOV, LARGE, fps=30), ['3072P does not run at 30', '2160P']),
    (CameraConfig(NFOV, ColorResolution.R1080P, ColorFormat.NV12), ['nv12', '720P', '1080P']),
    (CameraConfig(NFOV, LARGE, ColorFormat.YUY2, 15), ['yuy2', '720P', 'jpeg']),
    (CameraConfig(NFOV, synchronized_images_only=True), ['synchronized_images_only', 'both']),
    (CameraConfig(NFOV, depth_delay_off_color_usec=5), ['depth_delay_off_color_usec is 5']),
    (CameraConfig(NFOV, SMALL, depth_delay_off_color_usec=33334), ['-33333 and 33333']),
    (CameraConfig(NFOV, SMALL, fps=15, depth_delay_off_color_usec=-66667), ['66666']),
    (CameraConfig(NFOV, subordinate_delay_off_master_usec=7), ['only a subordinate']),
    (CameraConfig(NFOV, wired_sync_mode=WiredSyncMode.SUBORDINATE,
                  subordinate_delay_off_master_usec=33334), ['0 and 33333']),
    (CameraConfig(NFOV, wired_sync_mode=WiredSyncMode.MASTER), ['master', 'color_resolution']),
])
def test_each_rule_names_the_value_and_the_remedy(config: CameraConfig, parts: list[str]) -> None:
    found = validate(config)
    assert len(found) == 1
    for part in parts:
        assert part in found[0]


def test_limits_are_inclusive() -> None:
    for config in (
            CameraConfig(WFOV, LARGE, fps=15), CameraConfig(WFOV, fps=5),
            CameraConfig(DepthMode.PASSIVE_IR, ColorResolution.R2160P, fps=30),
            CameraConfig(DepthMode.OFF, SMALL, ColorFormat.YUY2, 30),
            CameraConfig(NFOV, SMALL, fps=5, depth_delay_off_color_usec=-200000,
                         synchronized_images_only=True),
            CameraConfig(NFOV, wired_sync_mode=WiredSyncMode.SUBORDINATE,
                         subordinate_delay_off_master_usec=33333),
            CameraConfig(DepthMode.OFF, SMALL, wired_sync_mode=WiredSyncMode.MASTER)):
        assert validate(config) == [], config


def test_all_problems_are_reported_at_once() -> None:
    config = CameraConfig(
        WFOV, LARGE, ColorFormat.NV12, 30, depth_delay_off_color_usec=99999,
        subordinate_delay_off_master_usec=5)
    assert len(validate(config)) == 5


@given(CONFIGS)
def test_valid_exactly_when_the_sdk_accepts_it(config: CameraConfig) -> None:
    assert (validate(config) == []) == _sdk_accepts(config), config


def _sdk_accepts(config: CameraConfig) -> bool:
    """Return whether k4a.c and the mode tables of the hardware specification allow it."""
    if config.fps not in (5, 15, 30):
        return False
    depth, color = config.depth_mode != 0, config.color_resolution != 0
    fastest = min(15 if config.depth_mode is WFOV else 30,
                  15 if config.color_resolution is LARGE else 30)
    frame = {5: 200000, 15: 66666, 30: 33333}[config.fps]
    both = depth and color
    sizes = {ColorFormat.NV12: {0, 1}, ColorFormat.YUY2: {0, 1}}
    delay = config.subordinate_delay_off_master_usec
    subordinate = config.wired_sync_mode is WiredSyncMode.SUBORDINATE
    return all([
        depth or color, config.fps <= fastest,
        config.color_resolution in sizes.get(config.color_format, range(7)),
        both or not config.synchronized_images_only,
        both or config.depth_delay_off_color_usec == 0,
        -frame <= config.depth_delay_off_color_usec <= frame,
        0 <= delay <= (frame if subordinate else 0),
        color or config.wired_sync_mode is not WiredSyncMode.MASTER])


@given(CONFIGS)
def test_every_problem_names_a_parameter(config: CameraConfig) -> None:
    for problem in validate(config):
        assert any(name in problem for name in vars(config)), problem


@pytest.mark.parametrize('label', ['OFF', '720P', '1080P', '1440P', '1536P', '2160P', '3072P'])
def test_resolution_labels_round_trip(label: str) -> None:
    assert ColorResolution.of(label).label == label


@pytest.mark.parametrize('label', ['jpeg', 'nv12', 'yuy2', 'bgra'])
def test_format_labels_round_trip(label: str) -> None:
    assert ColorFormat.of(label).label == label

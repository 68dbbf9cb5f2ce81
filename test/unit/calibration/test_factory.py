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

"""Factory calibration: equal to libk4a's, and every malformed input is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
from k4a_ros.calibration.factory import FactoryCalibration
from k4a_ros.calibration.lens import Intrinsics
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.errors import CalibrationError
import numpy as np
import pytest
from support.reference_calibration import ReferenceCalibration
from support.reference_calibration import Sensor

DEPTH_MODES = [mode for mode in DepthMode if mode is not DepthMode.OFF]
RESOLUTIONS = [res for res in ColorResolution if res is not ColorResolution.OFF]
CAMERAS: list[tuple[Sensor, Any]] = [(Sensor.DEPTH, mode) for mode in DEPTH_MODES]
CAMERAS += [(Sensor.COLOR, resolution) for resolution in RESOLUTIONS]
CAMERA_IDS = [mode.name for _, mode in CAMERAS]

NOMINAL = json.loads(nominal_calibration().rstrip(b'\0'))


def rational_6kt() -> bytes:
    """Return a calibration with 15 lens parameters and large tangential distortion."""
    root = copy.deepcopy(NOMINAL)
    for camera in root['CalibrationInformation']['Cameras']:
        intrinsics = camera['Intrinsics']
        intrinsics['ModelType'] = 'CALIBRATION_LensDistortionModelRational6KT'
        intrinsics['ModelParameterCount'] = 15
        values = list(intrinsics['ModelParameters'])
        values[10:14] = [0.002, -0.003, 0.004, -0.006]
        intrinsics['ModelParameters'] = [*values, 0.0]
    return b'\xef\xbb\xbf' + json.dumps(root).encode() + b'\0\0\0'


def no_metric_radius() -> bytes:
    """Return a calibration without metric radii, with a 16:9 color sensor."""
    root = copy.deepcopy(NOMINAL)
    for camera in root['CalibrationInformation']['Cameras']:
        camera['MetricRadius'] = 0
    camera['SensorHeight'] = 2304
    return json.dumps(root).encode()


@pytest.fixture(
    scope='module', params=['nominal', 'rational_6kt', 'no_radius', 'recording', 'k4a_net'])
def raw(request: pytest.FixtureRequest) -> bytes:
    """Return a calibration as cameras store it; the last two are of real cameras."""
    synthetic = {
        'nominal': nominal_calibration, 'rational_6kt': rational_6kt,
        'no_radius': no_metric_radius}
    if request.param in synthetic:
        return synthetic[request.param]()
    files = {'recording': 'recording_001514394512/calibration.json',
             'k4a_net': 'calibrations/raw_calibration_000019492412.bin'}
    return (request.getfixturevalue('test_data') / files[request.param]).read_bytes()


def both(raw: bytes, camera: Sensor, mode: Any) -> tuple[Intrinsics, ReferenceCalibration]:
    """Return the intrinsics of one camera in one mode, and libk4a's calibration."""
    ours = FactoryCalibration.from_raw(raw)
    if camera is Sensor.DEPTH:
        return ours.depth(mode), ReferenceCalibration(raw, depth=mode)
    return ours.color(mode), ReferenceCalibration(raw, color=mode)


def edge_grid(intrinsics: Intrinsics) -> np.ndarray:
    """Return about 900 pixels across the image and slightly beyond its border, (N, 2)."""
    u = np.unique(np.linspace(-4, intrinsics.width + 3, 30).round())
    v = np.unique(np.linspace(-4, intrinsics.height + 3, 30).round())
    return np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2).astype(np.float32)


@pytest.mark.parametrize(('camera', 'mode'), CAMERAS, ids=CAMERA_IDS)
def test_intrinsics_match_libk4a(raw, camera, mode):
    ours, theirs = both(raw, camera, mode)
    assert (ours.width, ours.height) == mode.size
    np.testing.assert_array_equal(ours.camera_matrix, theirs.camera_matrix(camera))
    if ours.model != 'rational_6kt':  # of another form: the tests of project() compare it
        np.testing.assert_array_equal(ours.distortion, theirs.distortion(camera))


@pytest.mark.parametrize(('camera', 'mode'), CAMERAS, ids=CAMERA_IDS)
def test_unproject_matches_libk4a(raw, camera, mode):
    ours, theirs = both(raw, camera, mode)
    pixels = edge_grid(ours)
    expected = theirs.unproject(camera, pixels)[:, :2]
    rays, valid = ours.unproject(pixels)
    assert rays.dtype == np.float32
    np.testing.assert_array_equal(valid, ~np.isnan(expected[:, 0]))
    np.testing.assert_allclose(rays, expected, rtol=0, atol=2e-7)
    assert valid.sum() > 500


@pytest.mark.parametrize(('camera', 'mode'), CAMERAS, ids=CAMERA_IDS)
def test_project_matches_libk4a(raw, camera, mode):
    ours, theirs = both(raw, camera, mode)
    x, y, z = np.meshgrid(
        np.linspace(-2000, 2000, 21), np.linspace(-2100, 1900, 21), [-300.0, 0.0, 1000.0, 4000.0])
    points = np.stack((x, y, z), axis=-1).reshape(-1, 3).astype(np.float32)
    expected = theirs.project(camera, points)
    pixels, valid = ours.project(points)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(valid, ~np.isnan(expected[:, 0]))
    np.testing.assert_allclose(pixels, expected, rtol=1e-6, atol=1e-4)
    assert 300 < valid.sum() < valid.size


@pytest.mark.parametrize(('camera', 'mode'), CAMERAS[:6], ids=CAMERA_IDS[:6])
def test_rays_of_every_pixel_match_libk4a(raw, camera, mode):
    ours, theirs = both(raw, camera, mode)
    # libk4a's cloud is its table of rays times the depth, rounded to mm
    depth = np.full((ours.height, ours.width), 15000, np.uint16)
    cloud = theirs.cloud(depth, camera)
    rays = ours.rays()
    assert rays.shape == (ours.height, ours.width, 2)
    assert rays.dtype == np.float32
    valid = ~np.isnan(rays)
    np.testing.assert_array_equal(valid[..., 0], cloud[..., 2] != 0)
    np.testing.assert_array_equal(valid[..., 0], valid[..., 1])
    error = np.abs(rays * 15000 - cloud[..., :2])[valid]
    assert error.max() <= 0.51


@pytest.mark.parametrize('target', ['color', 'accel', 'gyro'])
def test_extrinsics_match_libk4a(raw, target):
    ours = getattr(FactoryCalibration.from_raw(raw), f'depth_to_{target}')
    theirs = ReferenceCalibration(raw, DepthMode.NFOV_UNBINNED, ColorResolution.R720P)
    sensor = Sensor[target.upper()]
    for transform, pair in (
            (ours, (Sensor.DEPTH, sensor)), (ours.inverse(), (sensor, Sensor.DEPTH))):
        rotation, translation = theirs.extrinsics(*pair)
        np.testing.assert_allclose(transform.rotation, rotation, rtol=0, atol=1e-6)
        np.testing.assert_allclose(transform.translation, translation, rtol=0, atol=1e-6)


def test_extrinsics_with_a_common_frame_other_than_the_depth_cameras():
    root = copy.deepcopy(NOMINAL)
    depth = root['CalibrationInformation']['Cameras'][0]
    depth['Rt'] = {'Rotation': [0, -1, 0, 1, 0, 0, 0, 0, 1], 'Translation': [0.1, 0.2, 0.3]}
    raw = json.dumps(root).encode()
    ours = FactoryCalibration.from_raw(raw).depth_to_color
    rotation, translation = ReferenceCalibration(
        raw, DepthMode.NFOV_UNBINNED, ColorResolution.R720P).extrinsics(
            Sensor.DEPTH, Sensor.COLOR)
    np.testing.assert_allclose(ours.rotation, rotation, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.translation, translation, rtol=0, atol=1e-6)


def test_metadata_and_noise_of_a_real_calibration(test_data):
    folder = test_data / 'recording_001514394512'
    calibration = FactoryCalibration.from_raw((folder / 'calibration.json').read_bytes())
    assert calibration.serial == '001514394512'
    assert calibration.factory_date == '11/9/2019 10:32:12 AM GMT'
    np.testing.assert_allclose(calibration.accel_sigma, [0.0107] * 3, rtol=1e-6)
    np.testing.assert_allclose(calibration.gyro_sigma, [0.00095] * 3, rtol=1e-6)


def test_str_byte_order_mark_and_nul_are_accepted():
    plain = nominal_calibration('7').rstrip(b'\0')
    for raw in (plain, plain.decode(), '\ufeff' + plain.decode() + '\0', b'\xef\xbb\xbf' + plain,
                plain + b'\0\xff garbage after the end'):
        calibration = FactoryCalibration.from_raw(raw)
        assert calibration.raw == plain
        assert calibration.serial == '7'


def test_off_has_no_intrinsics():
    calibration = FactoryCalibration.from_raw(nominal_calibration())
    with pytest.raises(CalibrationError, match='OFF'):
        calibration.depth(DepthMode.OFF)
    with pytest.raises(CalibrationError, match='OFF'):
        calibration.color(ColorResolution.OFF)


@pytest.mark.parametrize('noise', [None, [0, 0, 0, 0, 0, 0], [0.1, 0.1], [0.1, -0.1, 0.1]])
def test_missing_or_invalid_noise_gives_no_sigma(noise):
    root = copy.deepcopy(NOMINAL)
    for sensor in root['CalibrationInformation']['InertialSensors']:
        del sensor['Noise']
        if noise is not None:
            sensor['Noise'] = noise
    calibration = FactoryCalibration.from_raw(json.dumps(root))
    assert calibration.accel_sigma is None
    assert calibration.gyro_sigma is None


def test_unproject_inverts_project_in_double_precision():
    lens = FactoryCalibration.from_raw(nominal_calibration()).depth(DepthMode.WFOV_UNBINNED)
    pixels = edge_grid(lens).astype(np.float64)
    rays, valid = lens.unproject(pixels)
    points = np.concatenate((rays, np.ones((len(rays), 1))), axis=1)
    again, seen = lens.project(points * 2.5)
    np.testing.assert_array_equal(seen, valid)
    np.testing.assert_allclose(again[valid], pixels[valid], rtol=0, atol=1e-9)
    assert np.isnan(again[~valid]).all()
    # any shape; integers are converted to float64; a single point
    assert lens.project([[[0, 0, 1]]])[0].shape == (1, 1, 2)
    np.testing.assert_allclose(lens.project([0, 0, 1])[0], [lens.cx, lens.cy])
    with pytest.raises(ValueError, match=r'\(\.\.\., 3\)'):
        lens.project([1.0, 2.0])


BAD = [
    ('', 'Cameras', None, 'CalibrationInformation.Cameras is missing'),
    ('', 'Cameras', {}, 'CalibrationInformation.Cameras is not an array'),
    ('', 'Cameras', [], 'no element with Location CALIBRATION_CameraLocationD0'),
    ('', 'InertialSensors', [3], 'InertialSensors[0] is not an object'),
    ('', 'Metadata', {'SerialId': 5}, 'Metadata.SerialId is not a string'),
    ('depth', 'SensorWidth', 640, 'Cameras[0] has a sensor of 640x1024'),
    ('color', 'SensorHeight', 100, 'Cameras[1] has a sensor of 4096x100'),
    ('depth', 'MetricRadius', 'big', 'Cameras[0].MetricRadius is not a number'),
    ('depth', 'MetricRadius', True, 'Cameras[0].MetricRadius is not a number'),
    ('intrinsics', 'ModelType', 'CALIBRATION_LensDistortionModelTheta', 'ModelType is CALIB'),
    ('intrinsics', 'ModelParameterCount', 9, 'ModelParameterCount is 9 instead of 14 or 15'),
    ('intrinsics', 'ModelParameters', [0.5] * 13, 'ModelParameters has 13 elements instead of 14'),
    ('intrinsics', 'ModelParameters', [0.5] * 3 + [0] * 11, 'ModelParameters has fy = 0'),
    ('intrinsics', 'ModelParameters', [0.5] * 13 + [float('nan')], 'ModelParameters[13] is not a'),
    ('intrinsics', 'ModelParameters', [0.5] * 13 + [1e39], 'ModelParameters[13] is not a finite'),
    ('intrinsics', 'ModelParameters', [0.5] * 13 + [10 ** 400], 'ModelParameters[13] is not a fi'),
    ('pose', 'Rotation', [1, 0, 0, 0, 1, 0, 0, 0, -1], 'Rt.Rotation is not a rotation matrix'),
    ('pose', 'Rotation', [0] * 9, 'Rt.Rotation is not a rotation matrix'),
    ('pose', 'Rotation', [3e38] * 9, 'Rt.Rotation is not a rotation matrix'),
    ('pose', 'Rotation', [1, 0, 0], 'Rt.Rotation has 3 elements instead of 9'),
    ('pose', 'Translation', None, 'Rt.Translation is missing'),
]


@pytest.mark.parametrize(('where', 'key', 'value', 'message'), BAD, ids=[bad[3] for bad in BAD])
def test_error_names_the_malformed_value(where, key, value, message):
    root = copy.deepcopy(NOMINAL)
    information = root['CalibrationInformation']
    depth, color = information['Cameras']
    parent = {'': information, 'depth': depth, 'color': color,
              'intrinsics': depth['Intrinsics'], 'pose': color['Rt']}[where]
    if value is None:
        del parent[key]
    else:
        parent[key] = value
    with pytest.raises(CalibrationError) as caught:
        FactoryCalibration.from_raw(json.dumps(root))
    assert message in str(caught.value)


@pytest.mark.parametrize('raw', [
    b'', b'\0', b'  ', '', '[]', 'null', '{}', '7', 'nothing at all', b'\xff\xfe\x00',
    '[' * 100000, '\ud800', '{"CalibrationInformation": []}', '1' * 5000])
def test_anything_but_a_calibration_is_refused(raw):
    with pytest.raises(CalibrationError, match='cannot use the factory calibration'):
        FactoryCalibration.from_raw(raw)


@given(st.integers(0, len(nominal_calibration()) - 3))
def test_every_truncation_is_refused(length):
    with pytest.raises(CalibrationError, match=r'not valid JSON|is empty'):
        FactoryCalibration.from_raw(nominal_calibration()[:length])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=15) | st.dictionaries(
        st.text(max_size=5), children, max_size=3), max_leaves=20)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_damage_is_refused_or_gives_a_usable_calibration(data):
    root = copy.deepcopy(NOMINAL)
    parent, key = root, 'CalibrationInformation'
    while isinstance(parent[key], (dict, list)) and data.draw(st.integers(0, 4)):
        inner = parent[key]
        keys = sorted(inner) if isinstance(inner, dict) else range(len(inner))
        parent, key = inner, data.draw(st.sampled_from(keys))
    if data.draw(st.booleans()):
        del parent[key]
    else:
        parent[key] = data.draw(JSON)
    try:
        calibration = FactoryCalibration.from_raw(json.dumps(root))
    except CalibrationError as error:
        assert str(error).startswith('cannot use the factory calibration: CalibrationInformation')
        return
    lens = calibration.depth(DepthMode.NFOV_2X2BINNED)
    assert np.isfinite([*lens.camera_matrix.flat, *lens.distortion]).all()
    assert lens.unproject([[160.0, 144.0]])[0].shape == (1, 2)
    lens = calibration.color(ColorResolution.R720P)
    assert np.isfinite([*lens.camera_matrix.flat, *lens.distortion]).all()
    assert np.isfinite(calibration.depth_to_color.normalized().quaternion()).all()
    json.loads(calibration.raw)

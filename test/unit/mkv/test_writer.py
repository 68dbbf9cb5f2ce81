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

"""Round trips of recordings, and rejection of input that the SDK must not get."""

from __future__ import annotations

from dataclasses import replace
import errno
import os
from pathlib import Path

import av
from k4a_ros.calibration.nominal import nominal_calibration
from k4a_ros.camera_config import CameraConfig
from k4a_ros.camera_config import ColorFormat
from k4a_ros.camera_config import ColorResolution
from k4a_ros.camera_config import DepthMode
from k4a_ros.camera_config import WiredSyncMode
from k4a_ros.capture import Capture
from k4a_ros.capture import Image
from k4a_ros.capture import ImuSamples
from k4a_ros.errors import RecordingError
from k4a_ros.mkv.reader import RecordingReader
from k4a_ros.mkv.ros_time_track import decode
from k4a_ros.mkv.writer import OutOfOrderError
from k4a_ros.mkv.writer import RecordingWriter
import numpy as np
import pytest
from support.recordings import assert_same_capture
from support.recordings import COMBINATIONS
from support.recordings import FIRMWARE
from support.recordings import random_capture
from support.recordings import SERIAL
from support.recordings import without
from support.recordings import write_recording
from support.recordings import Written
from support.reference import Reference
from support.reference_calibration import ReferenceCalibration
from support.reference_calibration import Sensor

SMALL = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.OFF)
NO_IMU = replace(SMALL, imu=False)


def assert_reads_back(written: Written) -> None:
    """Assert that the file contains exactly what was written."""
    reader = RecordingReader(str(written.path))
    assert reader.config == written.config
    assert reader.serial == SERIAL
    assert reader.firmware == FIRMWARE
    assert reader.calibration == written.calibration.rstrip(b'\0')
    for expected in written.captures:
        assert_same_capture(reader.captures.read(), expected)
    assert reader.captures.read() is None
    if written.config.imu:
        found = reader.imu.read(10**9)
        for name in ('acc', 'acc_us', 'gyro', 'gyro_us', 'temperature'):
            np.testing.assert_array_equal(getattr(found, name), getattr(written.imu, name))
    reader.close()


@pytest.mark.parametrize('modes', COMBINATIONS, ids=lambda modes: '-'.join(
    str(getattr(mode, 'name', mode)) for mode in modes))
def test_every_mode_round_trips(tmp_path, modes):
    assert_reads_back(
        write_recording(tmp_path / 'a.mkv', CameraConfig.of_modes(*modes), count=2))


@pytest.mark.parametrize('start_us', [0, 1, 336_277, 4_300_000_000, 1_730_796_756_988_167])
def test_any_start_time_round_trips(tmp_path, start_us):
    """Including those that wrap libk4arecord's 32-bit offset: 71 minutes, epoch time (Orbbec)."""
    assert_reads_back(write_recording(tmp_path / 'a.mkv', start_us=start_us))


def test_missing_images_round_trip(tmp_path):
    config = CameraConfig.of_modes(
        DepthMode.NFOV_2X2BINNED, ColorResolution.R720P, ColorFormat.MJPG)
    missing = [('depth',), ('ir',), ('color',), ('depth', 'ir'), ()]
    assert_reads_back(write_recording(
        tmp_path / 'a.mkv', config, count=5,
        edit=lambda index, capture: without(capture, *missing[index])))


def test_wired_sync_and_delays_round_trip(tmp_path):
    config = replace(
        CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P),
        depth_delay_off_color_usec=-160, wired_sync_mode=WiredSyncMode.SUBORDINATE,
        subordinate_delay_off_master_usec=320)
    assert_reads_back(write_recording(tmp_path / 'a.mkv', config))


def test_non_contiguous_images_round_trip(tmp_path):
    def edit(index: int, capture: Capture) -> Capture:
        return replace(capture, ir=replace(capture.ir, data=capture.ir.data[::-1, ::-1]))

    assert_reads_back(write_recording(tmp_path / 'a.mkv', edit=edit))


def test_libk4arecord_reads_written_file(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with Reference(written.path) as playback:
        images = next(playback.captures())
        for name in ('depth', 'ir'):
            assert images[name][1] == getattr(written.captures[0], name).data.tobytes()
        assert playback.imu()['acc_us'][0] == written.imu.acc_us[0]
        with RecordingReader(written.path) as reader:
            config = reader.config
        lens = ReferenceCalibration(playback.calibration(), depth=config.depth_mode)
        assert lens.camera_matrix(Sensor.DEPTH)[0, 0] > 0


def test_existing_file_is_kept_unless_overwrite(tmp_path):
    path = tmp_path / 'a.mkv'
    path.write_text('precious')
    with pytest.raises(RecordingError, match='exists'):
        RecordingWriter(path, SMALL, nominal_calibration())
    assert path.read_text() == 'precious'
    with RecordingWriter(path, SMALL, nominal_calibration(), overwrite=True) as writer:
        writer.write(random_capture(np.random.default_rng(0), SMALL, 5))
    assert RecordingReader(str(path)).captures.read() is not None


def test_unwritable_path_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r'none/a\.mkv: No such file'):
        RecordingWriter(tmp_path / 'none/a.mkv', SMALL, nominal_calibration())


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    write_recording(Path('~/a.mkv'))
    assert (tmp_path / 'a.mkv').stat().st_size > 100_000


@pytest.mark.parametrize(('config', 'reason'), [
    (replace(SMALL, fps=121), 'fps is 121'),
    (CameraConfig(), 'all streams are disabled'),
])
def test_invalid_configuration_is_rejected(tmp_path, config, reason):
    with pytest.raises(RecordingError, match=reason):
        RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration())
    assert not (tmp_path / 'a.mkv').exists()


def image(shape: tuple[int, ...], dtype: str = 'uint16', device_us: int = 10) -> Image:
    """Return a black image."""
    return Image(np.zeros(shape, dtype), device_us)


@pytest.mark.parametrize(('capture', 'reason'), [
    (Capture(), 'no image'),
    (Capture(depth=image((288, 321))), r'depth image is uint16 \(288, 321\)'),
    (Capture(depth=image((320, 288))), r'must be uint16 \(288, 320\)'),
    (Capture(ir=image((288, 320), 'float32')), 'ir image is float32'),
    (Capture(depth=image((288, 320), 'uint8')), 'depth image is uint8'),
    (Capture(depth=image((288, 320), device_us=-1)), 'positive'),
    (Capture(color=image((100,), 'uint8')), 'color is disabled'),
])
def test_image_that_does_not_match_config_is_rejected(tmp_path, capture, reason):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match=reason):
            writer.write(capture)


@pytest.mark.parametrize(('color_format', 'shape'), [
    (ColorFormat.MJPG, (720, 1280)), (ColorFormat.MJPG, (0,)),
    (ColorFormat.NV12, (720, 1280)), (ColorFormat.YUY2, (720, 1280)),
    (ColorFormat.BGRA32, (720, 1280, 3)),
])
def test_color_image_that_does_not_match_config_is_rejected(tmp_path, color_format, shape):
    config = CameraConfig.of_modes(DepthMode.OFF, ColorResolution.R720P, color_format)
    with RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match='color image is uint8'):
            writer.write(Capture(color=image(shape, 'uint8')))


def samples(acc_us: list[int], **changes: object) -> ImuSamples:
    """Return IMU samples with these timestamps."""
    count = len(acc_us)
    arrays = {
        'acc': np.zeros((count, 3), np.float32), 'acc_us': np.array(acc_us, np.int64),
        'gyro': np.zeros((count, 3), np.float32), 'gyro_us': np.array(acc_us, np.int64),
        'temperature': np.zeros(count, np.float32)}
    return ImuSamples(**{**arrays, **changes})


@pytest.mark.parametrize(('batch', 'reason'), [
    (samples([1, 2], acc=np.zeros((2, 2), np.float32)), r'acc of the IMU is float32 \(2, 2\)'),
    (samples([1, 2], gyro_us=np.zeros(2)), 'gyro_us of the IMU is float64'),
    (samples([2, 1]), 'increase'),
    (samples([1, 1]), 'increase'),
    (samples([-5]), 'positive'),
])
def test_invalid_imu_samples_are_rejected(tmp_path, batch, reason):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        with pytest.raises(RecordingError, match=reason):
            writer.write_imu(batch)


def test_timestamps_must_increase_between_calls(tmp_path):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        writer.write(Capture(depth=image((288, 320), device_us=100)))
        writer.write(Capture(ir=image((288, 320), device_us=90)))
        with pytest.raises(OutOfOrderError, match='100 us does not follow 100 us'):
            writer.write(Capture(depth=image((288, 320), device_us=100)))
        writer.write_imu(samples([5]))
        with pytest.raises(RecordingError, match='increase'):
            writer.write_imu(samples([5]))


def test_disabled_imu_and_closed_file_are_rejected(tmp_path):
    config = replace(SMALL, imu=False)
    writer = RecordingWriter(tmp_path / 'a.mkv', config, nominal_calibration())
    with pytest.raises(RecordingError, match='IMU is disabled'):
        writer.write_imu(samples([1]))
    writer.close()
    writer.close()
    with pytest.raises(RecordingError, match='closed'):
        writer.write(Capture(depth=image((288, 320))))


def test_full_disk_is_reported():
    with pytest.raises(RecordingError, match=r'/dev/full: .*disk'):
        with RecordingWriter(
                '/dev/full', SMALL, nominal_calibration(), overwrite=True) as writer:
            writer.write(Capture(depth=image((288, 320))))


def test_data_two_seconds_behind_is_rejected(tmp_path):
    """An IMU that is silent for longer is not waited for, and must not be sorted in afterwards."""
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        writer.write_imu(samples([10_000_000]))
        for device_us in (10_000_100, 11_000_000, 11_999_000):
            writer.write(Capture(depth=image((288, 320), device_us=device_us),
                                 ir=image((288, 320), device_us=device_us)))
        assert writer.size == 0
        writer.write_imu(samples([10_000_200]))
        writer.write(Capture(depth=image((288, 320), device_us=13_000_000),
                             ir=image((288, 320), device_us=13_000_000)))
        assert writer.size > 0
        with pytest.raises(OutOfOrderError, match='acc_us is at 10000300 us, more than two sec'):
            writer.write_imu(samples([10_000_300]))
        writer.write_imu(samples([13_500_000]))


def test_stream_that_begins_late_is_waited_for(tmp_path):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        for device_us in (10_000_000, 11_900_000):
            writer.write(Capture(depth=image((288, 320), device_us=device_us),
                                 ir=image((288, 320), device_us=device_us)))
        assert writer.size == 0
        writer.write_imu(samples([9_999_000, 11_000_000]))
    assert packets(tmp_path / 'a.mkv')[0][1] == 0


def test_images_are_waited_for_if_samples_come_first(tmp_path):
    with RecordingWriter(tmp_path / 'a.mkv', SMALL, nominal_calibration()) as writer:
        writer.write_imu(samples([0, 40_000]))
        assert writer.size == 0
        writer.write(Capture(depth=image((288, 320), device_us=0)))
    assert len(packets(tmp_path / 'a.mkv')) == 3


def ros_times(path: Path) -> list[tuple[int, int, int]]:
    """Return the entries of the track of ROS times, in the order of the file."""
    with av.open(str(path)) as file:
        track = next(s for s in file.streams if s.metadata.get('title') == 'ROS_TIME')
        return [tuple(entry) for packet in file.demux(track) if packet.size
                for entry in decode(bytes(packet)).tolist()]


def test_ros_times_are_kept(tmp_path):
    config = CameraConfig.of_modes(DepthMode.NFOV_2X2BINNED, ColorResolution.R720P)
    capture = random_capture(np.random.default_rng(0), config, 1000)
    path = tmp_path / 'a.mkv'
    with RecordingWriter(path, config, nominal_calibration(), ros_time=True) as writer:
        writer.write(capture, lambda device_us: 10 ** 18 + device_us)
        writer.write_imu(samples([900, 1500]), np.array([10 ** 18 + 7, 10 ** 18 + 8]))
    assert ros_times(path) == [
        (3, 900, 10 ** 18 + 7), (3, 1500, 10 ** 18 + 8), (0, 1000, 10 ** 18 + 1000),
        (1, 1000, 10 ** 18 + 1000), (2, 1100, 10 ** 18 + 1100)]
    reader = RecordingReader(str(path))  # other programs ignore the track
    assert_same_capture(reader.captures.read(), capture)
    reader.close()


def test_libk4arecord_finds_the_calibration_by_its_tag(tmp_path):
    written = write_recording(tmp_path / 'a.mkv', count=1)
    with av.open(str(written.path)) as file:
        attachment = next(s for s in file.streams if s.type == 'attachment')
        assert attachment.metadata['K4A_CALIBRATION_FILE'] == attachment.name


def test_index_leads_to_any_capture(tmp_path):
    """Of libk4arecord, which seeks by the index."""
    written = write_recording(tmp_path / 'a.mkv', count=100)
    with Reference(written.path) as playback:
        for index in (95, 3, 50):
            playback.seek(written.captures[index].device_us - written.captures[0].device_us)
            _, depth = next(playback.captures())['depth']
            assert depth == written.captures[index].depth.data.tobytes()


def packets(path: Path) -> list[tuple[int, int]]:
    """Return track and time of everything in a file that can be read, in its order."""
    with av.open(str(path)) as file:
        return [(packet.stream_index, packet.pts) for packet in file.demux() if packet.size]


def test_file_of_a_killed_writer_is_complete_up_to_the_last_32_ms(tmp_path):
    path = tmp_path / 'a.mkv'
    random = np.random.default_rng(0)
    times = [1000 + i * SMALL.period_us for i in range(30)]
    writer = RecordingWriter(path, SMALL, nominal_calibration())
    for device_us in times:
        writer.write(random_capture(random, SMALL, device_us))
        writer.write_imu(samples([device_us, device_us + 5000]))
    killed = tmp_path / 'killed.mkv'
    killed.write_bytes(path.read_bytes())
    writer.close()
    found = packets(killed)
    assert found == packets(path)[:len(found)]
    assert max(time_us for _, time_us in found) >= times[-1] - times[0] - 33_333 - 32_000
    with av.open(str(killed)) as file:
        assert file.metadata['K4A_START_OFFSET_NS'] == '1000000'


def test_full_disk_leaves_whole_clusters(tmp_path, monkeypatch):
    path = tmp_path / 'a.mkv'
    limit = 800_000
    pwritev = os.pwritev

    def limited(file: int, parts: list[memoryview], position: int) -> int:
        room = limit - position
        if room <= 0:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return pwritev(file, [b''.join(parts)[:room]], position)

    monkeypatch.setattr(os, 'pwritev', limited)
    writer = RecordingWriter(path, NO_IMU, nominal_calibration())
    random = np.random.default_rng(0)
    with pytest.raises(RecordingError, match='the disk is full; what was written before'):
        for i in range(30):
            writer.write(random_capture(random, NO_IMU, 1000 + i * SMALL.period_us))
    with pytest.raises(RecordingError, match='failed before'):
        writer.write(random_capture(random, NO_IMU, 10 ** 7))
    writer.close()
    reader = RecordingReader(str(path))
    count = 0
    while reader.captures.read() is not None:
        count += 1
    reader.close()
    assert count == 2  # of 369 kB


def test_more_tags_and_attachments_are_written(tmp_path):
    path = tmp_path / 'a.mkv'
    with RecordingWriter(path, NO_IMU, nominal_calibration(), tags={'LAB': 'seven'},
                         attachments={'notes.txt': b'cold'}) as writer:
        writer.write(random_capture(np.random.default_rng(0), NO_IMU, 5))
    with av.open(str(path)) as file:
        assert file.metadata['LAB'] == 'seven'
        assert {s.name: s.data for s in file.streams if s.type == 'attachment'}[
            'notes.txt'] == b'cold'

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


"""Parameters of the camera: which one, its modes, controls, recordings and simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from k4a_ros.calibration.camera_info_url import URL_PATTERN
from k4a_ros.parameters.field import parameter
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import ParameterGroup

_CAMERA = ParameterGroup('Camera selection')
_PLAYBACK = ParameterGroup('Recording playback')
_RECORDING_GROUP = ParameterGroup(
    'Recording', 'For the services `~/start_recording` and `~/stop_recording` with a live camera.')
_MODES = ParameterGroup(
    'Camera modes', 'A recording is played in the modes in which it was made.', restarts=True)
_CONTROLS = ParameterGroup(
    'Color camera controls', 'A control that is not set keeps the value stored in the camera.')
_SIMULATION = ParameterGroup('Simulated camera')

_RECORDING = ('recording',)
_LIVE = ('device', 'simulated')
_SIMULATED = ('simulated',)
#: longest recording that can be played, see `k4a_ros.mkv.timeline`: a year
_MAX_LENGTH_S = 366 * 86_400.0


def _camera_info_url(description: str) -> Any:
    """Return the field of the URL of a lens."""
    return parameter(
        '', f'Calibration of your own for {description}', _CAMERA, path=True, pattern=URL_PATTERN,
        pattern_name='factory, or a URL file:///PATH or package://PACKAGE/PATH')


def _control(
    default: int | bool, description: str, minimum: int | None = None, maximum: int | None = None,
    unit: str = '', choices: tuple[str, ...] = (),
) -> Any:
    """Return the field of a live control of the color camera."""
    return parameter(default, description, _CONTROLS, minimum=minimum, maximum=maximum, unit=unit,
                     choices=choices, target=LiveTarget.CAMERA, cameras=_LIVE)


@dataclass(frozen=True)
class CameraParameters:
    """Values of the parameters of the camera."""

    autostart: bool = parameter(
        True, 'Configure and activate the node on startup, and exit if the camera cannot be '
        'opened. If false, the node waits for external lifecycle transitions.', _CAMERA)
    camera: str = parameter(
        'auto', 'Kind of camera to open. device: a connected Azure Kinect. recording: plays '
        'recording_file. simulated: a synthetic camera in a scene of planes, boxes and people; '
        'never selected automatically. auto: recording if recording_file is set, otherwise '
        'device.', _CAMERA, choices=('auto', 'device', 'recording', 'simulated'))
    recording_file: str = parameter(
        '', 'Azure Kinect recording (.mkv) to play instead of opening a live camera. A relative '
        'path starts at the working directory of the node; ~ is the home directory.', _CAMERA,
        path=True)
    sensor_sn: str = parameter(
        '', 'Serial number of the camera to open; empty for any camera. A recording of another '
        'camera is rejected.', _CAMERA, digits=True)
    k4a_library_path: str = parameter(
        '', 'File of libk4a to use for a physical camera, such as that of the K4A wrapper of '
        'Orbbec. Empty: environment variable K4A_LIBRARY_PATH, pyk4a-bundle, or the '
        'libk4a.so.1.4 that the dynamic loader finds.', _CAMERA, path=True, cameras=('device',))
    calibration_file: str = parameter(
        '', 'Factory calibration to use instead of that of the camera or recording: JSON, as '
        'k4a_device_get_raw_calibration returns it. That of a camera with another serial number '
        'is rejected. See docs/calibration.md.', _CAMERA, path=True)
    depth_camera_info_url: str = _camera_info_url(
        'the depth camera, in the YAML of camera_calibration_parsers: file:///PATH or '
        'package://PACKAGE/PATH, with ${NAME} and ${ROS_HOME}. depth/set_camera_info writes the '
        'file. Empty: file://${ROS_HOME}/camera_info/${NAME}.yaml if there is such a file, '
        'otherwise that of the factory. factory: that of the factory in any case. See '
        'docs/calibration.md.')
    ir_camera_info_url: str = _camera_info_url(
        'the depth camera, too: its infrared and depth images have the same lens. Set one of '
        'both.')
    rgb_camera_info_url: str = _camera_info_url(
        'the color camera, as depth_camera_info_url.')
    tf_prefix: str = parameter(
        '', 'Prefix of all TF frame names, used verbatim: left_ gives left_depth_camera_link. Two '
        'cameras need different prefixes.', _CAMERA,
        pattern='([A-Za-z0-9_.-][A-Za-z0-9_./-]{0,127})?',
        pattern_name='up to 128 letters, digits and _ - . /, without a leading /')

    recording_loop_enabled: bool = parameter(
        False, 'Loop the recording; playback_loop_stamps has the choice of stamps.', _PLAYBACK,
        cameras=_RECORDING)
    recording_at_end: str = parameter(
        'exit', 'What to do at the end of a recording that is not looped. exit: end the node with '
        'exit code 0. pause: keep the node running; playback_paused:=false plays the recording '
        'again.', _PLAYBACK, choices=('exit', 'pause'), cameras=_RECORDING)
    playback_rate: float = parameter(
        1.0, 'Playback speed: 1 is real time, 2 is twice as fast. 0 plays as fast as possible '
        'without loss: a capture is published only after every reliable subscriber has '
        'acknowledged the previous one.', _PLAYBACK, minimum=0.0, maximum=100.0,
        target=LiveTarget.CAMERA, cameras=_RECORDING)
    playback_paused: bool = parameter(
        False, 'Pause playback. To start in sync with other nodes, start the driver paused and '
        'set this to false when they are ready.', _PLAYBACK, target=LiveTarget.CAMERA,
        cameras=_RECORDING)
    playback_start_offset: float = parameter(
        0.0, 'Start each pass this long after the beginning of the recording.', _PLAYBACK,
        unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_duration: float = parameter(
        0.0, 'End each pass this long after its start; 0 plays the recording to its end.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_loop_stamps: str = parameter(
        'continue', 'Stamps of a recording that is looped, or played again. continue: they keep '
        'increasing. restart: those of the first pass, again and again, as of a rosbag2 player; '
        'ROS time then goes back.', _PLAYBACK, choices=('continue', 'restart'),
        cameras=_RECORDING)
    playback_loop_period: float = parameter(
        0.0, 'Time from the start of a pass to that of the next one; 0 is the length of the '
        'recording and one frame period. Recordings that were made together need the same one.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_stamps: str = parameter(
        'now', 'Stamps of a recording. now: those of the time at which it is played. recorded: '
        'those that it was made with, which only recordings of this driver have.', _PLAYBACK,
        choices=('now', 'recorded'), cameras=_RECORDING)
    playback_time_origin: float = parameter(
        -1.0, 'ROS time of device time 0: stamps are this plus the device time. Give it to the '
        'drivers of recordings that were made together, so that the same trigger has the same '
        'stamp. If the first stamp is at most a minute in the future, playback starts at that '
        'time. -1 stamps the first data with the time at which it is played.', _PLAYBACK,
        unit='s', minimum=-1.0, maximum=2.0 ** 31 - 1, cameras=_RECORDING)
    publish_clock: float = parameter(
        0.0, 'Rate of /clock, the time of playback, which nodes with use_sim_time follow; it '
        'stands still while playback is paused. 0 does not publish it.', _PLAYBACK, unit='Hz',
        minimum=0.0, maximum=1000.0, cameras=_RECORDING)
    playback_start_delay: float = parameter(
        4.0, 'Maximum time to wait for a first subscriber before playback starts. With at least '
        'one subscriber, playback starts once the number of subscribers has not changed for a '
        'second. 0 starts at once.', _PLAYBACK, unit='s', minimum=0.0, maximum=60.0,
        cameras=_RECORDING)

    record_file: str = parameter(
        '', 'File (.mkv) that ~/start_recording writes; empty to refuse that. It may have fields '
        'of strftime, such as %Y-%m-%d_%H-%M-%S. Missing folders are created, and a number is '
        'added to the name instead of overwriting a file. A relative path starts at the working '
        'directory of the node; ~ is the home directory.', _RECORDING_GROUP, cameras=_LIVE,
        path=True)
    record_split_size: int = parameter(
        0, 'Size at which the recording goes on in another file; 0 for any size.',
        _RECORDING_GROUP, unit='MB', minimum=0, maximum=10_000_000, target=LiveTarget.RECORDER,
        cameras=_LIVE)
    record_split_duration: int = parameter(
        0, 'Time after which the recording goes on in another file; 0 for any time.',
        _RECORDING_GROUP, unit='s', minimum=0, maximum=1_000_000, target=LiveTarget.RECORDER,
        cameras=_LIVE)

    depth_mode: str = parameter(
        'NFOV_UNBINNED', 'Depth camera mode: NFOV_2X2BINNED (320x288), NFOV_UNBINNED (640x576), '
        'WFOV_2X2BINNED (512x512), WFOV_UNBINNED (1024x1024, up to 15 fps) or PASSIVE_IR '
        '(1024x1024, infrared without depth). The depth camera is also off if depth_enabled is '
        'false.', _MODES,
        choices=('OFF', 'NFOV_2X2BINNED', 'NFOV_UNBINNED', 'WFOV_2X2BINNED', 'WFOV_UNBINNED',
                 'PASSIVE_IR'), cameras=_LIVE)
    color_resolution: str = parameter(
        '720P', 'Color image size: 720P (1280x720), 1080P (1920x1080), 1440P (2560x1440), 1536P '
        '(2048x1536), 2160P (3840x2160) or 3072P (4096x3072, up to 15 fps). The color camera is '
        'also off if color_enabled is false.', _MODES,
        choices=('OFF', '720P', '1080P', '1440P', '1536P', '2160P', '3072P'), cameras=_LIVE)
    color_format: str = parameter(
        'jpeg', 'Image format delivered by the color camera. jpeg has the lowest cost and can be '
        'republished as is. bgra is decoded from JPEG on the host. nv12 and yuy2 are available at '
        '720P only.', _MODES, choices=('jpeg', 'bgra', 'nv12', 'yuy2'), cameras=_LIVE)
    fps: int = parameter(
        30, 'Frame rate of the depth and color cameras.', _MODES, unit='Hz',
        choices=('5', '15', '30'), cameras=_LIVE)
    synchronized_images_only: bool = parameter(
        False, 'Drop captures that lack the depth or the color image, also of a recording.',
        _MODES)
    depth_delay_off_color_usec: int = parameter(
        0, 'Delay from the center of the color exposure to the center of the depth exposure; may '
        'be negative, at most one frame period. Use it to keep the lasers of several cameras from '
        'interfering.', _MODES, unit='us', minimum=-200_000, maximum=200_000, cameras=_LIVE)
    wired_sync_mode: int = parameter(
        0, 'Role on the sync cable: 0 standalone, 1 master, 2 subordinate.', _MODES,
        choices=('0', '1', '2'), cameras=_LIVE)
    subordinate_delay_off_master_usec: int = parameter(
        0, 'Delay of a subordinate relative to its master; at most one frame period.', _MODES,
        unit='us', minimum=0, maximum=200_000, cameras=_LIVE)
    sync_clock_topic: str = parameter(
        '', 'Topic sync_clock of the master, such as /front/sync_clock. A subordinate then '
        'converts device time to ROS time as its master does, so that the stamps of one pulse '
        'differ by the delay only. Empty: each camera on its own.', _MODES,
        pattern='(/[A-Za-z_][A-Za-z0-9_]*)*', pattern_name='an absolute topic, or empty',
        cameras=_LIVE)
    disable_streaming_indicator: bool = parameter(
        False, 'Keep the front LED off while the camera streams.', _MODES, cameras=('device',))

    exposure_auto: bool = _control(
        True, 'Enable auto exposure: the camera adjusts exposure_time_us.')
    exposure_time_us: int = _control(
        33330, 'Exposure time; rounded up to the next value that the sensor supports, at most one '
        'frame period. Setting it disables exposure_auto.', 500, 133330, 'us')
    whitebalance_auto: bool = _control(
        True, 'Enable auto white balance: the camera adjusts whitebalance.')
    whitebalance: int = _control(
        4500, 'White balance as color temperature, in steps of 10 K. Setting it disables '
        'whitebalance_auto.', 2500, 12500, 'K')
    brightness: int = _control(128, 'Brightness offset of the color image.', 0, 255)
    contrast: int = _control(5, 'Contrast of the color image.', 0, 10)
    saturation: int = _control(32, 'Color saturation; 0 is grayscale.', 0, 63)
    sharpness: int = _control(2, 'Strength of edge sharpening.', 0, 4)
    gain: int = _control(128, 'Sensor gain; used while exposure_auto is false.', 0, 255)
    backlight_compensation: bool = _control(
        False, 'Brighten subjects in front of a bright background.')
    powerline_frequency: int = _control(
        60, 'Mains frequency, used to avoid flicker from lamps; it determines which exposure '
        'times are available.', unit='Hz', choices=('50', '60'))

    simulation_scene: str = parameter(
        '', 'Scene file (YAML) of the simulated camera; empty for a furnished room with a walking '
        'person.', _SIMULATION, cameras=_SIMULATED, path=True)
    simulation_calibration: str = parameter(
        '', 'Factory calibration (JSON, as stored in recordings) of the simulated camera; empty '
        'for a nominal calibration.', _SIMULATION, cameras=_SIMULATED, path=True)
    simulation_seed: int = parameter(
        0, 'Seed of the simulated noise; the same seed gives the same images.', _SIMULATION,
        minimum=0, maximum=2 ** 31 - 1, cameras=_SIMULATED)
    simulation_noise: bool = parameter(
        True, 'Simulate the measurement errors of a real camera. If false, measurements are '
        'exact.', _SIMULATION, cameras=_SIMULATED)
    simulation_pose: str = parameter(
        '', "Pose of the simulated camera in the scene instead of that in the file: 'X Y Z ROLL "
        "PITCH YAW' of camera_base, in meters and radians, in a world with the axes of REP 103 (x "
        'forward, y left, z up).', _SIMULATION, cameras=_SIMULATED)
    simulation_sync_group: str = parameter(
        '', 'Name of a simulated sync cable: cameras on this computer with the same name get the '
        'pulses of the one that is master, and see the scene at the same time. Without a name a '
        'subordinate gets pulses from nowhere.', _SIMULATION,
        pattern='[A-Za-z0-9_]{0,32}', pattern_name='up to 32 letters, digits and _',
        cameras=_SIMULATED)
    simulation_sync_cables: str = parameter(
        'auto', 'Cables in the sync jacks of the simulated camera. auto: those that its role '
        'requires.', _SIMULATION, choices=('auto', 'none', 'in', 'out', 'both'),
        cameras=_SIMULATED)
    simulation_fault: str = parameter(
        '', 'Inject faults into the simulated camera each time this parameter is set: '
        "'unplug [S]', 'replug', 'stall S', 'silent [S]', 'no sync pulse [S]', "
        "'drop capture|depth|color [N]', 'corrupt jpeg [N]', 'imu gap S', 'drift PPM', "
        "'latency S', 'reset timestamps', or 'none' to clear them. S is in seconds, N is a number "
        "of images (default 1). Separate several faults with ';'.", _SIMULATION,
        target=LiveTarget.FAULTS, cameras=_SIMULATED)

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

"""
The parameters of the driver: the one table.

Every field of `Settings` is a parameter. From this table come the declarations of the node with
their descriptions and ranges, config/driver.yaml and docs/parameters.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import replace
import difflib
import typing
from typing import Any

from k4a_ros.config import CameraConfig
from k4a_ros.config import ColorFormat
from k4a_ros.config import ColorResolution
from k4a_ros.config import DepthMode
from k4a_ros.config import problems
from k4a_ros.config import WiredSyncMode
from k4a_ros.errors import ConfigError
from k4a_ros.spec import checked
from k4a_ros.spec import Spec
from k4a_ros.spec import Value

_KEY = 'k4a_ros'


def _parameter(default: Any, text: str, group: str, **details: Any) -> Any:
    restarts = group in (_MODES, _STREAMS) and not details.get('live', False)
    spec = Spec(text, group, restarts=restarts, **details)
    return field(default=default, metadata={_KEY: spec})


_CAMERA = 'Which camera'
_MODES = 'Modes of a camera (a recording has those that it was made with)'
_CONTROLS = 'Controls of the colour camera, which keeps them: those that are not set stay'
_SIMULATION = 'The simulated camera'
_PLAYBACK = 'Playing a recording'
_STREAMS = 'What is published'

_RECORDING = ('recording',)
_LIVE = ('device', 'simulated')
_SIMULATED = ('simulated',)


def _control(
    default: int | bool, text: str, minimum: int | None = None, maximum: int | None = None,
    unit: str = '', choices: tuple[str, ...] = (),
) -> Any:
    return _parameter(default, text, _CONTROLS, minimum=minimum, maximum=maximum, unit=unit,
                      choices=choices, live=True, cameras=_LIVE)


@dataclass(frozen=True)
class Settings:
    """
    Values of all parameters; see the text of each field's `Spec`.

    ``given`` is no parameter: it has the names of those that were set, whatever to.
    """

    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    autostart: bool = _parameter(
        True, 'Configure and activate the node by itself when it starts, and end it when there is '
        'no camera; false waits for somebody else to do so.', _CAMERA)
    camera: str = _parameter(
        'auto', 'Kind of camera: recording plays recording_file; simulated is a camera that does '
        'not exist, in a world of planes, boxes and people; device is one that is plugged in; '
        'auto is recording where recording_file is given, otherwise device. simulated is never '
        'taken unasked.', _CAMERA, choices=('auto', 'device', 'recording', 'simulated'))
    recording_file: str = _parameter(
        '', 'Azure Kinect recording (.mkv) to play instead of a live camera; relative to the '
        'directory in which the node was started, ~ is the home directory.', _CAMERA)
    sensor_sn: str = _parameter(
        '', 'Serial number of the camera to open; empty accepts any. A recording of another '
        'camera is refused.', _CAMERA, digits=True)
    tf_prefix: str = _parameter(
        '', 'Put in front of every frame name, as it is: left_ gives left_depth_camera_link. Two '
        'cameras need two prefixes.', _CAMERA)

    recording_loop_enabled: bool = _parameter(
        False, 'Start again at the end of the recording; stamps go on, they never go back.',
        _PLAYBACK,
        cameras=_RECORDING)
    recording_at_end: str = _parameter(
        'exit', 'What happens at the end of a recording that is not looped: exit ends the node '
        'with code 0; pause keeps it alive, and playback_paused:=false plays it again.',
        _PLAYBACK, choices=('exit', 'pause'),
        cameras=_RECORDING)
    playback_rate: float = _parameter(
        1.0, 'Speed of playback: 1 is real time, 2 twice as fast. 0 is as fast as possible '
        'without loss: each capture is acknowledged by every reliable subscriber before the next '
        'is published.', _PLAYBACK, minimum=0.0, maximum=100.0, live=True,
        cameras=_RECORDING)
    playback_paused: bool = _parameter(
        False, 'Hold playback. Start with true, and set false when everything is ready.',
        _PLAYBACK, live=True,
        cameras=_RECORDING)
    playback_start_delay: float = _parameter(
        4.0, 'Longest time to wait for a first subscriber before playback begins; when there is '
        'one, it begins as soon as no other has come for a second. 0 begins at once.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=60.0,
        cameras=_RECORDING)

    depth_mode: str = _parameter(
        'NFOV_UNBINNED', 'Mode of the depth camera: narrow or wide field of view, full or half '
        'resolution; PASSIVE_IR has no depth; WFOV_UNBINNED runs at 15 fps at most. It is off, '
        'too, where depth_enabled is false.', _MODES,
        choices=('OFF', 'NFOV_2X2BINNED', 'NFOV_UNBINNED', 'WFOV_2X2BINNED', 'WFOV_UNBINNED',
                 'PASSIVE_IR'), cameras=_LIVE)
    color_resolution: str = _parameter(
        '720P', 'Size of the colour image: 1280x720, 1920x1080, 2560x1440, 2048x1536, 3840x2160 '
        'or 4096x3072; 3072P runs at 15 fps at most. It is off, too, where color_enabled is '
        'false.', _MODES,
        choices=('OFF', '720P', '1080P', '1440P', '1536P', '2160P', '3072P'), cameras=_LIVE)
    color_format: str = _parameter(
        'jpeg', 'What the colour camera delivers: jpeg costs the least and can be passed on as '
        'it is; bgra is decoded from it on the host; nv12 and yuy2 exist at 720P only.', _MODES,
        choices=('jpeg', 'bgra', 'nv12', 'yuy2'), cameras=_LIVE)
    fps: int = _parameter(
        30, 'Captures per second, of both cameras.', _MODES, unit='Hz',
        choices=('5', '15', '30'), cameras=_LIVE)
    synchronized_images_only: bool = _parameter(
        False, 'Leave out captures that lack the depth or the colour image.', _MODES,
        cameras=_LIVE)
    depth_delay_off_color_usec: int = _parameter(
        0, 'Time from the centre of the colour exposure to that of depth, which may be negative; '
        'one frame at most. Keeps the lasers of several cameras apart.', _MODES, unit='us',
        minimum=-200_000, maximum=200_000, cameras=_LIVE)
    wired_sync_mode: int = _parameter(
        0, 'Role on the synchronisation cable: 0 standalone, 1 master, 2 subordinate.', _MODES,
        choices=('0', '1', '2'), cameras=_LIVE)
    subordinate_delay_off_master_usec: int = _parameter(
        0, 'Time by which a subordinate is later than its master; one frame at most.', _MODES,
        unit='us', minimum=0, maximum=200_000, cameras=_LIVE)
    disable_streaming_indicator: bool = _parameter(
        False, 'Leave the light at the front off while the camera streams.', _MODES,
        cameras=('device',))

    exposure_auto: bool = _control(True, 'Let the camera choose exposure_time_us.')
    exposure_time_us: int = _control(
        33330, 'Length of exposure; rounded up to the next one that the sensor has, and within a '
        'frame. Setting it ends exposure_auto.', 500, 133330, 'us')
    whitebalance_auto: bool = _control(True, 'Let the camera choose whitebalance.')
    whitebalance: int = _control(
        4500, 'Colour temperature of the light, in steps of 10. Setting it ends '
        'whitebalance_auto.', 2500, 12500, 'K')
    brightness: int = _control(128, 'What is added to the image.', 0, 255)
    contrast: int = _control(5, 'How steep the step from dark to bright is.', 0, 10)
    saturation: int = _control(32, 'Strength of colours; 0 is grey.', 0, 63)
    sharpness: int = _control(2, 'How much edges are enhanced.', 0, 4)
    gain: int = _control(128, 'Gain of the sensor, where exposure_auto is off.', 0, 255)
    backlight_compensation: bool = _control(
        False, 'Brighten what stands before a bright background.')
    powerline_frequency: int = _control(
        60, 'Frequency of the mains, by which lamps flicker; it decides which lengths of exposure '
        'there are.', unit='Hz', choices=('50', '60'))

    simulation_scene: str = _parameter(
        '', 'Scene file (YAML) for the simulated camera; empty is a furnished room in which '
        'somebody walks.', _SIMULATION, cameras=_SIMULATED)
    simulation_calibration: str = _parameter(
        '', 'Factory calibration (JSON, as a recording holds it) of the camera to simulate; empty '
        'is a nominal one.', _SIMULATION, cameras=_SIMULATED)
    simulation_seed: int = _parameter(
        0, 'Another number gives other noise; the same gives the same images.', _SIMULATION,
        minimum=0, maximum=2 ** 31 - 1, cameras=_SIMULATED)
    simulation_noise: bool = _parameter(
        True, 'Measure as a real camera does; false measures exactly.', _SIMULATION,
        cameras=_SIMULATED)
    simulation_fault: str = _parameter(
        '', 'Let the simulated camera have a fault, each time that it is set: '
        "'unplug [S]', 'replug', 'stall S', 'silent [S]', 'no sync pulse [S]', "
        "'drop capture|depth|color [N]', 'corrupt jpeg [N]', 'imu gap S', 'drift PPM', "
        "'latency S', 'reset timestamps', or 'none' to end them; S seconds, N images; several "
        "with ';' between them.", _SIMULATION, live=True, cameras=_SIMULATED)

    depth_enabled: bool = _parameter(
        True, 'Publish depth and infrared images.', _STREAMS)
    color_enabled: bool = _parameter(True, 'Publish colour images.', _STREAMS)
    imu_enabled: bool = _parameter(True, 'Publish inertial samples.', _STREAMS)
    point_cloud: bool = _parameter(
        True, 'Offer points2, the depth image as an organised cloud; needs depth_enabled.',
        _STREAMS)
    rgb_point_cloud: bool = _parameter(
        False, 'Colour the points of points2; needs colour.', _STREAMS)
    point_cloud_in_depth_frame: bool = _parameter(
        True, 'Coloured points are those of the depth image; false makes them those of the colour '
        'image, in its frame.', _STREAMS)
    registration_occlusion: bool = _parameter(
        False, 'Leave points without colour that the colour camera cannot see, in place of the '
        'colour of what is before them.', _STREAMS)
    depth_unit: str = _parameter(
        '16UC1', 'Encoding of depth/image_raw: 16UC1 is millimetres with 0 for invalid, 32FC1 is '
        'metres with NaN for invalid (REP 118).', _STREAMS, choices=('16UC1', '32FC1'))
    compressed_depth_format: str = _parameter(
        'png', 'Codec of depth/image_raw/compressedDepth; rvl takes a tenth of the time.',
        _STREAMS, choices=('png', 'rvl'))
    rescale_ir_to_mono8: bool = _parameter(
        False, 'Publish ir/image_raw as mono8, scaled by ir_mono8_scaling_factor, instead of '
        'mono16.', _STREAMS)
    ir_mono8_scaling_factor: float = _parameter(
        1.0, 'Factor from the 16-bit infrared value to the mono8 value, which saturates at 255. '
        '0.5 to 1 suits the active modes, 10 PASSIVE_IR.', _STREAMS,
        minimum=0.001, maximum=1000.0, live=True)
    rgb_encoding: str = _parameter(
        'bgra8', 'Encoding of rgb/image_raw; native publishes NV12 and YUY2 images unconverted '
        '(nv12, yuv422_yuy2), and others as bgra8.', _STREAMS,
        choices=('bgra8', 'bgr8', 'rgb8', 'native'))
    imu_rate_target: int = _parameter(
        0, 'Highest rate of imu: consecutive samples are averaged down to it; 0 publishes every '
        'sample.', _STREAMS, unit='Hz', minimum=0, maximum=1666)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Settings:
        """
        Return the settings with these values, and defaults for the others.

        :param values: by parameter name; an integer stands for a float, a number for a text of
            digits.
        :raises ConfigError: every unusable value at once.
        """
        return cls().changed(values)

    def changed(self, values: Mapping[str, object]) -> Settings:
        """
        Return these settings with some other values; parameters and errors as `of`.

        ``given`` grows by the names of the values.
        """
        good: dict[str, Value] = {}
        found: list[str] = []
        for name, value in values.items():
            try:
                good[name] = check(name, value)
            except ConfigError as error:
                found.extend(error.problems)
        result = replace(
            self, given=self.given | good.keys(), **good)  # type: ignore[arg-type]
        found.extend(result._conflicts())
        if found:
            raise ConfigError(*found)
        return result

    @property
    def camera_kind(self) -> str:
        """Return the kind of camera to open: recording, device or simulated."""
        if self.camera == 'auto':
            return 'recording' if self.recording_file else 'device'
        return self.camera

    def camera_config(self) -> CameraConfig:
        """Return what a device, or a simulated one, is asked to stream."""
        depth_mode = DepthMode[self.depth_mode] if self.depth_enabled else DepthMode.OFF
        color = self.color_resolution if self.color_enabled else 'OFF'
        return replace(
            CameraConfig.of_modes(
                depth_mode, ColorResolution.of(color), ColorFormat.of(self.color_format),
                self.fps, self.imu_enabled),
            synchronized_images_only=self.synchronized_images_only,
            depth_delay_off_color_usec=self.depth_delay_off_color_usec,
            wired_sync_mode=WiredSyncMode(self.wired_sync_mode),
            subordinate_delay_off_master_usec=self.subordinate_delay_off_master_usec)

    def without_effect(self) -> list[str]:
        """Return sentences that name the parameters that were set but not for this camera."""
        kind = self.camera_kind
        unused: dict[str, list[str]] = {}
        for name in names():
            cameras = spec(name).cameras
            if name in self.given and cameras and kind not in cameras:
                unused.setdefault(' or '.join(cameras), []).append(name)
        return [f'{", ".join(found)}: without effect on a camera of kind {kind}, only on '
                f'{wanted}' for wanted, found in unused.items()]

    def _conflicts(self) -> list[str]:
        found = []
        if not (self.depth_enabled or self.color_enabled or self.imu_enabled):
            found.append('depth_enabled, color_enabled and imu_enabled are all false: nothing '
                         'would be published; enable one of them')
        elif self.camera_kind != 'recording':
            config = self.camera_config()
            found.extend(problems(config))
            if self.rgb_point_cloud and not (config.depth and config.color):
                found.append('rgb_point_cloud needs depth and colour: choose a depth_mode that '
                             'has depth, and a color_resolution, or set it to false')
        if self.camera == 'recording' and not self.recording_file:
            found.append('camera is recording, but recording_file is not given; give it')
        if self.camera == 'simulated' and self.recording_file:
            found.append(f'camera is simulated, and recording_file is {self.recording_file}: '
                         'leave one of them out')
        return found


_TYPES: dict[str, type] = typing.get_type_hints(Settings)
_SPECS: dict[str, Spec] = {
    f.name: f.metadata[_KEY] for f in fields(Settings) if _KEY in f.metadata}
_DEFAULTS: dict[str, Value] = {
    f.name: f.default for f in fields(Settings) if f.name in _SPECS}  # type: ignore[misc]


def names() -> tuple[str, ...]:
    """Return the names of all parameters, in the order of the table."""
    return tuple(_SPECS)


def spec(name: str) -> Spec:
    """Return what the table says about one parameter."""
    return _SPECS[name]


def kind(name: str) -> type:
    """Return the type of one parameter: bool, int, float or str."""
    return _TYPES[name]


def default(name: str) -> Value:
    """Return the default of one parameter."""
    return _DEFAULTS[name]


def check(name: str, value: object) -> Value:
    """
    Return the value as the parameter's own type.

    :raises ConfigError: it has another type, is out of range or is none of the choices.
    """
    return checked(name, kind(name), spec(name), value)


def nearest(name: str) -> str | None:
    """Return the parameter that somebody who typed ``name`` may have meant."""
    found = difflib.get_close_matches(name, _SPECS, n=1, cutoff=0.6)
    return found[0] if found else None

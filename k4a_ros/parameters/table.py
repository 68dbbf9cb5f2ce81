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
Every parameter of the driver: the one table.

From it come the declarations of the node with their descriptions and ranges, config/driver.yaml
and docs/parameters.md. What the values mean together is in settings.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from typing import Any

from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import ParameterSpec

#: where a field of `Parameters` has its `ParameterSpec`
KEY = 'k4a_ros'


def _parameter(default: Any, text: str, group: str, **details: Any) -> Any:
    restarts = group in (_MODES, _STREAMS, _BODIES) and 'target' not in details
    spec = ParameterSpec(text, group, restarts=restarts, **details)
    return field(default=default, metadata={KEY: spec})


_CAMERA = 'Which camera'
_MODES = 'Modes of a camera (a recording has those that it was made with)'
_CONTROLS = 'Controls of the color camera, which keeps them: those that are not set stay'
_SIMULATION = 'The simulated camera'
_PLAYBACK = 'Playing a recording'
_STREAMS = 'What is published'
_BODIES = 'Body tracking'

_RECORDING = ('recording',)
_LIVE = ('device', 'simulated')
_SIMULATED = ('simulated',)


def _control(
    default: int | bool, text: str, minimum: int | None = None, maximum: int | None = None,
    unit: str = '', choices: tuple[str, ...] = (),
) -> Any:
    return _parameter(default, text, _CONTROLS, minimum=minimum, maximum=maximum, unit=unit,
                      choices=choices, target=LiveTarget.CAMERA, cameras=_LIVE)


@dataclass(frozen=True)
class Parameters:
    """Values of all parameters; see the text of each field's `ParameterSpec`."""

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
        'is published.', _PLAYBACK, minimum=0.0, maximum=100.0, target=LiveTarget.CAMERA,
        cameras=_RECORDING)
    playback_paused: bool = _parameter(
        False, 'Hold playback. Start with true, and set false when everything is ready.',
        _PLAYBACK, target=LiveTarget.CAMERA,
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
        '720P', 'Size of the color image: 1280x720, 1920x1080, 2560x1440, 2048x1536, 3840x2160 '
        'or 4096x3072; 3072P runs at 15 fps at most. It is off, too, where color_enabled is '
        'false.', _MODES,
        choices=('OFF', '720P', '1080P', '1440P', '1536P', '2160P', '3072P'), cameras=_LIVE)
    color_format: str = _parameter(
        'jpeg', 'What the color camera delivers: jpeg costs the least and can be passed on as '
        'it is; bgra is decoded from it on the host; nv12 and yuy2 exist at 720P only.', _MODES,
        choices=('jpeg', 'bgra', 'nv12', 'yuy2'), cameras=_LIVE)
    fps: int = _parameter(
        30, 'Captures per second, of both cameras.', _MODES, unit='Hz',
        choices=('5', '15', '30'), cameras=_LIVE)
    synchronized_images_only: bool = _parameter(
        False, 'Leave out captures that lack the depth or the color image.', _MODES,
        cameras=_LIVE)
    depth_delay_off_color_usec: int = _parameter(
        0, 'Time from the center of the color exposure to that of depth, which may be negative; '
        'one frame at most. Keeps the lasers of several cameras apart.', _MODES, unit='us',
        minimum=-200_000, maximum=200_000, cameras=_LIVE)
    wired_sync_mode: int = _parameter(
        0, 'Role on the synchronization cable: 0 standalone, 1 master, 2 subordinate.', _MODES,
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
        4500, 'Color temperature of the light, in steps of 10. Setting it ends '
        'whitebalance_auto.', 2500, 12500, 'K')
    brightness: int = _control(128, 'What is added to the image.', 0, 255)
    contrast: int = _control(5, 'How steep the step from dark to bright is.', 0, 10)
    saturation: int = _control(32, 'Strength of colors; 0 is gray.', 0, 63)
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
        "with ';' between them.", _SIMULATION, target=LiveTarget.FAULTS, cameras=_SIMULATED)

    depth_enabled: bool = _parameter(
        True, 'Publish depth and infrared images.', _STREAMS)
    color_enabled: bool = _parameter(True, 'Publish color images.', _STREAMS)
    imu_enabled: bool = _parameter(True, 'Publish inertial samples.', _STREAMS)
    point_cloud: bool = _parameter(
        True, 'Offer points2, the depth image as points; needs depth_enabled.', _STREAMS)
    rgb_point_cloud: bool = _parameter(
        False, 'Color the points of points2; needs color.', _STREAMS)
    point_cloud_in_depth_frame: bool = _parameter(
        True, 'Colored points are those of the depth image; false makes them those of the color '
        'image, in its frame.', _STREAMS)
    ir_point_cloud: bool = _parameter(
        False, 'Give the points of points2 the infrared as intensity; not with rgb_point_cloud.',
        _STREAMS)
    point_cloud_organized: bool = _parameter(
        True, 'points2 has a point for each pixel, NaN where there is none; false leaves only '
        'those that there are.', _STREAMS)
    point_cloud_min_depth: float = _parameter(
        0.0, 'Points nearer than this along the optical axis are left out.', _STREAMS, unit='m',
        minimum=0.0, maximum=20.0)
    point_cloud_max_depth: float = _parameter(
        0.0, 'Points farther than this along the optical axis are left out; 0 leaves out none.',
        _STREAMS, unit='m', minimum=0.0, maximum=20.0)
    point_cloud_decimation: int = _parameter(
        1, 'Only every so manieth row and column of the image becomes points.', _STREAMS,
        minimum=1, maximum=16)
    registration_occlusion: bool = _parameter(
        False, 'Leave points without color that the color camera cannot see, in place of the '
        'color of what is before them.', _STREAMS)
    depth_unit: str = _parameter(
        '16UC1', 'Encoding of depth/image_raw: 16UC1 is millimeters with 0 for invalid, 32FC1 is '
        'meters with NaN for invalid (REP 118).', _STREAMS, choices=('16UC1', '32FC1'))
    compressed_depth_format: str = _parameter(
        'png', 'Codec of depth/image_raw/compressedDepth; rvl takes a tenth of the time.',
        _STREAMS, choices=('png', 'rvl'))
    rescale_ir_to_mono8: bool = _parameter(
        False, 'Publish ir/image_raw as mono8, scaled by ir_mono8_scaling_factor, instead of '
        'mono16.', _STREAMS)
    ir_mono8_scaling_factor: float = _parameter(
        1.0, 'Factor from the 16-bit infrared value to the mono8 value, which saturates at 255. '
        '0.5 to 1 suits the active modes, 10 PASSIVE_IR.', _STREAMS,
        minimum=0.001, maximum=1000.0, target=LiveTarget.INFRARED_SCALE)
    rgb_encoding: str = _parameter(
        'bgra8', 'Encoding of rgb/image_raw; native publishes NV12 and YUY2 images unconverted '
        '(nv12, yuv422_yuy2), and others as bgra8.', _STREAMS,
        choices=('bgra8', 'bgr8', 'rgb8', 'native'))
    jpeg_quality: int = _parameter(
        90, 'Quality of rgb/image_raw/compressed where the camera does not deliver JPEG itself '
        '(color_format bgra, nv12, yuy2).', _STREAMS, minimum=1, maximum=100)
    imu_rate_target: int = _parameter(
        0, 'Highest rate of imu: consecutive samples are averaged down to it; 0 publishes every '
        'sample.', _STREAMS, unit='Hz', minimum=0, maximum=1666)

    body_tracking_enabled: bool = _parameter(
        False, 'Offer body_tracking_data and the other topics of people; needs a depth_mode that '
        'has depth.', _BODIES)
    body_tracking_backend: str = _parameter(
        'auto', "Who finds people: k4abt is Microsoft's closed Body Tracking SDK; landmarks an "
        'open model on the processor; ground_truth knows them, of the simulated camera only; '
        'auto is k4abt where it is installed, otherwise landmarks.', _BODIES,
        choices=('auto', 'k4abt', 'landmarks', 'ground_truth'))
    body_tracking_smoothing_factor: float = _parameter(
        0.0, 'How much joints are smoothed over time: 0 not at all, 1 to a standstill.', _BODIES,
        minimum=0.0, maximum=1.0, target=LiveTarget.BODY_SMOOTHING)
    body_tracking_processing_mode: str = _parameter(
        'cuda', 'What k4abt computes with; cpu needs no GPU, and takes very long.', _BODIES,
        choices=('gpu', 'cpu', 'cuda', 'tensorrt'))
    body_tracking_gpu_device_id: int = _parameter(
        0, 'Which GPU k4abt takes.', _BODIES, minimum=0, maximum=64)
    body_tracking_model_path: str = _parameter(
        '', "The model's file: of k4abt .onnx, of landmarks .tflite; empty is that which the "
        'backend finds installed.', _BODIES)
    body_tracking_library_path: str = _parameter(
        '', "File of k4abt's library; empty is the one that the loader finds, libk4abt.so.",
        _BODIES)
    body_tracking_sensor_orientation: str = _parameter(
        'default', 'How the camera is turned, seen from its front, for k4abt.', _BODIES,
        choices=('default', 'clockwise90', 'counterclockwise90', 'flip180'))
    publish_body_tf: bool = _parameter(
        False, 'Publish the joints of every person as frames, too: body_ID, head_ID, … (REP 155).',
        _BODIES)

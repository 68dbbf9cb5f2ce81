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
The parameter table: every parameter of the driver, with its default, limits and description.

ROS declarations, config/driver.yaml and docs/parameters.md are generated from it. The type of a
parameter is the type of its field; relations between parameters are checked in settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
import difflib
import typing
from typing import Any

from k4a_ros.calibration.camera_info_url import URL_PATTERN
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import ParameterGroup
from k4a_ros.parameters.spec import ParameterSpec
from k4a_ros.parameters.spec import Value

_CAMERA = ParameterGroup('Camera selection')
_PLAYBACK = ParameterGroup('Recording playback')
_RECORDING_GROUP = ParameterGroup(
    'Recording', 'For the services `~/start_recording` and `~/stop_recording` with a live camera.')
_MODES = ParameterGroup(
    'Camera modes', 'A recording is played in the modes in which it was made.', restarts=True)
_CONTROLS = ParameterGroup(
    'Color camera controls', 'A control that is not set keeps the value stored in the camera.')
_SIMULATION = ParameterGroup('Simulated camera')
_STREAMS = ParameterGroup('Published topics', restarts=True)
_FILTERS = ParameterGroup(
    'Depth filters', 'They run in this order, and change `depth_filtered` and everything that is '
    'computed from depth, but never `depth/image_raw`. docs/filters.md has effect and cost of '
    'each.')
_BODY_TRACKING = ParameterGroup('Body tracking', restarts=True)
_AUDIO = ParameterGroup('Microphones', restarts=True)

_RECORDING = ('recording',)
_LIVE = ('device', 'simulated')
_SIMULATED = ('simulated',)
#: longest recording that can be played, see `k4a_ros.mkv.timeline`: a year
_MAX_LENGTH_S = 366 * 86_400.0


def _parameter(default: Any, description: str, group: ParameterGroup, **constraints: Any) -> Any:
    """Return a dataclass field whose metadata are the arguments of its `ParameterSpec`."""
    return field(default=default, metadata={
        'description': description, 'group': group, **constraints})


def _camera_info_url(description: str) -> Any:
    """Return the field of the URL of a lens."""
    return _parameter(
        '', f'Calibration of your own for {description}', _CAMERA, path=True, pattern=URL_PATTERN,
        pattern_name='factory, or a URL file:///PATH or package://PACKAGE/PATH')


def _control(
    default: int | bool, description: str, minimum: int | None = None, maximum: int | None = None,
    unit: str = '', choices: tuple[str, ...] = (),
) -> Any:
    """Return the field of a live control of the color camera."""
    return _parameter(default, description, _CONTROLS, minimum=minimum, maximum=maximum, unit=unit,
                      choices=choices, target=LiveTarget.CAMERA, cameras=_LIVE)


def _crop(default: float, description: str) -> Any:
    """Return the field of a live limit of the crop box."""
    return _parameter(
        default, f'{description} in point_cloud_crop_frame.', _STREAMS, unit='m', minimum=-20.0,
        maximum=20.0, target=LiveTarget.POINTS)


def _filter(default: float, description: str, maximum: float, unit: str = '') -> Any:
    """Return the field of a live parameter of the depth filters; its minimum is 0."""
    return _parameter(default, description, _FILTERS, minimum=type(maximum)(0), maximum=maximum,
                      unit=unit, target=LiveTarget.DEPTH_FILTERS)


@dataclass(frozen=True)
class Parameters:
    """Values of all parameters; `SPECS` describes each of them."""

    autostart: bool = _parameter(
        True, 'Configure and activate the node on startup, and exit if the camera cannot be '
        'opened. If false, the node waits for external lifecycle transitions.', _CAMERA)
    camera: str = _parameter(
        'auto', 'Kind of camera to open. device: a connected Azure Kinect. recording: plays '
        'recording_file. simulated: a synthetic camera in a scene of planes, boxes and people; '
        'never selected automatically. auto: recording if recording_file is set, otherwise '
        'device.', _CAMERA, choices=('auto', 'device', 'recording', 'simulated'))
    recording_file: str = _parameter(
        '', 'Azure Kinect recording (.mkv) to play instead of opening a live camera. A relative '
        'path starts at the working directory of the node; ~ is the home directory.', _CAMERA,
        path=True)
    sensor_sn: str = _parameter(
        '', 'Serial number of the camera to open; empty for any camera. A recording of another '
        'camera is rejected.', _CAMERA, digits=True)
    k4a_library_path: str = _parameter(
        '', 'File of libk4a to use for a physical camera, such as that of the K4A wrapper of '
        'Orbbec. Empty: environment variable K4A_LIBRARY_PATH, pyk4a-bundle, or the '
        'libk4a.so.1.4 that the dynamic loader finds.', _CAMERA, path=True, cameras=('device',))
    calibration_file: str = _parameter(
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
    tf_prefix: str = _parameter(
        '', 'Prefix of all TF frame names, used verbatim: left_ gives left_depth_camera_link. Two '
        'cameras need different prefixes.', _CAMERA,
        pattern='([A-Za-z0-9_.-][A-Za-z0-9_./-]{0,127})?',
        pattern_name='up to 128 letters, digits and _ - . /, without a leading /')

    recording_loop_enabled: bool = _parameter(
        False, 'Loop the recording; playback_loop_stamps has the choice of stamps.', _PLAYBACK,
        cameras=_RECORDING)
    recording_at_end: str = _parameter(
        'exit', 'What to do at the end of a recording that is not looped. exit: end the node with '
        'exit code 0. pause: keep the node running; playback_paused:=false plays the recording '
        'again.', _PLAYBACK, choices=('exit', 'pause'), cameras=_RECORDING)
    playback_rate: float = _parameter(
        1.0, 'Playback speed: 1 is real time, 2 is twice as fast. 0 plays as fast as possible '
        'without loss: a capture is published only after every reliable subscriber has '
        'acknowledged the previous one.', _PLAYBACK, minimum=0.0, maximum=100.0,
        target=LiveTarget.CAMERA, cameras=_RECORDING)
    playback_paused: bool = _parameter(
        False, 'Pause playback. To start in sync with other nodes, start the driver paused and '
        'set this to false when they are ready.', _PLAYBACK, target=LiveTarget.CAMERA,
        cameras=_RECORDING)
    playback_start_offset: float = _parameter(
        0.0, 'Start each pass this long after the beginning of the recording.', _PLAYBACK,
        unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_duration: float = _parameter(
        0.0, 'End each pass this long after its start; 0 plays the recording to its end.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_loop_stamps: str = _parameter(
        'continue', 'Stamps of a recording that is looped, or played again. continue: they keep '
        'increasing. restart: those of the first pass, again and again, as of a rosbag2 player; '
        'ROS time then goes back.', _PLAYBACK, choices=('continue', 'restart'),
        cameras=_RECORDING)
    playback_loop_period: float = _parameter(
        0.0, 'Time from the start of a pass to that of the next one; 0 is the length of the '
        'recording and one frame period. Recordings that were made together need the same one.',
        _PLAYBACK, unit='s', minimum=0.0, maximum=_MAX_LENGTH_S, cameras=_RECORDING)
    playback_stamps: str = _parameter(
        'now', 'Stamps of a recording. now: those of the time at which it is played. recorded: '
        'those that it was made with, which only recordings of this driver have.', _PLAYBACK,
        choices=('now', 'recorded'), cameras=_RECORDING)
    playback_time_origin: float = _parameter(
        -1.0, 'ROS time of device time 0: stamps are this plus the device time. Give it to the '
        'drivers of recordings that were made together, so that the same trigger has the same '
        'stamp. If the first stamp is at most a minute in the future, playback starts at that '
        'time. -1 stamps the first data with the time at which it is played.', _PLAYBACK,
        unit='s', minimum=-1.0, maximum=2.0 ** 31 - 1, cameras=_RECORDING)
    publish_clock: float = _parameter(
        0.0, 'Rate of /clock, the time of playback, which nodes with use_sim_time follow; it '
        'stands still while playback is paused. 0 does not publish it.', _PLAYBACK, unit='Hz',
        minimum=0.0, maximum=1000.0, cameras=_RECORDING)
    playback_start_delay: float = _parameter(
        4.0, 'Maximum time to wait for a first subscriber before playback starts. With at least '
        'one subscriber, playback starts once the number of subscribers has not changed for a '
        'second. 0 starts at once.', _PLAYBACK, unit='s', minimum=0.0, maximum=60.0,
        cameras=_RECORDING)

    record_file: str = _parameter(
        '', 'File (.mkv) that ~/start_recording writes; empty to refuse that. It may have fields '
        'of strftime, such as %Y-%m-%d_%H-%M-%S. Missing folders are created, and a number is '
        'added to the name instead of overwriting a file. A relative path starts at the working '
        'directory of the node; ~ is the home directory.', _RECORDING_GROUP, cameras=_LIVE,
        path=True)
    record_split_size: int = _parameter(
        0, 'Size at which the recording goes on in another file; 0 for any size.',
        _RECORDING_GROUP, unit='MB', minimum=0, maximum=10_000_000, target=LiveTarget.RECORDER,
        cameras=_LIVE)
    record_split_duration: int = _parameter(
        0, 'Time after which the recording goes on in another file; 0 for any time.',
        _RECORDING_GROUP, unit='s', minimum=0, maximum=1_000_000, target=LiveTarget.RECORDER,
        cameras=_LIVE)

    depth_mode: str = _parameter(
        'NFOV_UNBINNED', 'Depth camera mode: NFOV_2X2BINNED (320x288), NFOV_UNBINNED (640x576), '
        'WFOV_2X2BINNED (512x512), WFOV_UNBINNED (1024x1024, up to 15 fps) or PASSIVE_IR '
        '(1024x1024, infrared without depth). The depth camera is also off if depth_enabled is '
        'false.', _MODES,
        choices=('OFF', 'NFOV_2X2BINNED', 'NFOV_UNBINNED', 'WFOV_2X2BINNED', 'WFOV_UNBINNED',
                 'PASSIVE_IR'), cameras=_LIVE)
    color_resolution: str = _parameter(
        '720P', 'Color image size: 720P (1280x720), 1080P (1920x1080), 1440P (2560x1440), 1536P '
        '(2048x1536), 2160P (3840x2160) or 3072P (4096x3072, up to 15 fps). The color camera is '
        'also off if color_enabled is false.', _MODES,
        choices=('OFF', '720P', '1080P', '1440P', '1536P', '2160P', '3072P'), cameras=_LIVE)
    color_format: str = _parameter(
        'jpeg', 'Image format delivered by the color camera. jpeg has the lowest cost and can be '
        'republished as is. bgra is decoded from JPEG on the host. nv12 and yuy2 are available at '
        '720P only.', _MODES, choices=('jpeg', 'bgra', 'nv12', 'yuy2'), cameras=_LIVE)
    fps: int = _parameter(
        30, 'Frame rate of the depth and color cameras.', _MODES, unit='Hz',
        choices=('5', '15', '30'), cameras=_LIVE)
    synchronized_images_only: bool = _parameter(
        False, 'Drop captures that lack the depth or the color image, also of a recording.',
        _MODES)
    depth_delay_off_color_usec: int = _parameter(
        0, 'Delay from the center of the color exposure to the center of the depth exposure; may '
        'be negative, at most one frame period. Use it to keep the lasers of several cameras from '
        'interfering.', _MODES, unit='us', minimum=-200_000, maximum=200_000, cameras=_LIVE)
    wired_sync_mode: int = _parameter(
        0, 'Role on the sync cable: 0 standalone, 1 master, 2 subordinate.', _MODES,
        choices=('0', '1', '2'), cameras=_LIVE)
    subordinate_delay_off_master_usec: int = _parameter(
        0, 'Delay of a subordinate relative to its master; at most one frame period.', _MODES,
        unit='us', minimum=0, maximum=200_000, cameras=_LIVE)
    sync_clock_topic: str = _parameter(
        '', 'Topic sync_clock of the master, such as /front/sync_clock. A subordinate then '
        'converts device time to ROS time as its master does, so that the stamps of one pulse '
        'differ by the delay only. Empty: each camera on its own.', _MODES,
        pattern='(/[A-Za-z_][A-Za-z0-9_]*)*', pattern_name='an absolute topic, or empty',
        cameras=_LIVE)
    disable_streaming_indicator: bool = _parameter(
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

    simulation_scene: str = _parameter(
        '', 'Scene file (YAML) of the simulated camera; empty for a furnished room with a walking '
        'person.', _SIMULATION, cameras=_SIMULATED, path=True)
    simulation_calibration: str = _parameter(
        '', 'Factory calibration (JSON, as stored in recordings) of the simulated camera; empty '
        'for a nominal calibration.', _SIMULATION, cameras=_SIMULATED, path=True)
    simulation_seed: int = _parameter(
        0, 'Seed of the simulated noise; the same seed gives the same images.', _SIMULATION,
        minimum=0, maximum=2 ** 31 - 1, cameras=_SIMULATED)
    simulation_noise: bool = _parameter(
        True, 'Simulate the measurement errors of a real camera. If false, measurements are '
        'exact.', _SIMULATION, cameras=_SIMULATED)
    simulation_pose: str = _parameter(
        '', "Pose of the simulated camera in the scene instead of that in the file: 'X Y Z ROLL "
        "PITCH YAW' of camera_base, in meters and radians, in a world with the axes of REP 103 (x "
        'forward, y left, z up).', _SIMULATION, cameras=_SIMULATED)
    simulation_sync_group: str = _parameter(
        '', 'Name of a simulated sync cable: cameras on this computer with the same name get the '
        'pulses of the one that is master, and see the scene at the same time. Without a name a '
        'subordinate gets pulses from nowhere.', _SIMULATION,
        pattern='[A-Za-z0-9_]{0,32}', pattern_name='up to 32 letters, digits and _',
        cameras=_SIMULATED)
    simulation_sync_cables: str = _parameter(
        'auto', 'Cables in the sync jacks of the simulated camera. auto: those that its role '
        'requires.', _SIMULATION, choices=('auto', 'none', 'in', 'out', 'both'),
        cameras=_SIMULATED)
    simulation_fault: str = _parameter(
        '', 'Inject faults into the simulated camera each time this parameter is set: '
        "'unplug [S]', 'replug', 'stall S', 'silent [S]', 'no sync pulse [S]', "
        "'drop capture|depth|color [N]', 'corrupt jpeg [N]', 'imu gap S', 'drift PPM', "
        "'latency S', 'reset timestamps', or 'none' to clear them. S is in seconds, N is a number "
        "of images (default 1). Separate several faults with ';'.", _SIMULATION,
        target=LiveTarget.FAULTS, cameras=_SIMULATED)

    camera_rotation: int = _parameter(
        0, 'Angle by which the camera is mounted turned clockwise about its optical axis, as seen '
        'from behind it. All images are turned clockwise by the same angle and so become upright; '
        'camera_info and the optical frames turn with them. docs/mounting.md has the details.',
        _STREAMS, unit='deg', choices=('0', '90', '180', '270'))
    depth_enabled: bool = _parameter(
        True, 'Publish depth and infrared images.', _STREAMS)
    color_enabled: bool = _parameter(True, 'Publish color images.', _STREAMS)
    imu_enabled: bool = _parameter(
        True, 'Publish accelerometer and gyroscope samples on imu.', _STREAMS)
    point_cloud: bool = _parameter(
        True, 'Publish the depth image as a point cloud on points2; requires depth_enabled.',
        _STREAMS)
    rgb_point_cloud: bool = _parameter(
        False, 'Add the field rgb to points2; requires depth and color.', _STREAMS)
    point_cloud_in_depth_frame: bool = _parameter(
        True, 'Reference of a colored cloud. If true, it has one point per depth pixel, in the '
        'frame of the depth camera. If false, it has one point per color pixel, in the frame of '
        'the color camera.', _STREAMS)
    ir_point_cloud: bool = _parameter(
        False, 'Add the field intensity (infrared) to points2; cannot be combined with '
        'rgb_point_cloud.', _STREAMS)
    point_cloud_organized: bool = _parameter(
        True, 'Publish an organized cloud: one point per pixel, NaN where there is no '
        'measurement. If false, points2 has valid points only.', _STREAMS)
    point_cloud_min_depth: float = _parameter(
        0.0, 'Discard points closer than this along the optical axis.', _STREAMS, unit='m',
        minimum=0.0, maximum=20.0)
    point_cloud_max_depth: float = _parameter(
        0.0, 'Discard points farther away than this along the optical axis; 0 for no limit.',
        _STREAMS, unit='m', minimum=0.0, maximum=20.0)
    point_cloud_decimation: int = _parameter(
        1, 'Use only every Nth row and column of the image for points2.', _STREAMS,
        minimum=1, maximum=16)
    point_cloud_crop_frame: str = _parameter(
        'camera_base', 'TF frame of the crop box of points2: one of the camera, without '
        'tf_prefix (camera_base, depth_camera_link, rgb_camera_link, imu_link), or any other, '
        'which is looked up in /tf and /tf_static. While there is no transform to that, points2 '
        'is not published.', _STREAMS, target=LiveTarget.POINTS,
        pattern='[A-Za-z0-9_.-][A-Za-z0-9_./-]{0,127}',
        pattern_name='1 to 128 letters, digits and _ - . /, without a leading /')
    point_cloud_crop_min_x: float = _crop(-20.0, 'Discard points with a smaller x')
    point_cloud_crop_min_y: float = _crop(-20.0, 'Discard points with a smaller y')
    point_cloud_crop_min_z: float = _crop(-20.0, 'Discard points with a smaller z')
    point_cloud_crop_max_x: float = _crop(20.0, 'Discard points with a greater x')
    point_cloud_crop_max_y: float = _crop(20.0, 'Discard points with a greater y')
    point_cloud_crop_max_z: float = _crop(20.0, 'Discard points with a greater z')
    point_cloud_voxel_size: float = _parameter(
        0.0, 'Publish one point for each cube of this size that has points: their mean, and the '
        'mean of their colors. The cloud is not organized then. 0 is off.', _STREAMS, unit='m',
        minimum=0.0, maximum=1.0, target=LiveTarget.POINTS)
    registration_occlusion: bool = _parameter(
        False, 'Leave points that are occluded from the color camera uncolored instead of giving '
        "them the occluder's color.", _STREAMS)
    registered_image_stamp: str = _parameter(
        'source', 'Stamp of depth_to_rgb, ir_to_rgb, rgb_to_depth, body_index_map_to_rgb and of a '
        'colored cloud in the frame of the color camera. source: that of the image that was '
        'measured. target: that of the image that it is registered to, so that synchronizers with '
        'exact time match both; the stamps differ by depth_delay_off_color_usec.', _STREAMS,
        choices=('source', 'target'))
    depth_unit: str = _parameter(
        '16UC1', 'Encoding of depth/image_raw (REP 118): 16UC1 is in millimeters, with 0 for '
        'invalid pixels; 32FC1 is in meters, with NaN for invalid pixels.', _STREAMS,
        choices=('16UC1', '32FC1'))
    compressed_depth_format: str = _parameter(
        'png', 'Codec of compressedDepth topics; rvl takes a sixth of the time of '
        'png, which is too slow for large images at 30 Hz.',
        _STREAMS, choices=('png', 'rvl'))
    rescale_ir_to_mono8: bool = _parameter(
        False, 'Publish ir/image_raw as mono8, scaled by ir_mono8_scaling_factor, instead of '
        'mono16.', _STREAMS)
    ir_mono8_scaling_factor: float = _parameter(
        1.0, 'Factor from 16-bit infrared values to mono8 values, which saturate at 255. Use 0.5 '
        'to 1 for modes with depth and about 10 for PASSIVE_IR.', _STREAMS,
        minimum=0.001, maximum=1000.0, target=LiveTarget.INFRARED_SCALE)
    rectified_fov: str = _parameter(
        'auto', 'Field of view of depth_rect, ir_rect, rgb_rect and depth_to_rgb_rect. full: '
        'everything that the camera sees, with empty pixels around it. no_border: the largest '
        'rectangle without empty pixels. auto: full for depth_rect and ir_rect, no_border for '
        'rgb_rect and depth_to_rgb_rect.', _STREAMS, choices=('auto', 'full', 'no_border'))
    rectified_size: float = _parameter(
        1.0, 'Resolution of rectified images, relative to the camera. With the full field of view '
        'this is a factor of the focal length: at 1 no measurement is lost, and the images are '
        'larger than those of the camera. With no_border it is a factor of width and height.',
        _STREAMS, minimum=0.1, maximum=2.0)
    rgb_encoding: str = _parameter(
        'bgra8', 'Encoding of rgb/image_raw. native publishes NV12 and YUY2 images without '
        'conversion (as nv12 and yuv422_yuy2), and other formats as bgra8, as all are with '
        'camera_rotation.', _STREAMS,
        choices=('bgra8', 'bgr8', 'rgb8', 'native'))
    jpeg_quality: int = _parameter(
        90, 'JPEG quality of all compressed topics but rgb/image_raw/compressed with color_format '
        'jpeg and without camera_rotation, which is the JPEG of the camera.', _STREAMS,
        minimum=1, maximum=100)
    imu_rate_target: int = _parameter(
        0, 'Maximum rate of imu; consecutive samples are averaged down to it. 0 publishes every '
        'sample.', _STREAMS, unit='Hz', minimum=0, maximum=1666)

    depth_filter_flying_angle: float = _filter(
        0.0, 'Remove flying pixels, which are between two surfaces: those where the surface would '
        'be seen at less than this angle. 5 is a good value; 0 is off.', 45.0, 'deg')
    depth_filter_speckle_size: int = _filter(
        0, 'Remove surfaces of fewer pixels than this. 20 is a good value; 0 is off.', 100_000)
    depth_filter_temporal_frames: int = _filter(
        0, 'Average each pixel over about this many frames, from the beginning where it moves. 8 '
        'is a good value; 0 is off.', 100)
    depth_filter_temporal_hold: int = _filter(
        2, 'Number of frames for which the temporal filter keeps a pixel that flickers.', 100)
    depth_filter_motion_step: float = _filter(
        0.01, 'Change of depth, as a fraction of it, beyond which the temporal filter takes a '
        'pixel for one that moves; at least 5 mm.', 1.0)
    depth_filter_hole_size: int = _filter(
        0, 'Fill holes of up to this many pixels within one surface. 20 is a good value; 0 is '
        'off.', 100_000)
    depth_filter_surface_step: float = _filter(
        0.02, 'Difference between neighboring pixels, as a fraction of depth, beyond which they '
        'belong to different surfaces for all filters but that of flying pixels; at least 10 mm.',
        1.0)

    body_tracking_enabled: bool = _parameter(
        False, 'Publish body_tracking_data and the other body tracking topics; requires a '
        'depth_mode with depth.', _BODY_TRACKING)
    body_tracking_backend: str = _parameter(
        'auto', "Body tracking backend. k4abt: Microsoft's proprietary Body Tracking SDK. "
        'landmarks: an open pose landmark model on the CPU. ground_truth: the true poses, of the '
        'simulated camera only. auto: k4abt if installed, otherwise landmarks.', _BODY_TRACKING,
        choices=('auto', 'k4abt', 'landmarks', 'ground_truth'))
    body_tracking_smoothing_factor: float = _parameter(
        0.0, 'Temporal smoothing of joints: 0 for none, 1 freezes them.', _BODY_TRACKING,
        minimum=0.0, maximum=1.0, target=LiveTarget.BODY_SMOOTHING)
    body_tracking_filtered_depth: bool = _parameter(
        False, 'Track people in depth_filtered instead of depth.', _BODY_TRACKING)
    body_tracking_processing_mode: str = _parameter(
        'cuda', 'Execution provider of k4abt; cpu needs no GPU, but is very slow.', _BODY_TRACKING,
        choices=('gpu', 'cpu', 'cuda', 'tensorrt'))
    body_tracking_gpu_device_id: int = _parameter(
        0, 'Device ID of the GPU that k4abt uses.', _BODY_TRACKING, minimum=0, maximum=64)
    body_tracking_model_path: str = _parameter(
        '', 'Model file: .onnx for k4abt, .tflite for landmarks; empty for the model that is '
        'installed with the backend.', _BODY_TRACKING, path=True)
    body_tracking_library_path: str = _parameter(
        '', 'Library file of k4abt; empty for the libk4abt.so that the dynamic loader finds.',
        _BODY_TRACKING, path=True)
    body_tracking_sensor_orientation: str = _parameter(
        'default', 'Mounting orientation of the camera as seen from its front; used by k4abt. '
        'default: as camera_rotation says.', _BODY_TRACKING,
        choices=('default', 'clockwise90', 'counterclockwise90', 'flip180'))
    publish_body_tf: bool = _parameter(
        False, 'Also publish all joints of each person as TF frames: body_ID, head_ID, l_hand_ID, '
        '… (REP 155).', _BODY_TRACKING)

    audio_enabled: bool = _parameter(
        False, 'Publish the sound of the microphone array on audio. Off by default, for privacy. '
        'The microphones are open only while the topics have subscribers, or a recording is made, '
        'which then gets the sound in a file beside it.', _AUDIO,
        cameras=_LIVE)
    audio_channels: int = _parameter(
        7, 'Channels of audio: 7 microphones, or only the one in the center.', _AUDIO,
        choices=('1', '7'), cameras=_LIVE)
    audio_format: str = _parameter(
        's16', 'Format of the samples: s16 is signed 16-bit integers, f32 is floating-point '
        'numbers from -1 to 1.', _AUDIO, choices=('s16', 'f32'), cameras=_LIVE)
    audio_direction: bool = _parameter(
        False, 'Publish the direction of the loudest sound on audio/direction; requires '
        'audio_enabled.', _AUDIO, cameras=_LIVE)


_TYPES = typing.get_type_hints(Parameters)

#: every parameter by name, in the order of the table
SPECS: Mapping[str, ParameterSpec] = {
    item.name: ParameterSpec(
        item.name, _TYPES[item.name], typing.cast(Value, item.default), **item.metadata)
    for item in fields(Parameters)}


def nearest_name(name: str) -> str | None:
    """Return the parameter whose name is most similar to a misspelled one, if any is."""
    found = difflib.get_close_matches(name, SPECS, n=1, cutoff=0.6)
    return found[0] if found else None

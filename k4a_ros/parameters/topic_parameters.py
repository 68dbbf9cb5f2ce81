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

"""Parameters of what is published: topics, filters, body tracking and sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from k4a_ros.parameters.field import parameter
from k4a_ros.parameters.spec import LiveTarget
from k4a_ros.parameters.spec import ParameterGroup

_STREAMS = ParameterGroup('Published topics', restarts=True)
_FILTERS = ParameterGroup(
    'Depth filters', 'They run in this order, and change `depth_filtered` and everything that is '
    'computed from depth, but never `depth/image_raw`. docs/filters.md has effect and cost of '
    'each.')
_BODY_TRACKING = ParameterGroup('Body tracking', restarts=True)
_AUDIO = ParameterGroup('Microphones', restarts=True)

_LIVE = ('device', 'simulated')


def _crop(default: float, description: str) -> Any:
    """Return the field of a live limit of the crop box."""
    return parameter(
        default, f'{description} in point_cloud_crop_frame.', _STREAMS, unit='m', minimum=-20.0,
        maximum=20.0, target=LiveTarget.POINTS)


def _filter(default: float, description: str, maximum: float, unit: str = '') -> Any:
    """Return the field of a live parameter of the depth filters; its minimum is 0."""
    return parameter(default, description, _FILTERS, minimum=type(maximum)(0), maximum=maximum,
                     unit=unit, target=LiveTarget.DEPTH_FILTERS)


@dataclass(frozen=True)
class TopicParameters:
    """Values of the parameters of topics."""

    camera_rotation: int = parameter(
        0, 'Angle by which the camera is mounted turned clockwise about its optical axis, as seen '
        'from behind it. All images are turned clockwise by the same angle and so become upright; '
        'camera_info and the optical frames turn with them. docs/mounting.md has the details.',
        _STREAMS, unit='deg', choices=('0', '90', '180', '270'))
    depth_enabled: bool = parameter(
        True, 'Publish depth and infrared images.', _STREAMS)
    color_enabled: bool = parameter(True, 'Publish color images.', _STREAMS)
    imu_enabled: bool = parameter(
        True, 'Publish accelerometer and gyroscope samples on imu.', _STREAMS)
    point_cloud: bool = parameter(
        True, 'Publish the depth image as a point cloud on points2; requires depth_enabled.',
        _STREAMS)
    rgb_point_cloud: bool = parameter(
        False, 'Add the field rgb to points2; requires depth and color.', _STREAMS)
    point_cloud_in_depth_frame: bool = parameter(
        True, 'Reference of a colored cloud. If true, it has one point per depth pixel, in the '
        'frame of the depth camera. If false, it has one point per color pixel, in the frame of '
        'the color camera.', _STREAMS)
    ir_point_cloud: bool = parameter(
        False, 'Add the field intensity (infrared) to points2; cannot be combined with '
        'rgb_point_cloud.', _STREAMS)
    point_cloud_organized: bool = parameter(
        True, 'Publish an organized cloud: one point per pixel, NaN where there is no '
        'measurement. If false, points2 has valid points only.', _STREAMS)
    point_cloud_min_depth: float = parameter(
        0.0, 'Discard points closer than this along the optical axis.', _STREAMS, unit='m',
        minimum=0.0, maximum=20.0)
    point_cloud_max_depth: float = parameter(
        0.0, 'Discard points farther away than this along the optical axis; 0 for no limit.',
        _STREAMS, unit='m', minimum=0.0, maximum=20.0)
    point_cloud_decimation: int = parameter(
        1, 'Use only every Nth row and column of the image for points2.', _STREAMS,
        minimum=1, maximum=16)
    point_cloud_crop_frame: str = parameter(
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
    point_cloud_voxel_size: float = parameter(
        0.0, 'Publish one point for each cube of this size that has points: their mean, and the '
        'mean of their colors. The cloud is not organized then. 0 is off.', _STREAMS, unit='m',
        minimum=0.0, maximum=1.0, target=LiveTarget.POINTS)
    registration_occlusion: bool = parameter(
        False, 'Leave points that are occluded from the color camera uncolored instead of giving '
        "them the occluder's color.", _STREAMS)
    registered_image_stamp: str = parameter(
        'source', 'Stamp of depth_to_rgb, ir_to_rgb, rgb_to_depth, body_index_map_to_rgb and of a '
        'colored cloud in the frame of the color camera. source: that of the image that was '
        'measured. target: that of the image that it is registered to, so that synchronizers with '
        'exact time match both; the stamps differ by depth_delay_off_color_usec.', _STREAMS,
        choices=('source', 'target'))
    depth_unit: str = parameter(
        '16UC1', 'Encoding of depth/image_raw (REP 118): 16UC1 is in millimeters, with 0 for '
        'invalid pixels; 32FC1 is in meters, with NaN for invalid pixels.', _STREAMS,
        choices=('16UC1', '32FC1'))
    compressed_depth_format: str = parameter(
        'png', 'Codec of compressedDepth topics; rvl takes a sixth of the time of '
        'png, which is too slow for large images at 30 Hz.',
        _STREAMS, choices=('png', 'rvl'))
    rescale_ir_to_mono8: bool = parameter(
        False, 'Publish ir/image_raw as mono8, scaled by ir_mono8_scaling_factor, instead of '
        'mono16.', _STREAMS)
    ir_mono8_scaling_factor: float = parameter(
        1.0, 'Factor from 16-bit infrared values to mono8 values, which saturate at 255. Use 0.5 '
        'to 1 for modes with depth and about 10 for PASSIVE_IR.', _STREAMS,
        minimum=0.001, maximum=1000.0, target=LiveTarget.INFRARED_SCALE)
    rectified_fov: str = parameter(
        'auto', 'Field of view of depth_rect, ir_rect, rgb_rect and depth_to_rgb_rect. full: '
        'everything that the camera sees, with empty pixels around it. no_border: the largest '
        'rectangle without empty pixels. auto: full for depth_rect and ir_rect, no_border for '
        'rgb_rect and depth_to_rgb_rect.', _STREAMS, choices=('auto', 'full', 'no_border'))
    rectified_size: float = parameter(
        1.0, 'Resolution of rectified images, relative to the camera. With the full field of view '
        'this is a factor of the focal length: at 1 no measurement is lost, and the images are '
        'larger than those of the camera. With no_border it is a factor of width and height.',
        _STREAMS, minimum=0.1, maximum=2.0)
    rgb_encoding: str = parameter(
        'bgra8', 'Encoding of rgb/image_raw. native publishes NV12 and YUY2 images without '
        'conversion (as nv12 and yuv422_yuy2), and other formats as bgra8, as all are with '
        'camera_rotation.', _STREAMS,
        choices=('bgra8', 'bgr8', 'rgb8', 'native'))
    jpeg_quality: int = parameter(
        90, 'JPEG quality of all compressed topics but rgb/image_raw/compressed with color_format '
        'jpeg and without camera_rotation, which is the JPEG of the camera.', _STREAMS,
        minimum=1, maximum=100)
    imu_rate_target: int = parameter(
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

    body_tracking_enabled: bool = parameter(
        False, 'Publish body_tracking_data and the other body tracking topics; requires a '
        'depth_mode with depth.', _BODY_TRACKING)
    body_tracking_backend: str = parameter(
        'auto', "Body tracking backend. k4abt: Microsoft's proprietary Body Tracking SDK. "
        'landmarks: an open pose landmark model on the CPU. ground_truth: the true poses, of the '
        'simulated camera only. auto: k4abt if installed, otherwise landmarks.', _BODY_TRACKING,
        choices=('auto', 'k4abt', 'landmarks', 'ground_truth'))
    body_tracking_smoothing_factor: float = parameter(
        0.0, 'Temporal smoothing of joints: 0 for none, 1 freezes them.', _BODY_TRACKING,
        minimum=0.0, maximum=1.0, target=LiveTarget.BODY_SMOOTHING)
    body_tracking_filtered_depth: bool = parameter(
        False, 'Track people in depth_filtered instead of depth.', _BODY_TRACKING)
    body_tracking_processing_mode: str = parameter(
        'cuda', 'Execution provider of k4abt; cpu needs no GPU, but is very slow.', _BODY_TRACKING,
        choices=('gpu', 'cpu', 'cuda', 'tensorrt'))
    body_tracking_gpu_device_id: int = parameter(
        0, 'Device ID of the GPU that k4abt uses.', _BODY_TRACKING, minimum=0, maximum=64)
    body_tracking_model_path: str = parameter(
        '', 'Model file: .onnx for k4abt, .tflite for landmarks; empty for the model that is '
        'installed with the backend.', _BODY_TRACKING, path=True)
    body_tracking_library_path: str = parameter(
        '', 'Library file of k4abt; empty for the libk4abt.so that the dynamic loader finds.',
        _BODY_TRACKING, path=True)
    body_tracking_sensor_orientation: str = parameter(
        'default', 'Mounting orientation of the camera as seen from its front; used by k4abt. '
        'default: as camera_rotation says.', _BODY_TRACKING,
        choices=('default', 'clockwise90', 'counterclockwise90', 'flip180'))
    publish_body_tf: bool = parameter(
        False, 'Also publish all joints of each person as TF frames: body_ID, head_ID, l_hand_ID, '
        '… (REP 155).', _BODY_TRACKING)

    audio_enabled: bool = parameter(
        False, 'Publish the sound of the microphone array, or that beside a recording, on audio. '
        'Off by default, for privacy. The microphones are open only while the topics have '
        'subscribers, or a recording is made, which then gets the sound in a file beside it.',
        _AUDIO)
    audio_channels: int = parameter(
        7, 'Channels of audio: 7 microphones, or only the one in the center.', _AUDIO,
        choices=('1', '7'))
    audio_format: str = parameter(
        's16', 'Format of the samples: s16 is signed 16-bit integers, f32 is floating-point '
        'numbers from -1 to 1.', _AUDIO, choices=('s16', 'f32'))
    audio_direction: bool = parameter(
        False, 'Publish the direction of the loudest sound on audio/direction; requires '
        'audio_enabled.', _AUDIO)

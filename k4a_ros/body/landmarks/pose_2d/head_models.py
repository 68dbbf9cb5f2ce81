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
Find heads in an image with the detectors of BlazePose and BlazeFace, from `mediapipe`.

Both are single-shot detectors (Liu et al., "SSD: Single Shot MultiBox Detector", 2016): one run
scores some thousand anchors, and gives a box, and key points that are not used here, relative to
each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
from k4a_ros.body.landmarks.pose_2d.blazepose import INPUT_SIZE
from k4a_ros.body.landmarks.pose_2d.model_file import find_in_mediapipe
from k4a_ros.body.landmarks.pose_2d.model_file import load_model
from k4a_ros.body.landmarks.pose_2d.model_file import ModelFile
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: logits beyond this give the same score, without overflow
_MAX_LOGIT = 80.0


@dataclass(frozen=True)
class HeadModelSpec:
    """
    One of the detectors.

    ``side``: of its square input, pixels; ``grids``: the stride in pixels and the number of
    anchors at each node, of the grids of anchors in the order of the model's output
    (mediapipe/modules/pose_detection/pose_detection_cpu.pbtxt and
    face_detection/face_detection_full_range.pbtxt, SsdAnchorsCalculator).
    """

    file: ModelFile
    side: int
    grids: tuple[tuple[int, int], ...]


#: finds heads with or without a face, of people of whom most of the trunk is visible
POSE_DETECTOR = HeadModelSpec(
    ModelFile(
        'detector of people', Path('modules', 'pose_detection', 'pose_detection.tflite'),
        # in the wheel, and in @mediapipe/pose on npm
        ('9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c',
         'a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85')),
    224, ((8, 2), (16, 2), (32, 6)))
#: finds faces, in profile too, up to about 5 m away
FACE_DETECTOR = HeadModelSpec(
    ModelFile(
        'detector of faces',
        Path('modules', 'face_detection', 'face_detection_full_range_sparse.tflite'),
        # in the wheel, and in @mediapipe/face_detection on npm
        ('2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1',
         '671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce')),
    192, ((4, 1),))


@dataclass(frozen=True, eq=False)
class Head:
    """
    A head in a crop.

    ``score``: 0 to 1; ``center`` (2,) and ``size``: of the box around its face, or where that
    would be, pixels of the crop.
    """

    score: float
    center: Floats
    size: float


class HeadModel:
    """
    One of the detectors, loaded and ready to run on one thread.

    :raises BodyTrackingError: its file is not in `mediapipe`, or is not this model, or LiteRT is
        not installed.
    """

    def __init__(self, spec: HeadModelSpec) -> None:
        self._spec = spec
        self._anchors = _anchors(spec)
        self._run = load_model(find_in_mediapipe(spec.file).read_bytes())

    def __call__(self, crop: Floats, min_score: float) -> list[Head]:
        """
        Return the heads in a crop, the best one first; boxes of the same head may overlap.

        :param crop: (256, 256) float32, 0 black to 1 white.
        """
        side = self._spec.side
        image = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) * 2 - 1
        # (1, N, 1) and (1, N, K)
        logits, boxes = (output[0] for output in sorted(
            self._run(image.astype(np.float32)).values(), key=lambda output: output.shape[-1]))
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -_MAX_LOGIT, _MAX_LOGIT)))
        found = np.flatnonzero(scores > min_score)
        heads = []
        for index in found[np.argsort(-scores[found])].tolist():
            # x, y, width, height
            box = boxes[index, :4] * np.float32(INPUT_SIZE / side)
            heads.append(Head(
                float(scores[index]), box[:2] + self._anchors[index], float(box[2:].max())))
        return heads


def _anchors(spec: HeadModelSpec) -> Floats:
    """Return the centers of the anchors, pixels of the crop, (N, 2)."""
    centers = []
    for stride, count in spec.grids:
        nodes = (np.arange(spec.side // stride) + 0.5) * stride * INPUT_SIZE / spec.side
        grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
        centers.append(np.repeat(grid, count, axis=0))
    anchors: Floats = np.concatenate(centers).astype(np.float32)
    return anchors

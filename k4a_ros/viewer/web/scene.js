// Copyright 2026 The k4a_ros contributors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// What is drawn around the cloud: grid, axes, the camera, people, the crop box.

import { add, apply } from './math.js';

const AXES = [
  [
    [0.93, 0.3, 0.3, 1],
    [1, 0, 0],
  ],
  [
    [0.35, 0.78, 0.36, 1],
    [0, 1, 0],
  ],
  [
    [0.3, 0.56, 0.98, 1],
    [0, 0, 1],
  ],
];
const AXIS_M = 0.12;
const GRID_M = 5;
const LIMIT_M = 19.99;
/** Markers of a tracker that has stopped are forgotten, as by rviz. */
const MARKER_LIFE_MS = 1500;
const [SPHERE, LINE_LIST, TEXT] = [2, 5, 9];

const line = (from, to, color, width) => ({ from, to, color, width });

/** Return a grid with a line per meter, at a height. */
export function grid(height, color) {
  const lines = [];
  for (let i = -GRID_M; i <= GRID_M; i++) {
    lines.push(line([0, i, height], [2 * GRID_M, i, height], color, 1));
    lines.push(line([GRID_M + i, -GRID_M, height], [GRID_M + i, GRID_M, height], color, 1));
  }
  return lines;
}

/** Return the axes of frames: red x, green y, blue z. */
export function axes(frames) {
  return frames.flatMap(([, matrix]) =>
    AXES.map(([color, [x, y, z]]) =>
      line(
        apply(matrix, [0, 0, 0]),
        apply(matrix, [AXIS_M * x, AXIS_M * y, AXIS_M * z]),
        color,
        3,
      ),
    ),
  );
}

/** Return the field of view of the depth camera, from the rays at the edge of its image. */
export function frustum(matrix, corners, color) {
  const depth = 0.35;
  const ends = corners.map(([x, y]) => apply(matrix, [x * depth, y * depth, depth]));
  const eye = apply(matrix, [0, 0, 0]);
  return ends.flatMap((end, i) => [
    line(eye, end, color, 1.5),
    line(end, ends[(i + 1) % ends.length], color, 1.5),
  ]);
}

/** Return the edges of a box in a frame. */
export function box(matrix, low, high, color) {
  const corner = (i) =>
    apply(
      matrix,
      [0, 1, 2].map((a) => ((i >> a) & 1 ? high[a] : low[a])),
    );
  const lines = [];
  for (let i = 0; i < 8; i++) {
    for (let a = 0; a < 3; a++) {
      if (!((i >> a) & 1)) lines.push(line(corner(i), corner(i | (1 << a)), color, 1.5));
    }
  }
  return lines;
}

/** Return the crop box of the driver's parameters, null while it does not crop. */
export function cropBox(values) {
  const limit = (end) => ['x', 'y', 'z'].map((a) => values[`point_cloud_crop_${end}_${a}`]);
  const [low, high] = [limit('min'), limit('max')];
  if (![...low, ...high].every(Number.isFinite)) return null;
  if (low.every((v) => v <= -LIMIT_M) && high.every((v) => v >= LIMIT_M)) return null;
  return { low, high, frame: values.point_cloud_crop_frame };
}

/** Return the markers of the depth image with a stamp, or those next to it; [] if all are old. */
export function markersAt(messages, stamp) {
  const distance = ({ markers }) => Math.abs(Number((markers[0]?.stamp ?? stamp) - stamp));
  const newest = messages.at(-1);
  if (!newest || stamp === undefined || performance.now() - newest.at > MARKER_LIFE_MS) return [];
  return messages.reduce((a, b) => (distance(b) <= distance(a) ? b : a)).markers;
}

/** Return bones, joints and numbers of people in the world. */
export function people(markers, toWorld) {
  const result = { lines: [], dots: [], labels: [] };
  for (const marker of markers) {
    const matrix = toWorld(marker.frame);
    if (marker.action !== 0 || !matrix) continue;
    if (marker.type === LINE_LIST) {
      for (let i = 0; i + 1 < marker.points.length; i += 2) {
        result.lines.push(
          line(
            apply(matrix, marker.points[i]),
            apply(matrix, marker.points[i + 1]),
            marker.colors[i] ?? marker.color,
            4,
          ),
        );
      }
    } else if (marker.type === SPHERE) {
      result.dots.push({
        place: apply(matrix, marker.position),
        color: marker.color,
        diameter: marker.scale[0],
      });
    } else if (marker.type === TEXT) {
      result.labels.push({
        place: apply(matrix, marker.position),
        text: marker.text,
        strong: true,
      });
    }
  }
  return result;
}

/** Return labels of frames, beside the ends of their axes. */
export function frameLabels(frames) {
  return frames.map(([name, matrix]) => ({
    place: add(apply(matrix, [0, 0, 0]), [0, 0, 0.03]),
    text: name,
  }));
}

/** Return the height of the floor in the world: where the lowest points are; null if unknown. */
export function floorHeight(points) {
  if (points.length < 200) return null;
  const heights = points.map((point) => point[2]).sort((a, b) => a - b);
  return heights[Math.floor(heights.length * 0.01)];
}

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

// Coordinate frames: the tree of /tf_static.

import { readTransforms } from './cdr.js';
import { identity, inverseRigid, multiply, rigid } from './math.js';

/** From the depth camera of an Azure Kinect, tilted 6 degrees down, to its base. */
const NOMINAL = rigid([0, 0, 0.0018], [-0.52548, 0.52548, -0.47315, 0.47315]);

export class Frames {
  constructor() {
    this.parents = new Map();
  }

  receive(bytes) {
    for (const { frame, child, translation, rotation } of readTransforms(bytes)) {
      this.parents.set(child, { parent: frame, matrix: rigid(translation, rotation) });
    }
  }

  /** Return a frame and those above it, with the matrix from the frame to each. */
  chain(frame) {
    const result = [[frame, identity()]];
    for (
      let link = this.parents.get(frame);
      link && result.length < 50;
      link = this.parents.get(link.parent)
    ) {
      const [, matrix] = result[result.length - 1];
      result.push([link.parent, multiply(link.matrix, matrix)]);
    }
    return result;
  }

  /** Return the transform from one frame to another; null if they are not connected. */
  between(source, target) {
    if (source === target) return identity();
    const up = this.chain(source);
    const down = new Map(this.chain(target));
    const common = up.find(([frame]) => down.has(frame));
    return common ? multiply(inverseRigid(down.get(common[0])), common[1]) : null;
  }

  /** Return the world of a depth camera: its camera_base, and the transform to it. */
  world(depthFrame) {
    const base = this.chain(depthFrame).find(([frame]) => frame.endsWith('camera_base'));
    return { frame: base?.[0] ?? '', fromDepth: base?.[1] ?? NOMINAL };
  }

  /** Return the frames of a world, with the transform from each to it. */
  within(world) {
    if (!world) return [];
    return [world, ...this.parents.keys()]
      .map((frame) => [frame, this.between(frame, world)])
      .filter(
        ([frame, matrix], i, all) => matrix && all.findIndex(([other]) => other === frame) === i,
      );
  }
}

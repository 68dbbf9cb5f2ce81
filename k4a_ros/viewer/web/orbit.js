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

// A view that turns around a point: mouse, touch and keyboard.

import { add, cross, lookAt, multiply, normalized, perspective, subtract } from './math.js';

/** Field of view of the shorter side of the canvas. */
const FOV = 0.9;
const [NEAR, FAR] = [0.05, 60];
/** Views by name: direction from the target to the eye (yaw, pitch), distance, target. */
export const VIEWS = {
  orbit: { yaw: 2.75, pitch: 0.42, distance: 3.4, target: [1.7, 0, -0.1] },
  camera: { yaw: Math.PI, pitch: 0, distance: 2, target: [2, 0, 0] },
  top: { yaw: Math.PI, pitch: 1.55, distance: 5.5, target: [2, 0, 0] },
  side: { yaw: -Math.PI / 2, pitch: 0.05, distance: 5, target: [2, 0, 0] },
};

export class Orbit {
  constructor(element, onchange) {
    this.element = element;
    this.onchange = onchange;
    this.pointers = new Map();
    this.show('orbit');
    element.style.touchAction = 'none';
    element.addEventListener('pointerdown', (event) => this.down(event));
    element.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) {
      element.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    element.addEventListener('contextmenu', (event) => event.preventDefault());
    element.addEventListener('dblclick', () => this.show('orbit'));
    element.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(event.deltaY * (event.deltaMode ? 0.05 : 0.0012)));
      },
      { passive: false },
    );
  }

  show(name) {
    Object.assign(this, structuredClone(VIEWS[name]));
    this.onchange?.();
  }

  down(event) {
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.element.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
      const now = distance([event.clientX, event.clientY]);
      if (now > 1) this.zoom(distance(before) / now);
      this.pan(dx / 2, dy / 2);
    } else if (event.buttons & 6 || event.shiftKey || event.ctrlKey) {
      this.pan(dx, dy);
    } else {
      this.turn(dx, dy);
    }
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  turn(dx, dy) {
    this.yaw -= dx * 0.006;
    this.pitch = Math.min(1.56, Math.max(-1.56, this.pitch + dy * 0.006));
    this.onchange();
  }

  pan(dx, dy) {
    const { clientWidth, clientHeight } = this.element;
    const scale = this.distance / this.pixels(clientWidth, clientHeight);
    const back = normalized(subtract(this.eye(), this.target));
    const right = normalized(cross([0, 0, 1], back));
    this.target = add(add(this.target, right, -dx * scale), cross(back, right), dy * scale);
    this.onchange();
  }

  zoom(factor) {
    this.distance = Math.min(30, Math.max(0.15, this.distance * factor));
    this.onchange();
  }

  /** Handle a key; return whether it is one of this view. */
  key(event) {
    const step = event.shiftKey ? 4 : 24;
    const turn = {
      ArrowLeft: [step, 0],
      ArrowRight: [-step, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    }[event.key];
    if (turn) this.turn(...turn);
    else if (event.key === '+' || event.key === '=') this.zoom(0.85);
    else if (event.key === '-') this.zoom(1 / 0.85);
    else if (event.key === 'Home') this.show('orbit');
    else return false;
    return true;
  }

  eye() {
    const level = Math.cos(this.pitch);
    return add(
      this.target,
      [level * Math.cos(this.yaw), level * Math.sin(this.yaw), Math.sin(this.pitch)],
      this.distance,
    );
  }

  /** Return the matrix from the world to the clip space of a canvas. */
  matrix(width, height) {
    return multiply(
      perspective(
        2 * Math.atan(height / 2 / this.pixels(width, height)),
        width / height,
        NEAR,
        FAR,
      ),
      lookAt(this.eye(), this.target, [0, 0, 1]),
    );
  }

  /** Return how many pixels of a canvas one meter covers at a distance of one. */
  pixels(width, height) {
    return Math.min(width, height) / 2 / Math.tan(FOV / 2);
  }
}

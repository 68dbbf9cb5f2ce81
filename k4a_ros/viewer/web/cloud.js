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

// The pane of the cloud.

import { readCameraInfo, readImage, readMarkers } from './cdr.js';
import { colorTable } from './colormaps.js';
import { fitCanvas, h, iconButton, remember, remembered, select } from './dom.js';
import { toValues } from './images.js';
import { apply, identity } from './math.js';
import { Orbit } from './orbit.js';
import { Pane, popover } from './pane.js';
import { Renderer } from './renderer.js';
import * as scene from './scene.js';

const MODES = [
  ['color', 'Color'],
  ['depth', 'Depth'],
  ['ir', 'Infrared'],
];
const OVERLAYS = [
  ['axes', 'Frames'],
  ['bodies', 'People'],
  ['grid', 'Floor grid'],
  ['crop', 'Crop box'],
];
const INFRARED_UNIT = 1;
/** Messages with people that are kept, to find those of the depth image that is shown. */
const MARKERS = 12;

export class CloudPane extends Pane {
  constructor(app) {
    super(app, 'cloud', 'Point cloud');
    this.canvas = h('canvas', { class: 'cloud', tabIndex: 0, 'aria-label': 'Point cloud' });
    this.overlay = h('canvas', { class: 'overlay' });
    this.body.append(this.canvas, this.overlay);
    this.options = remembered('cloud', {
      mode: 'color',
      size: 1,
      axes: true,
      bodies: true,
      grid: true,
      crop: true,
    });
    this.markers = [];
    this.infos = {};
    this.orbit = new Orbit(this.canvas, () => this.invalidate());
    this.addTools();
    try {
      this.renderer = new Renderer(this.canvas);
    } catch (error) {
      this.say(error.message);
    }
    new ResizeObserver(() => this.invalidate()).observe(this.body);
  }

  addTools() {
    const change = (name, value) => {
      this.options[name] = value;
      remember('cloud', this.options);
      this.refresh();
      this.invalidate();
    };
    this.mode = select(MODES, this.options.mode, (value) => change('mode', value), 'Color by');
    const boxes = OVERLAYS.map(([name, label]) =>
      h(
        'label',
        { class: 'check' },
        h('input', {
          type: 'checkbox',
          checked: this.options[name],
          onchange: (event) => change(name, event.target.checked),
        }),
        label,
      ),
    );
    const size = h('input', {
      type: 'range',
      min: 0.5,
      max: 3,
      step: 0.1,
      value: this.options.size,
      oninput: (event) => change('size', Number(event.target.value)),
    });
    const views = h(
      'div',
      { class: 'segments' },
      Object.entries({ orbit: 'Behind', camera: 'Camera', top: 'Top', side: 'Side' }).map(
        ([name, label]) =>
          h('button', { type: 'button', onclick: () => this.orbit.show(name) }, label),
      ),
    );
    this.tools.append(
      this.mode,
      iconButton('home', 'Reset the view (Home)', () => this.orbit.show('orbit')),
      popover('sliders', 'View', views, ...boxes, h('label', {}, 'Point size', size)),
    );
  }

  topics() {
    const { camera } = this.app;
    const prefix = `${camera?.namespace ?? ''}/`;
    if (!camera || !this.renderer) return {};
    const has = (name) => camera.topics[prefix + name];
    if (this.shown !== prefix) {
      this.shown = prefix;
      this.infos = {};
      this.drawn = 0;
    }
    if (!has('depth/image_raw')) this.say('This camera has no depth image');
    else if (!this.drawn) this.say('Waiting for depth');
    const result = {
      [`${prefix}depth/image_raw`]: (bytes, factor) => this.receiveDepth(bytes, factor),
      [`${prefix}depth/camera_info`]: (bytes) => this.receiveDepthInfo(readCameraInfo(bytes)),
    };
    if (this.options.mode === 'color') {
      const color = this.app.colorTopic();
      if (color) {
        result[color] = async (bytes) => {
          const picture = await this.app.colorPicture(color, bytes);
          if (!picture) return;
          this.renderer.setPicture(picture);
          this.invalidate();
        };
        result[`${prefix}rgb/camera_info`] = (bytes) => {
          this.infos.color = readCameraInfo(bytes);
        };
      }
    } else if (this.options.mode === 'ir' && has('ir/image_raw')) {
      result[`${prefix}ir/image_raw`] = (bytes) => this.receiveInfrared(bytes);
    }
    if (this.options.bodies && has('body_tracking_data')) {
      result[`${prefix}body_tracking_data`] = (bytes) => {
        this.markers.push({ markers: readMarkers(bytes), at: performance.now() });
        if (this.markers.length > MARKERS) this.markers.shift();
        this.invalidate();
      };
    }
    return result;
  }

  receiveDepth(bytes, factor) {
    const image = readImage(bytes);
    const values = toValues(image);
    if (!values) {
      this.say(`Depth in ${image.encoding} cannot be shown`);
      return undefined;
    }
    this.app.noteStamp(image.stamp);
    this.frame = image.frame;
    this.stamp = image.stamp;
    this.values = values;
    this.size = [image.width, image.height];
    this.renderer.setDepth(image.width, image.height, values, factor);
    this.findFloor(factor);
    return this.invalidate();
  }

  receiveInfrared(bytes) {
    const image = readImage(bytes);
    const values = toValues(image);
    if (values) this.renderer.setInfrared(image.width, image.height, values, INFRARED_UNIT);
    this.invalidate();
  }

  /** Ask for the rays of the pixels; the server computes them as the driver does. */
  async receiveDepthInfo(info) {
    this.infos.depth = info;
    try {
      const bytes = await this.app.connection.call('rays', {
        width: info.width,
        height: info.height,
        k: info.k,
        d: info.d,
      });
      const rays = new Float32Array(bytes.slice().buffer);
      this.renderer.setRays(info.width, info.height, rays);
      const at = (x, y) => {
        const i =
          2 * (Math.round(y * (info.height - 1)) * info.width + Math.round(x * (info.width - 1)));
        return [rays[i], rays[i + 1]];
      };
      this.rays = rays;
      this.rayWidth = info.width;
      this.floor = null;
      this.corners = [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ].map(([x, y]) => at(x, y));
      if (this.corners.flat().some(Number.isNaN)) {
        this.corners = Array.from({ length: 24 }, (_, i) =>
          at(0.5 + 0.49 * Math.cos((i * Math.PI) / 12), 0.5 + 0.49 * Math.sin((i * Math.PI) / 12)),
        ).filter(([x]) => !Number.isNaN(x));
      }
      this.invalidate();
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Find the floor once, from some of the points. */
  findFloor(factor) {
    if (this.floor !== null || !this.rays) return;
    const { fromDepth } = this.app.frames.world(this.frame);
    const points = [];
    const [width] = this.size;
    for (let i = 0; i < this.values.length; i += 97) {
      const z = this.values[i] / 1000;
      const r = 2 * (Math.floor(i / width) * factor * this.rayWidth + (i % width) * factor);
      if (z && !Number.isNaN(this.rays[r])) {
        points.push(apply(fromDepth, [this.rays[r] * z, this.rays[r + 1] * z, z]));
      }
    }
    this.floor = scene.floorHeight(points);
  }

  /** Draw at the next refresh of the screen; return a promise that is resolved then. */
  invalidate() {
    this.waiting ??= new Promise((resolve) => {
      requestAnimationFrame(() => {
        this.waiting = null;
        if (this.visible && this.renderer) this.draw();
        resolve();
      });
    });
    return this.waiting;
  }

  draw() {
    const canvas = this.canvas;
    fitCanvas(canvas, 1.5);
    fitCanvas(this.overlay);
    const dark = document.documentElement.dataset.theme === 'dark';
    const { frame: world, fromDepth } = this.app.frames.world(this.frame ?? '');
    const frames = this.app.frames.within(world);
    const toWorld = (name) =>
      name === this.frame ? fromDepth : this.app.frames.between(name, world);
    const crop = this.options.crop ? scene.cropBox(this.app.parameterValues) : null;
    const prefix = world.slice(0, -'camera_base'.length);
    const cropFrame = crop && toWorld(prefix + crop.frame);
    const lines = [];
    const labels = [];
    let people = { lines: [], dots: [], labels: [] };
    const faint = dark ? [1, 1, 1, 0.1] : [0, 0, 0, 0.12];
    if (this.options.grid && Number.isFinite(this.floor))
      lines.push(...scene.grid(this.floor, faint));
    if (this.corners && this.frame) {
      lines.push(
        ...scene.frustum(fromDepth, this.corners, dark ? [1, 1, 1, 0.4] : [0, 0, 0, 0.4]),
      );
    }
    if (this.options.axes) {
      lines.push(...scene.axes(frames));
      labels.push(...scene.frameLabels(frames));
    }
    if (crop && cropFrame)
      lines.push(...scene.box(cropFrame, crop.low, crop.high, [1, 0.72, 0.2, 0.9]));
    const markers = this.options.bodies ? scene.markersAt(this.markers, this.stamp) : [];
    if (markers.length) {
      people = scene.people(markers, toWorld);
      labels.push(...people.labels);
    }
    this.renderer.setLines(lines);
    this.renderer.setBodies(people.lines, people.dots);
    const view = this.orbit.matrix(canvas.width, canvas.height);
    this.renderer.draw({
      view,
      background: dark ? [0.047, 0.059, 0.078] : [0.93, 0.945, 0.96],
      pixels: this.orbit.pixels(canvas.width, canvas.height),
      cloud: this.frame && this.cloud(fromDepth, crop),
    });
    this.drawLabels(view, labels, dark);
    if (this.renderer.complete && this.frame) {
      this.drawn = (this.drawn ?? 0) + 1;
      canvas.dataset.frames = this.drawn;
      this.say('');
    }
  }

  /** Return the uniforms of the cloud. */
  cloud(fromDepth, crop) {
    const { color, depth } = this.infos;
    const [k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0, k4 = 0, k5 = 0, k6 = 0] = color?.d ?? [];
    const between = (frame) => frame && this.app.frames.between(this.frame, frame);
    const prefix = this.app.frames.world(this.frame).frame.slice(0, -'camera_base'.length);
    const cropFromDepth = crop && between(prefix + crop.frame);
    const pictureFromDepth = between(color?.frame);
    let mode = MODES.findIndex(([name]) => name === this.options.mode);
    if (mode === 0 && !pictureFromDepth) mode = 1;
    const { depth: depthPane, ir } = this.app.panes;
    return {
      worldFromDepth: fromDepth,
      pictureFromDepth: pictureFromDepth ?? identity(),
      cropFromDepth: cropFromDepth ?? identity(),
      crop: Boolean(cropFromDepth),
      cropLow: crop?.low ?? [0, 0, 0],
      cropHigh: crop?.high ?? [0, 0, 0],
      lens: color?.k ?? [1, 1, 0, 0],
      k: [k1, k2, p1, p2],
      k2: [k3, k4, k5, k6],
      pictureSize: color ? [color.width, color.height] : [1, 1],
      range: [depthPane.range.minimum / 1000, depthPane.range.maximum / 1000],
      irRange: [ir.range.minimum, ir.range.maximum],
      mode,
      focal: depth?.k[0] ?? 500,
      pointSize: this.options.size,
    };
  }

  /** Take the color map of the depth pane. */
  colorsChanged(map) {
    this.renderer?.uploadTable(colorTable(map));
    this.invalidate();
  }

  drawLabels(view, labels, dark) {
    const context = this.overlay.getContext('2d');
    const { width, height } = this.overlay;
    const ratio = width / Math.max(1, this.overlay.clientWidth);
    context.clearRect(0, 0, width, height);
    context.lineJoin = 'round';
    context.lineWidth = 3 * ratio;
    const taken = [];
    for (const { place, text, strong } of labels) {
      const [x, y, z] = place;
      const w = view[3] * x + view[7] * y + view[11] * z + view[15];
      if (w < 0.05) continue;
      const px = (((view[0] * x + view[4] * y + view[8] * z + view[12]) / w + 1) / 2) * width;
      const py = ((1 - (view[1] * x + view[5] * y + view[9] * z + view[13]) / w) / 2) * height;
      let row = py;
      while (
        taken.some(
          ([tx, ty]) => Math.abs(tx - px) < 110 * ratio && Math.abs(ty - row) < 12 * ratio,
        )
      )
        row += 13 * ratio;
      taken.push([px, row]);
      context.font = `${(strong ? 14 : 11) * ratio}px system-ui, sans-serif`;
      context.strokeStyle = dark ? 'rgba(12,15,20,.85)' : 'rgba(240,243,246,.9)';
      context.fillStyle = dark ? '#c4ccd6' : '#333d4a';
      const room = width - 6 * ratio - context.measureText(text).width;
      const left = Math.min(px + 8 * ratio, room);
      context.strokeText(text, left, row);
      context.fillText(text, left, row);
    }
  }

  showRate(statistics) {
    const hz = statistics[`${this.shown}depth/image_raw`]?.hz;
    const points = this.values ? this.values.length / 1000 : 0;
    this.tell(
      this.drawn && hz ? `${hz.toFixed(0)} Hz` : '',
      this.drawn && points ? `${points.toFixed(0)} k points` : '',
    );
  }

  picture() {
    this.draw();
    const both = h('canvas', { width: this.canvas.width, height: this.canvas.height });
    const context = both.getContext('2d');
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.overlay, 0, 0, both.width, both.height);
    return both;
  }
}

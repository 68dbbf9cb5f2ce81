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

// Panes of images: color, depth and infrared.

import { readCompressedImage, readImage } from './cdr.js';
import { colorTable, lookupTable, MAP_NAMES } from './colormaps.js';
import { h, remember, remembered, select, setOptions } from './dom.js';
import { Pane, popover } from './pane.js';

/** A range of values that users choose, or that follows the image. */
class Range {
  constructor(name, limit, initial, unit, onchange) {
    this.name = name;
    this.onchange = onchange;
    Object.assign(this, remembered(`range.${name}`, initial));
    const slider = (title, value) =>
      h('input', {
        type: 'range',
        min: 0,
        max: limit,
        step: limit / 200,
        value,
        title,
        'aria-label': title,
        oninput: () => this.read(),
      });
    this.low = slider('Start of the range', this.minimum);
    this.high = slider('End of the range', this.maximum);
    this.box = h('input', { type: 'checkbox', checked: this.auto, onchange: () => this.read() });
    this.text = h('output');
    this.unit = unit;
    this.rows = [
      h('label', { class: 'check' }, this.box, 'Follow the image'),
      h('label', {}, 'From', this.low),
      h('label', {}, 'To', this.high),
      this.text,
    ];
    this.show();
  }

  read() {
    this.auto = this.box.checked;
    this.minimum = Math.min(Number(this.low.value), Number(this.high.value));
    this.maximum = Math.max(Number(this.low.value), Number(this.high.value));
    remember(`range.${this.name}`, {
      auto: this.auto,
      minimum: this.minimum,
      maximum: this.maximum,
    });
    this.show();
    this.onchange();
  }

  show() {
    this.low.disabled = this.high.disabled = this.auto;
    this.text.textContent = `${this.minimum.toFixed(0)} to ${this.maximum.toFixed(0)} ${this.unit}`;
  }

  /** Follow a picture: quantiles of its values. */
  follow(values, quantiles) {
    if (!this.auto) return;
    const step = Math.max(1, Math.floor(values.length / 4001));
    const sample = [];
    for (let i = 0; i < values.length; i += step) if (values[i]) sample.push(values[i]);
    if (sample.length < 10) return;
    sample.sort((a, b) => a - b);
    const [low, high] = quantiles.map((q) => sample[Math.floor(q * (sample.length - 1))]);
    const near = (old, fresh) => (Math.abs(old - fresh) > 0.08 * (high - low) ? fresh : old);
    const [minimum, maximum] = [near(this.minimum, low), near(this.maximum, high)];
    if (minimum === this.minimum && maximum === this.maximum) return;
    Object.assign(this, { minimum, maximum });
    this.low.value = minimum;
    this.high.value = maximum;
    this.show();
    this.onchange();
  }
}

class ImagePane extends Pane {
  constructor(app, id, title) {
    super(app, id, title);
    this.canvas = h('canvas', { class: 'image' });
    this.cursor = h('div', { class: 'cursor', hidden: true });
    this.body.append(this.canvas, this.cursor);
    this.canvas.addEventListener('pointermove', (event) => this.point(event));
    this.canvas.addEventListener('pointerdown', (event) => this.point(event));
    this.canvas.addEventListener('pointerleave', () => {
      this.at = null;
      this.cursor.hidden = true;
    });
    this.sources = select(
      [],
      '',
      (value) => {
        remember(`source.${id}`, value);
        this.refresh();
      },
      'Topic',
    );
    this.sourceRow = h('label', {}, 'Topic', this.sources);
  }

  /** Return the topic that is chosen, '' if there is none. */
  topic() {
    const { camera } = this.app;
    const prefix = `${camera?.namespace ?? ''}/`;
    const names = this.names().filter((name) => camera?.topics[prefix + name]);
    const wish = remembered(`source.${this.id}`, names[0]);
    const name = names.includes(wish) ? wish : names[0];
    setOptions(
      this.sources,
      names.map((n) => [n, n.replace(/\/image_(raw|rect)/, '')]),
      name ?? '',
    );
    return name ? prefix + name : '';
  }

  topics() {
    const topic = this.topic();
    if (topic !== this.shown) {
      this.shown = topic;
      this.frame = null;
      this.tell();
      this.say(topic ? 'Waiting for images' : `This camera has no ${this.id} image`);
    }
    return topic ? { [topic]: (bytes, factor) => this.receive(bytes, factor) } : {};
  }

  resize(width, height) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
  }

  /** Note a frame that is shown. */
  done(width, height) {
    this.frames = (this.frames ?? 0) + 1;
    this.canvas.dataset.frames = this.frames;
    this.size = `${width} × ${height}`;
    this.say('');
    this.readOut();
  }

  /** Show size and rate. */
  showRate(statistics) {
    const hz = statistics[this.shown]?.hz;
    this.tell(
      this.frame && hz ? `${hz.toFixed(hz < 10 ? 1 : 0)} Hz` : '',
      this.frame ? this.size : '',
    );
  }

  /** Find the pixel below the pointer: the image is centered in the canvas. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = Math.min(box.width / this.canvas.width, box.height / this.canvas.height);
    const x = (event.clientX - box.left - (box.width - scale * this.canvas.width) / 2) / scale;
    const y = (event.clientY - box.top - (box.height - scale * this.canvas.height) / 2) / scale;
    const inside = x >= 0 && y >= 0 && x < this.canvas.width && y < this.canvas.height;
    this.at = inside ? [Math.floor(x), Math.floor(y)] : null;
    this.readOut();
  }

  readOut() {
    const text = this.at && this.frame ? this.value(...this.at) : '';
    this.cursor.textContent = text;
    this.cursor.hidden = !text;
  }
}

export class ColorPane extends ImagePane {
  constructor(app) {
    super(app, 'color', 'Color');
    this.tools.append(popover('sliders', 'Topic', this.sourceRow));
  }

  names() {
    return [
      'rgb/image_raw/compressed',
      'rgb_to_depth/image_raw/compressed',
      'rgb_rect/image_rect/compressed',
      'rgb/image_raw',
      'rgb_to_depth/image_raw',
    ];
  }

  async receive(bytes, factor) {
    const picture = await this.app.colorPicture(this.shown, bytes);
    if (!picture) {
      this.say('The encoding of this topic cannot be shown');
      return;
    }
    this.resize(picture.width, picture.height);
    this.context ??= this.canvas.getContext('2d', { alpha: false, willReadFrequently: false });
    this.context.drawImage(picture, 0, 0);
    this.frame = picture;
    this.factor = factor;
    this.done(picture.width * factor, picture.height * factor);
  }

  value(x, y) {
    const [r, g, b] = this.context.getImageData(x, y, 1, 1).data;
    return `x ${x * this.factor}  y ${y * this.factor}   R ${r}  G ${g}  B ${b}`;
  }
}

/** Images of one value per pixel, shown by a table of colors. */
class ValuePane extends ImagePane {
  constructor(app, id, title, limit, initial, unit, extra) {
    super(app, id, title);
    this.range = new Range(id, limit, initial, unit, () => this.recolor());
    this.legend = h('canvas', { class: 'legend', width: 256, height: 1 });
    this.ends = [h('span'), h('span')];
    this.body.append(h('div', { class: 'scale' }, this.ends[0], this.legend, this.ends[1]));
    this.tools.append(
      popover('sliders', 'Topic, range and colors', this.sourceRow, ...extra, ...this.range.rows),
    );
  }

  receive(bytes, factor) {
    const image = readImage(bytes);
    const values = toValues(image);
    if (!values) {
      this.say(`Images in ${image.encoding} cannot be shown`);
      return;
    }
    this.frame = { ...image, values };
    this.factor = factor;
    this.range.follow(values, this.quantiles);
    this.table ??= this.makeTable();
    this.draw();
    this.done(image.width * factor, image.height * factor);
  }

  draw() {
    const { width, height, values } = this.frame;
    this.resize(width, height);
    this.context ??= this.canvas.getContext('2d');
    if (this.pixels?.width !== width || this.pixels?.height !== height) {
      this.pixels = new ImageData(width, height);
      this.words = new Uint32Array(this.pixels.data.buffer);
    }
    const { table, words } = this;
    for (let i = 0; i < words.length; i++) words[i] = table[values[i]];
    this.context.putImageData(this.pixels, 0, 0);
  }

  recolor() {
    this.table = this.makeTable();
    const context = this.legend.getContext('2d');
    const row = new ImageData(256, 1);
    row.data.set(colorTable(this.mapName()));
    context.putImageData(row, 0, 0);
    const text = (value) => this.scaleText(value);
    this.ends[0].textContent = text(this.range.minimum);
    this.ends[1].textContent = text(this.range.maximum);
    this.app.colorsChanged?.();
    if (this.frame) this.draw();
  }
}

export class DepthPane extends ValuePane {
  constructor(app) {
    const map = select(
      MAP_NAMES,
      remembered('map', 'turbo'),
      (value) => {
        remember('map', value);
        this.recolor();
      },
      'Colors',
    );
    super(app, 'depth', 'Depth', 8000, { auto: true, minimum: 500, maximum: 4000 }, 'mm', [
      h('label', {}, 'Colors', map),
    ]);
    this.quantiles = [0.01, 0.99];
    this.map = map;
    this.recolor();
  }

  names() {
    return [
      'depth/image_raw',
      'depth_filtered/image_raw',
      'depth_rect/image_rect',
      'depth_to_rgb/image_raw',
    ];
  }

  mapName() {
    return this.map.value;
  }
  scaleText(value) {
    return `${(value / 1000).toFixed(2)} m`;
  }

  makeTable() {
    return lookupTable(this.map.value, this.range.minimum, this.range.maximum, 1, false);
  }

  value(x, y) {
    const mm = this.frame.values[y * this.frame.width + x];
    const place = `x ${x * this.factor}  y ${y * this.factor}   `;
    return place + (mm ? `${mm} mm   ${(mm / 1000).toFixed(3)} m` : 'no depth');
  }
}

export class InfraredPane extends ValuePane {
  constructor(app) {
    super(app, 'ir', 'Infrared', 4000, { auto: true, minimum: 0, maximum: 1000 }, '', []);
    this.quantiles = [0, 0.98];
    this.recolor();
  }

  names() {
    return ['ir/image_raw', 'ir_rect/image_rect'];
  }
  mapName() {
    return 'white';
  }
  scaleText(value) {
    return value.toFixed(0);
  }

  makeTable() {
    return lookupTable('white', this.range.minimum, this.range.maximum, 0.6, true);
  }

  value(x, y) {
    return (
      `x ${x * this.factor}  y ${y * this.factor}   ` +
      `${this.frame.values[y * this.frame.width + x]}`
    );
  }
}

/** Return one uint16 per pixel, depth in millimeters; null if the encoding has none. */
export function toValues({ data, width, height, encoding, step, bigEndian }) {
  const size = { '16UC1': 2, mono16: 2, '32FC1': 4, mono8: 1, '8UC1': 1 }[encoding];
  if (!size || bigEndian) return null;
  let bytes = data;
  if (step !== width * size) {
    bytes = new Uint8Array(width * size * height);
    for (let y = 0; y < height; y++) {
      bytes.set(data.subarray(y * step, y * step + width * size), y * width * size);
    }
  } else if (bytes.byteOffset % size) {
    bytes = bytes.slice();
  }
  if (size === 1) return bytes;
  if (size === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, width * height);
  return Uint16Array.from(new Float32Array(bytes.buffer, bytes.byteOffset, width * height), (m) =>
    m > 0 && m < 65.535 ? Math.round(1000 * m) : 0,
  );
}

/** Return a picture of a color image, null if its encoding cannot be shown. */
export async function toPicture(type, bytes) {
  if (type === 'sensor_msgs/msg/CompressedImage') {
    const { data, format } = readCompressedImage(bytes);
    return createImageBitmap(
      new Blob([data], {
        type: format.includes('png') ? 'image/png' : 'image/jpeg',
      }),
    );
  }
  const { data, width, height, step, encoding } = readImage(bytes);
  const channels = { bgra8: 4, rgba8: 4, bgr8: 3, rgb8: 3 }[encoding];
  if (!channels) return null;
  const [red, blue] = encoding.startsWith('b') ? [2, 0] : [0, 2];
  const pixels = new ImageData(width, height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = y * step; x < width; x++, from += channels, to += 4) {
      pixels.data[to] = data[from + red];
      pixels.data[to + 1] = data[from + 1];
      pixels.data[to + 2] = data[from + blue];
      pixels.data[to + 3] = 255;
    }
  }
  return createImageBitmap(pixels);
}

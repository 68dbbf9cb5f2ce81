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

// The pane of the IMU: acceleration, angular velocity, and the temperature of the device.

import { readImuBatch, readTemperature } from './cdr.js';
import { fitCanvas, h } from './dom.js';
import { Pane } from './pane.js';

const SPAN_S = 10;
const BINS = 500;
/** Bins without samples across which no line is drawn. */
const MAX_GAP = 6;
const REDRAW_MS = 50;
const COLORS = ['--x', '--y', '--z'];
const TEMPERATURE_SPAN_S = 600;
/** Smallest range of temperatures that is shown: noise does not look like a change. */
const MIN_DEGREES = 4;
/** Height of the pane from which there is room for the temperature, pixels. */
const LEAST_HEIGHT = 230;
const [LEFT, RIGHT, UPPER, LOWER] = [44, 12, 24, 8];

/** Smallest, largest and last value of six channels, in bins of time. */
class History {
  constructor() {
    this.bins = new Map();
    this.end = 0;
  }

  add(time, values) {
    const bin = Math.floor((time * BINS) / SPAN_S);
    let entry = this.bins.get(bin);
    if (!entry || time < this.end - SPAN_S) {
      if (time < this.end - 1) this.bins.clear();
      entry = values.map((value) => [value, value]);
      this.bins.set(bin, entry);
      if (this.bins.size > BINS + 2) this.bins.delete(this.bins.keys().next().value);
    }
    values.forEach((value, i) => {
      if (value < entry[i][0]) entry[i][0] = value;
      if (value > entry[i][1]) entry[i][1] = value;
    });
    this.end = time;
    this.last = values;
  }
}

export class ImuPane extends Pane {
  constructor(app) {
    super(app, 'imu', 'Motion');
    this.canvas = h('canvas', { class: 'plot' });
    this.body.append(this.canvas);
    this.history = new History();
    this.temperatures = [];
    this.say('Waiting for samples');
  }

  topics() {
    const { camera } = this.app;
    const prefix = `${camera?.namespace ?? ''}/`;
    if (this.shown !== prefix) {
      this.shown = prefix;
      this.history = new History();
      this.temperature = null;
      this.temperatures = [];
    }
    const result = {};
    if (camera?.topics[`${prefix}imu`]) result[`${prefix}imu`] = (bytes) => this.receive(bytes);
    else this.say('This camera has no IMU, or imu_enabled is false');
    if (camera?.topics[`${prefix}temperature`]) {
      result[`${prefix}temperature`] = (bytes) => this.receiveTemperature(readTemperature(bytes));
    }
    return result;
  }

  receive(bytes) {
    readImuBatch(bytes, (time, values) => this.history.add(time, values));
    this.samples = (this.samples ?? 0) + bytes.length / 56;
    this.canvas.dataset.frames = this.samples;
    this.say('');
    const now = performance.now();
    if (now - (this.drawnAt ?? 0) < REDRAW_MS) return;
    this.drawnAt = now;
    requestAnimationFrame(() => this.visible && this.draw());
  }

  receiveTemperature({ stamp, celsius }) {
    if (!Number.isFinite(celsius)) return;
    const time = Number(stamp) / 1e9;
    if (time < this.temperatures.at(-1)?.time) this.temperatures = [];
    this.temperature = celsius;
    this.temperatures.push({ time, celsius });
    this.temperatures = this.temperatures.filter((t) => t.time > time - TEMPERATURE_SPAN_S);
  }

  showRate(statistics) {
    const hz = statistics[`${this.shown}imu`]?.hz;
    this.tell(
      hz ? `${hz.toFixed(0)} Hz` : '',
      Number.isFinite(this.temperature) ? `${this.temperature.toFixed(1)} °C` : '',
    );
  }

  draw() {
    fitCanvas(this.canvas);
    const context = this.canvas.getContext('2d');
    const ratio = this.canvas.width / Math.max(1, this.canvas.clientWidth);
    const [width, height] = [this.canvas.width / ratio, this.canvas.height / ratio];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const thermal = this.temperatures.length > 1 && height >= LEAST_HEIGHT;
    const part = height / (thermal ? 3 : 2);
    this.plot(context, 'Acceleration', 'm/s²', 3, 12, 0, width, part);
    this.plot(context, 'Angular velocity', 'rad/s', 0, 0.1, part, width, part);
    if (thermal) this.plotTemperature(context, 2 * part, width, part);
  }

  plot(context, title, unit, channel, least, top, width, height) {
    const style = getComputedStyle(this.canvas);
    const { bins, end, last } = this.history;
    let limit = least;
    for (const entry of bins.values()) {
      for (let i = channel; i < channel + 3; i++) {
        limit = Math.max(limit, -entry[i][0], entry[i][1]);
      }
    }
    const step = niceStep(limit * 2, parts(height));
    limit = Math.ceil(limit / step) * step;
    const y = grid(context, style, {
      title,
      unit,
      low: -limit,
      high: limit,
      step,
      top,
      width,
      height,
    });
    const x = (bin) =>
      LEFT + (width - LEFT - RIGHT) * (1 - (end - ((bin + 0.5) * SPAN_S) / BINS) / SPAN_S);
    COLORS.forEach((color, i) => {
      context.strokeStyle = style.getPropertyValue(color);
      context.lineWidth = 1.4;
      context.beginPath();
      let before = -Infinity;
      for (const [bin, entry] of bins) {
        if (x(bin) < LEFT) continue;
        const next = bin - before < MAX_GAP ? 'lineTo' : 'moveTo';
        before = bin;
        context[next](x(bin), y(entry[channel + i][0]));
        if (entry[channel + i][1] > entry[channel + i][0]) {
          context.lineTo(x(bin), y(entry[channel + i][1]));
        }
      }
      context.stroke();
    });
    if (!last || width < 300) return;
    context.textAlign = 'right';
    let at = width - RIGHT;
    for (let i = 2; i >= 0; i--) {
      const text = `${'xyz'[i]} ${last[channel + i].toFixed(2).replace(/^-(0\.?0*)$/, '$1')}`;
      context.fillStyle = style.getPropertyValue(COLORS[i]);
      context.fillText(text, at, top + 12);
      at -= 62;
    }
  }

  plotTemperature(context, top, width, height) {
    const style = getComputedStyle(this.canvas);
    const values = this.temperatures.map(({ celsius }) => celsius);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const step = niceStep(Math.max(MIN_DEGREES, most - least), parts(height));
    const low = Math.floor((least - 0.1) / step) * step;
    const high = Math.max(low + MIN_DEGREES, Math.ceil((most + 0.1) / step) * step);
    const y = grid(context, style, {
      title: 'Temperature',
      unit: '°C, ten minutes',
      low,
      high,
      step,
      top,
      width,
      height,
    });
    const end = this.temperatures.at(-1).time;
    context.strokeStyle = style.getPropertyValue('--accent');
    context.lineWidth = 1.6;
    context.beginPath();
    for (const { time, celsius } of this.temperatures) {
      const x = LEFT + (width - LEFT - RIGHT) * (1 - (end - time) / TEMPERATURE_SPAN_S);
      context.lineTo(x, y(celsius));
    }
    context.stroke();
    if (width < 300) return;
    context.textAlign = 'right';
    context.fillStyle = style.getPropertyValue('--accent');
    context.fillText(`${this.temperature.toFixed(1)} °C`, width - RIGHT, top + 12);
  }
}

/** Return into how many parts a plot of a height is divided. */
const parts = (height) => Math.max(2, Math.floor((height - UPPER - LOWER) / 28));

/** Draw title, lines and numbers of a plot; return the function from a value to its place. */
function grid(context, style, { title, unit, low, high, step, top, width, height }) {
  const y = (value) => top + UPPER + ((height - UPPER - LOWER) * (high - value)) / (high - low);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.lineWidth = 1;
  for (let value = low; value <= high + step / 2; value += step) {
    context.strokeStyle = style.getPropertyValue(
      Math.abs(value) < step / 2 ? '--border-strong' : '--border',
    );
    context.beginPath();
    context.moveTo(LEFT, Math.round(y(value)) + 0.5);
    context.lineTo(width - RIGHT, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillStyle = style.getPropertyValue('--muted');
    context.fillText(String(Number(value.toPrecision(3))), LEFT - 6, y(value));
  }
  context.textAlign = 'left';
  context.fillStyle = style.getPropertyValue('--text');
  context.fillText(title, LEFT, top + 12);
  const after = LEFT + context.measureText(title).width + 6;
  context.fillStyle = style.getPropertyValue('--muted');
  context.fillText(unit, after, top + 12);
  return y;
}

/** Return a step of 1, 2 or 5 times a power of ten that divides a span into a number of parts. */
function niceStep(span, parts) {
  const raw = span / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((f) => f * power).find((step) => step >= raw);
}

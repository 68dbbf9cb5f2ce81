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

// The bar of a recording that is played, and the button that records a camera.

import { h, icon, iconButton, select, toast } from './dom.js';
import { shortName } from './panels.js';

const RATES = ['0.1', '0.25', '0.5', '1', '2', '4', '8'];
const SEEK_MS = 120;

export class PlaybackBar {
  constructor(app) {
    this.app = app;
    this.button = iconButton('pause', 'Pause (space)', () => this.toggle());
    this.button.id = 'playback-toggle';
    this.step = iconButton('step', 'Next capture (.)', () => this.next(), { id: 'playback-step' });
    this.slider = h('input', {
      type: 'range',
      min: 0,
      max: 1,
      step: 0.001,
      value: 0,
      id: 'playback-position',
      title: 'Position',
      'aria-label': 'Position',
      oninput: () => this.seek(),
      onchange: () => this.seek(),
    });
    this.time = h('output', { class: 'time', id: 'playback-time' });
    this.rate = select(
      RATES.map((rate) => [rate, `${rate} ×`]),
      '1',
      (rate) => this.call('set_rate', { rate: Number(rate) }),
      'Playback rate',
    );
    this.element = h(
      'footer',
      { class: 'playback', hidden: true },
      this.button,
      this.step,
      this.slider,
      this.time,
      this.rate,
    );
    this.paused = false;
  }

  /** Show or hide the bar, for another camera or other services. */
  refresh() {
    this.element.hidden = !this.app.camera?.services.includes('seek');
    this.range = null;
  }

  /** Take what the driver says: range in ROS time, and whether it is paused. */
  showStatus(statuses) {
    const values = new Map(statuses.find((s) => shortName(s) === 'camera')?.values ?? []);
    const range = values.get('playback range (ROS time)')?.split(' to ').map(nanoseconds);
    if (range?.length === 2) this.range = range;
  }

  showValues(values) {
    if (values.playback_paused !== undefined && values.playback_paused !== this.paused) {
      this.paused = values.playback_paused;
      this.button.replaceChildren(icon(this.paused ? 'play' : 'pause'));
      this.button.title = this.paused ? 'Play (space)' : 'Pause (space)';
    }
    this.button.dataset.paused = this.paused;
    this.step.disabled = !this.paused;
    if (values.playback_rate !== undefined && document.activeElement !== this.rate) {
      const rate = String(values.playback_rate);
      if (!RATES.includes(rate)) this.rate.append(h('option', { value: rate }, `${rate} ×`));
      this.rate.value = rate;
    }
  }

  /** Show where playback is: the stamp of the newest image. */
  showStamp(stamp) {
    if (!this.range || this.element.hidden) return;
    const [first, last] = this.range;
    if (last <= first) return;
    const length = Number(last - first) / 1e9;
    let position = Number(stamp - first) / 1e9;
    if (position < -0.5 || position > length + 0.5) return; // of the pass before, or a late message
    position = Math.min(length, Math.max(0, position));
    if (performance.now() > (this.heldUntil ?? 0)) this.slider.value = position / length;
    this.slider.style.setProperty('--part', `${100 * this.slider.value}%`);
    this.time.textContent = `${clock(position)} / ${clock(length)}`;
  }

  seek() {
    this.heldUntil = performance.now() + 600;
    this.slider.style.setProperty('--part', `${100 * this.slider.value}%`);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (!this.range) return;
      const [first, last] = this.range;
      const part = BigInt(Math.round(Number(this.slider.value) * 1000));
      const time = first + ((last - first) * part) / 1000n;
      this.call('seek', { time_ns: String(time > last ? last : time) });
    }, SEEK_MS);
  }

  toggle() {
    return this.call(this.paused ? 'resume' : 'pause');
  }

  next() {
    return this.paused ? this.call('play_next') : this.call('pause');
  }

  async call(name, more = {}) {
    if (this.element.hidden) return;
    await this.app.service(name, more, false);
  }
}

/** Return nanoseconds of a time in seconds with nine decimals. */
function nanoseconds(text) {
  const [seconds, fraction = ''] = text.trim().split('.');
  return BigInt(seconds) * 1000000000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, '0')}`;
}

export class RecordButton {
  constructor(app) {
    this.app = app;
    this.label = h('span', {}, 'Record');
    this.element = h(
      'button',
      {
        type: 'button',
        class: 'record',
        hidden: true,
        id: 'record',
        title: 'Record the camera to a file (R)',
        onclick: () => this.toggle(),
      },
      h('span', { class: 'dot' }),
      this.label,
    );
    this.active = false;
  }

  refresh() {
    const services = this.app.camera?.services ?? [];
    this.element.hidden = !services.includes('start_recording') || services.includes('seek');
  }

  showStatus(statuses) {
    const status = statuses.find((s) => shortName(s) === 'recording');
    const values = new Map(status?.values ?? []);
    this.active = Boolean(status) && !status.message.startsWith('stopped');
    this.element.classList.toggle('active', this.active);
    this.label.textContent = this.active
      ? `${Number(values.get('time (s)') ?? 0).toFixed(0)} s  ·  ${Number(
          values.get('written (MB)') ?? 0,
        ).toFixed(0)} MB`
      : 'Record';
    this.element.title = this.active
      ? `Stop recording to ${values.get('file')} (R)`
      : 'Record the camera to a file (R)';
  }

  async toggle() {
    if (this.element.hidden) return;
    this.element.disabled = true;
    try {
      await this.app.service(this.active ? 'stop_recording' : 'start_recording');
    } finally {
      this.element.disabled = false;
    }
  }
}

/** Tell what a service has answered. */
export function report(name, { successful, reason }, always) {
  if (!successful) toast(reason || `${name} was refused`, true);
  else if (always) toast(reason || `${name}: done`);
}

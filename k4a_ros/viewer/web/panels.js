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

// Panels beside the panes: diagnostics, topics, and the device.

import { h } from './dom.js';

const LEVELS = ['ok', 'warning', 'error', 'stale'];

/** Return the statuses of a node: their names begin with its name. */
export function statusesOf(all, camera) {
  if (!camera) return [];
  const name = camera.driver.slice(1);
  const own = [...all.values()].filter(
    (status) =>
      !name || status.name.startsWith(`${name}:`) || status.name.startsWith(`${camera.driver}:`),
  );
  return own.sort((a, b) => b.level - a.level);
}

export const shortName = (status) => status.name.slice(status.name.indexOf(':') + 1).trim();

export class DiagnosticsPanel {
  constructor() {
    this.open = new Set();
    this.element = h('div', { class: 'cards' });
  }

  show(statuses) {
    if (!statuses.length) {
      this.element.replaceChildren(
        h('p', { class: 'hint' }, 'No diagnostics of this camera yet.'),
      );
      return;
    }
    this.element.replaceChildren(
      ...statuses.map((status) => {
        const name = shortName(status);
        return h(
          'details',
          {
            class: `card ${LEVELS[status.level] ?? 'stale'}`,
            open: this.open.has(name) || undefined,
            ontoggle: (event) => this.open[event.target.open ? 'add' : 'delete'](name),
          },
          h(
            'summary',
            {},
            h('span', { class: 'dot' }),
            h('strong', {}, name),
            h('span', { class: 'message' }, status.message),
          ),
          table(status.values),
        );
      }),
    );
  }
}

function table(rows) {
  return h(
    'table',
    { class: 'values' },
    h(
      'tbody',
      {},
      rows.map(([key, value]) => h('tr', {}, h('th', { scope: 'row' }, key), h('td', {}, value))),
    ),
  );
}

export class TopicsPanel {
  constructor(app) {
    this.app = app;
    this.body = h('tbody');
    this.sum = h('p', { class: 'hint' });
    this.element = h(
      'div',
      {},
      h(
        'table',
        { class: 'topics' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...['Topic', 'Hz', 'MB/s', 'Age ms', 'Lost'].map((name) => h('th', {}, name)),
          ),
        ),
        this.body,
      ),
      this.sum,
    );
    this.last = {};
  }

  show(statistics, received, seconds) {
    const rows = Object.entries(statistics).sort(([a], [b]) => (a < b ? -1 : 1));
    let shown = 0;
    this.body.replaceChildren(
      ...rows.map(([topic, s]) => {
        const hz = ((received[topic] ?? 0) - (this.last[topic] ?? 0)) / seconds;
        if (s.hz > 15 && hz < 0.7 * s.hz && s.hz < 100) shown += 1;
        return h(
          'tr',
          {},
          h('th', { scope: 'row', title: topic }, topic),
          h('td', {}, s.hz ? s.hz.toFixed(s.hz < 10 ? 1 : 0) : '–'),
          h('td', {}, (s.bytes_per_s / 1e6).toFixed(2)),
          h('td', {}, s.age_ms === null ? '–' : s.age_ms.toFixed(0)),
          h('td', { class: s.lost ? 'bad' : '' }, s.lost),
        );
      }),
    );
    this.last = { ...received };
    this.sum.textContent = `What this page is shown now. ${
      shown
        ? `The page shows fewer images of ${
            shown
          } of them than arrive: this computer or the link is slower. `
        : ''
    }${
      this.app.connection.compressed ? 'Depth and infrared come compressed, without loss. ' : ''
    }Lost: gaps in the stamps.`;
    return shown;
  }
}

export class DevicePanel {
  constructor(app) {
    this.app = app;
    this.element = h('div');
  }

  show(statuses) {
    const { camera } = this.app;
    const info = statuses.find((status) => shortName(status) === 'camera');
    const { cloud } = this.app.panes;
    const rows = [
      ['namespace', camera?.namespace || '/'],
      ['driver', camera?.driver || 'none'],
    ];
    rows.push(...(info?.values ?? []));
    for (const [name, label] of [
      ['depth', 'depth camera'],
      ['color', 'color camera'],
    ]) {
      const lens = cloud.infos[name];
      if (!lens) continue;
      rows.push(
        [`${label}: size`, `${lens.width} × ${lens.height}`],
        [`${label}: fx, fy (px)`, `${lens.k[0].toFixed(2)}, ${lens.k[1].toFixed(2)}`],
        [`${label}: cx, cy (px)`, `${lens.k[2].toFixed(2)}, ${lens.k[3].toFixed(2)}`],
        [`${label}: model`, lens.model],
        [`${label}: frame`, lens.frame],
      );
    }
    this.element.replaceChildren(table(rows), this.services(camera));
  }

  services(camera) {
    const names = { start: 'Start streams', stop: 'Stop streams', reconnect: 'Reconnect' };
    return h(
      'div',
      { class: 'actions' },
      Object.entries(names)
        .filter(([name]) => camera?.services.includes(name))
        .map(([name, label]) =>
          h(
            'button',
            { type: 'button', class: 'button', onclick: () => this.app.service(name) },
            label,
          ),
        ),
    );
  }
}

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

// The page: panes, panels, and the camera that they show.

import { readDiagnostics, readCompressedImage } from './cdr.js';
import { CloudPane } from './cloud.js';
import { Connection } from './connection.js';
import { h, remember, remembered, select, setOptions } from './dom.js';
import { Frames } from './frames.js';
import { ColorPane, DepthPane, InfraredPane, toPicture } from './images.js';
import { ImuPane } from './imu.js';
import { Layout } from './layout.js';
import { DevicePanel, DiagnosticsPanel, shortName, statusesOf, TopicsPanel } from './panels.js';
import { ParametersPanel } from './parameters.js';
import { PlaybackBar, RecordButton, report } from './playback.js';

const PANELS = [
  ['parameters', 'Parameters'],
  ['diagnostics', 'Diagnostics'],
  ['topics', 'Topics'],
  ['device', 'Device'],
];
const LEVELS = ['ok', 'warning', 'error', 'stale'];
const QUALITY = [
  ['auto', 'Auto resolution'],
  ['1', 'Full resolution'],
  ['2', 'Half resolution'],
  ['4', 'Quarter resolution'],
];
/** Seconds for which images are fewer than they could be, until smaller ones are asked for. */
const SLOW_S = 3;

class App {
  constructor(root) {
    this.root = root;
    this.connection = new Connection();
    this.frames = new Frames();
    this.cameras = [];
    this.camera = null;
    this.statuses = new Map();
    this.parameterValues = {};
    this.parameters = [];
    this.slow = 0;
    this.layout = new Layout(this);
    this.panes = {};
    for (const pane of [
      new DepthPane(this),
      new InfraredPane(this),
      new ColorPane(this),
      new ImuPane(this),
      new CloudPane(this),
    ])
      this.panes[pane.id] = pane;
    this.parametersPanel = new ParametersPanel(this);
    this.panels = {
      parameters: this.parametersPanel,
      diagnostics: new DiagnosticsPanel(),
      topics: new TopicsPanel(this),
      device: new DevicePanel(this),
    };
    this.playback = new PlaybackBar(this);
    this.record = new RecordButton(this);
    this.common = this.connection.feed();
    this.build();
    this.listen();
    this.colorsChanged = () => this.panes.cloud.colorsChanged(this.panes.depth.mapName());
    this.colorsChanged();
    this.showPanel(remembered('panel', 'parameters'));
    this.layout.apply();
    this.showState();
  }

  build() {
    this.chooser = select([], '', (namespace) => this.choose(namespace), 'Camera');
    this.chooser.id = 'camera';
    this.state = h('button', {
      type: 'button',
      class: 'state',
      id: 'state',
      title: 'Show diagnostics',
      onclick: () => {
        this.layout.side = true;
        this.layout.tab = 'side';
        this.showPanel('diagnostics');
        this.layout.apply();
      },
    });
    this.quality = select(
      QUALITY,
      remembered('quality', 'auto'),
      (value) => {
        remember('quality', value);
        this.slow = 0;
        this.connection.setFactor(value === 'auto' ? 1 : Number(value));
      },
      'Resolution of depth and infrared',
    );
    if (this.quality.value !== 'auto') this.connection.setFactor(Number(this.quality.value));
    const { layout } = this;
    const top = h(
      'header',
      { class: 'top' },
      h('div', { class: 'brand' }, 'k4a', h('span', {}, 'view')),
      this.chooser,
      this.state,
      h('div', { class: 'spacer' }),
      this.record.element,
      layout.buttons,
      h('label', { class: 'quality' }, this.quality),
      layout.themeButton,
      layout.helpButton,
      layout.sideButton,
    );
    this.tabButtons = h(
      'div',
      { class: 'panel-tabs', role: 'tablist' },
      PANELS.map(([name, label]) =>
        h(
          'button',
          {
            type: 'button',
            role: 'tab',
            data: { panel: name },
            onclick: () => this.showPanel(name),
          },
          label,
        ),
      ),
    );
    this.side = h(
      'aside',
      {},
      this.tabButtons,
      ...PANELS.map(([name]) =>
        h(
          'div',
          {
            class: 'panel',
            id: `panel-${name}`,
            role: 'tabpanel',
          },
          this.panels[name].element,
        ),
      ),
    );
    const main = h('main', {}, ...Object.values(this.panes).map((pane) => pane.element));
    this.nothing = h(
      'div',
      { class: 'nothing' },
      h('h2', {}, 'No camera yet'),
      h('p', {}, 'Start a driver in the same ROS domain, and it appears here by itself:'),
      h('pre', {}, 'k4a_driver --ros-args -p camera:=simulated'),
    );
    main.append(this.nothing);
    this.root.append(top, main, this.side, this.playback.element, layout.tabs);
    document.body.append(layout.help);
  }

  listen() {
    const { connection } = this;
    connection.addEventListener('state', () => this.showState());
    connection.addEventListener('graph', ({ detail }) => this.showGraph(detail));
    connection.addEventListener('statistics', ({ detail }) => this.showStatistics(detail.topics));
    this.common.set({
      '/diagnostics': (bytes) => this.receiveDiagnostics(bytes),
      '/tf_static': (bytes) => {
        this.frames.receive(bytes);
        this.panes.cloud.invalidate();
      },
    });
  }

  showGraph({ cameras }) {
    this.cameras = cameras;
    const wish = this.camera?.namespace ?? remembered('camera', '');
    const found =
      cameras.find((camera) => camera.namespace === wish) ??
      (this.camera ? null : cameras[0]) ??
      cameras[0] ??
      null;
    setOptions(
      this.chooser,
      cameras.map((c) => [c.namespace, c.driver || c.namespace || 'topics without a driver']),
      found?.namespace ?? '',
    );
    this.chooser.hidden = !cameras.length;
    this.setCamera(found);
  }

  choose(namespace) {
    remember('camera', namespace);
    this.setCamera(this.cameras.find((camera) => camera.namespace === namespace) ?? null);
  }

  setCamera(camera) {
    const before = this.camera;
    this.camera = camera;
    this.nothing.hidden = Boolean(camera);
    for (const pane of Object.values(this.panes)) pane.refresh();
    this.playback.refresh();
    this.record.refresh();
    const key = (c) => c && [c.namespace, c.driver].join();
    if (key(before) !== key(camera)) this.parametersPanel.load();
    this.showState();
  }

  setParameters(parameters) {
    this.parameters = parameters;
    this.parameterValues = {};
    this.setValues(Object.fromEntries(parameters.map(({ name, value }) => [name, value])));
  }

  setValues(values) {
    Object.assign(this.parameterValues, values);
    this.playback.showValues(this.parameterValues);
    this.panes.cloud.invalidate();
  }

  /** Return device, recording or simulated; '' if unknown. */
  cameraKind() {
    const { camera, recording_file: file } = this.parameterValues;
    if (camera !== 'auto') return camera ?? '';
    return file ? 'recording' : 'device';
  }

  receiveDiagnostics(bytes) {
    const { statuses } = readDiagnostics(bytes);
    for (const status of statuses) {
      this.statuses.set(status.name, status);
      if (this.statuses.size > 500) this.statuses.delete(this.statuses.keys().next().value);
    }
    this.diagnosticsAt = performance.now();
    const own = statusesOf(this.statuses, this.camera);
    this.playback.showStatus(own);
    this.record.showStatus(own);
    if (this.panel === 'diagnostics') this.panels.diagnostics.show(own);
    if (this.panel === 'device') this.panels.device.show(own);
    this.showState();
  }

  /** Show the connection, or the worst status of the camera. */
  showState() {
    let level = 'ok';
    let text;
    const own = statusesOf(this.statuses, this.camera);
    const worst = own[0];
    if (!this.connection.connected) [level, text] = ['error', 'k4a_view is not reachable'];
    else if (!this.camera) [level, text] = ['stale', 'waiting for a camera'];
    else if (!this.camera.driver) [level, text] = ['ok', 'topics without a driver'];
    else if (!worst) [level, text] = ['stale', 'no diagnostics yet'];
    else if (worst.level) [level, text] = [LEVELS[worst.level], worst.message];
    else text = own.find((status) => shortName(status) === 'camera')?.message ?? 'streaming';
    this.state.className = `state ${level}`;
    this.state.replaceChildren(h('span', { class: 'dot' }), h('span', { class: 'text' }, text));
    this.state.title = `${text} – show diagnostics`;
    document.title = this.camera
      ? `${this.camera.driver || this.camera.namespace} – k4a_view`
      : 'k4a_view';
  }

  showStatistics(statistics) {
    const now = performance.now();
    const seconds = (now - (this.statisticsAt ?? now - 1000)) / 1000;
    this.statisticsAt = now;
    for (const pane of Object.values(this.panes)) if (pane.visible) pane.showRate(statistics);
    const slow = this.panels.topics.show(statistics, this.connection.received, seconds);
    this.adapt(slow);
  }

  /** Ask for compressed images, then for smaller ones, while fewer are shown than arrive. */
  adapt(slow) {
    if (document.hidden) return;
    const { connection } = this;
    this.slow = slow ? this.slow + 1 : Math.max(0, this.slow - 0.05);
    if (this.slow < SLOW_S) return;
    this.slow = 0;
    if (!connection.compress) connection.setCompress();
    else if (this.quality.value === 'auto' && connection.factor < 4) {
      connection.setFactor(connection.factor * 2);
    }
  }

  showPanel(name) {
    this.panel = PANELS.some(([panel]) => panel === name) ? name : 'parameters';
    remember('panel', this.panel);
    for (const button of this.tabButtons.children) {
      button.setAttribute('aria-selected', button.dataset.panel === this.panel);
    }
    for (const panel of this.side.querySelectorAll('.panel')) {
      panel.hidden = panel.id !== `panel-${this.panel}`;
    }
    const own = statusesOf(this.statuses, this.camera);
    if (this.panel === 'diagnostics') this.panels.diagnostics.show(own);
    if (this.panel === 'device') this.panels.device.show(own);
  }

  /** Return the topic that the cloud takes its color from, '' if there is none. */
  colorTopic() {
    const prefix = `${this.camera?.namespace ?? ''}/`;
    return (
      ['rgb/image_raw/compressed', 'rgb/image_raw']
        .map((name) => prefix + name)
        .find((topic) => this.camera?.topics[topic]) ?? ''
    );
  }

  /** Return the picture of a message of color; decoded once for all panes. */
  colorPicture(topic, bytes) {
    if (this.decoded?.bytes !== bytes) {
      const old = this.decoded?.picture;
      this.decoded = { bytes, picture: toPicture(this.connection.types[topic], bytes) };
      old?.then(
        (picture) => setTimeout(() => picture?.close(), 1000),
        () => {},
      );
      if (this.connection.types[topic].endsWith('CompressedImage')) {
        this.noteStamp(readCompressedImage(bytes).stamp);
      }
    }
    return this.decoded.picture;
  }

  noteStamp(stamp) {
    this.playback.showStamp(stamp);
  }

  /** Call a service of the driver, and tell what it answers if it refuses. */
  async service(name, more = {}, always = true) {
    try {
      report(
        name,
        await this.connection.call('service', {
          node: this.camera.driver,
          name,
          ...more,
        }),
        always,
      );
    } catch (error) {
      report(name, { successful: false, reason: error.message });
    }
  }

  themeChanged() {
    this.panes.cloud.invalidate();
    if (this.panes.imu.visible) this.panes.imu.draw();
  }
}

window.app = new App(document.getElementById('page'));

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

// Which panes are where: layouts, one enlarged pane, tabs of a phone, the side panel, themes, keys.

import { h, icon, iconButton, remember, remembered } from './dom.js';

const LAYOUTS = {
  overview: {
    label: 'Overview',
    icon: 'overview',
    panes: ['cloud', 'color', 'depth', 'ir', 'imu'],
  },
  cloud: { label: 'Point cloud', icon: 'cube', panes: ['cloud'] },
  images: { label: 'Images', icon: 'grid', panes: ['color', 'depth', 'ir', 'imu'] },
  motion: { label: 'Motion', icon: 'wave', panes: ['imu', 'color'] },
};
const TABS = [
  ['cloud', '3D'],
  ['color', 'Color'],
  ['depth', 'Depth'],
  ['ir', 'IR'],
  ['imu', 'Motion'],
  ['side', 'Camera'],
];
const NARROW = window.matchMedia('(max-width: 760px)');
const KEYS = [
  ['1 – 4', 'layouts: overview, point cloud, images, motion'],
  ['E', 'enlarge the pane under the pointer, and back'],
  ['P', 'show or hide the panel of the camera'],
  ['S', 'save a picture of the pane under the pointer'],
  ['/', 'search parameters'],
  ['Space', 'pause or resume a recording'],
  ['.', 'play its next capture'],
  ['← ↑ → ↓', 'turn the cloud; with Shift in small steps'],
  ['+  −', 'zoom'],
  ['Home', 'reset the view; so does a double click'],
  ['R', 'start or stop recording the camera'],
  ['T', 'light or dark'],
  ['?', 'these keys'],
];
const MOUSE = [
  ['drag', 'turn'],
  ['right button', 'move; so does Shift'],
  ['wheel', 'zoom'],
  ['touch', 'one finger turns, two move and zoom'],
];

export class Layout {
  constructor(app) {
    this.app = app;
    this.name = remembered('layout', 'overview');
    if (!LAYOUTS[this.name]) this.name = 'overview';
    this.side = remembered('side', window.innerWidth > 1100);
    this.tab = 'cloud';
    this.expanded = '';
    this.current = 'cloud';
    this.buttons = h(
      'div',
      { class: 'segments layouts', role: 'group', 'aria-label': 'Layout' },
      Object.entries(LAYOUTS).map(([name, { label, icon: picture }], i) =>
        h(
          'button',
          {
            type: 'button',
            title: `${label} (${i + 1})`,
            'aria-label': label,
            data: { layout: name },
            onclick: () => this.choose(name),
          },
          icon(picture),
        ),
      ),
    );
    this.sideButton = iconButton('panel', 'Panel of the camera (P)', () => this.toggleSide());
    this.themeButton = iconButton('moon', 'Light or dark (T)', () => this.toggleTheme());
    this.helpButton = iconButton('help', 'Keys (?)', () => this.help.showModal());
    this.tabs = h(
      'nav',
      { class: 'tabs', 'aria-label': 'Panes' },
      TABS.map(([name, label]) =>
        h(
          'button',
          {
            type: 'button',
            data: { tab: name },
            onclick: () => {
              this.tab = name;
              this.apply();
            },
          },
          label,
        ),
      ),
    );
    this.help = this.makeHelp();
    this.setTheme(
      remembered(
        'theme',
        window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark',
      ),
    );
    NARROW.addEventListener('change', () => this.apply());
    document.addEventListener('keydown', (event) => this.key(event));
  }

  makeHelp() {
    const rows = (list) =>
      h(
        'dl',
        {},
        list.flatMap(([key, text]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, text)]),
      );
    const dialog = h(
      'dialog',
      {
        class: 'help',
        'aria-label': 'Keys',
        onclick: (event) => {
          if (event.target === dialog) dialog.close();
        },
      },
      h(
        'header',
        {},
        h('h2', {}, 'Keys'),
        iconButton('close', 'Close', () => dialog.close()),
      ),
      rows(KEYS),
      h('h3', {}, 'Point cloud'),
      rows(MOUSE),
    );
    return dialog;
  }

  choose(name) {
    this.name = name;
    this.expanded = '';
    remember('layout', name);
    this.apply();
  }

  toggleSide() {
    this.side = !this.side;
    remember('side', this.side);
    this.apply();
  }

  toggleExpanded(id) {
    this.expanded = this.expanded === id ? '' : id;
    this.apply();
  }

  setTheme(theme) {
    this.theme = theme;
    document.documentElement.dataset.theme = theme;
    this.themeButton.replaceChildren(icon(theme === 'dark' ? 'sun' : 'moon'));
  }

  toggleTheme() {
    this.setTheme(this.theme === 'dark' ? 'light' : 'dark');
    remember('theme', this.theme);
    this.app.themeChanged();
  }

  /** Show what is chosen; panes that cannot be seen ask for nothing. */
  apply() {
    const narrow = NARROW.matches;
    const side = narrow ? this.tab === 'side' : this.side;
    let panes = LAYOUTS[this.name].panes;
    if (narrow) panes = this.tab === 'side' ? [] : [this.tab];
    else if (this.expanded) panes = [this.expanded];
    const { root } = this.app;
    root.dataset.layout = narrow || this.expanded ? 'single' : this.name;
    root.dataset.side = side;
    for (const button of this.buttons.children) {
      button.setAttribute('aria-pressed', button.dataset.layout === this.name);
    }
    for (const button of this.tabs.children) {
      button.setAttribute('aria-pressed', button.dataset.tab === this.tab);
    }
    this.sideButton.setAttribute('aria-pressed', side);
    for (const [id, pane] of Object.entries(this.app.panes)) {
      pane.element.hidden = !panes.includes(id);
      if (pane.visible !== panes.includes(id)) pane.setVisible(panes.includes(id));
    }
  }

  key(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    if (target.matches('input:not([type=range], [type=checkbox]), textarea, select')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    if (target.matches('input[type=range]') && event.key.startsWith('Arrow')) return;
    const { app } = this;
    const actions = {
      e: () => this.toggleExpanded(this.expanded || this.current),
      p: () => this.toggleSide(),
      s: () => app.panes[this.current].savePicture(),
      t: () => this.toggleTheme(),
      r: () => app.record.toggle(),
      '?': () => this.help.showModal(),
      '.': () => app.playback.next(),
      Escape: () => {
        this.expanded = '';
        this.apply();
      },
      '/': () => {
        this.side = true;
        app.showPanel('parameters');
        this.apply();
        app.parametersPanel.search.focus();
      },
    };
    if (!target.matches('button, summary, [type=checkbox]')) {
      actions[' '] = () => app.playback.toggle();
    }
    const layout = Object.keys(LAYOUTS)[Number(event.key) - 1];
    const action = layout
      ? () => this.choose(layout)
      : actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action) action();
    else if (!app.panes.cloud.visible || !app.panes.cloud.orbit.key(event)) return;
    event.preventDefault();
  }
}

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

// A pane: a title, its tools, and what it shows.

import { h, iconButton, savePicture } from './dom.js';

export class Pane {
  /**
   * @param {object} app the page
   * @param {string} id its name in layouts
   * @param {string} title
   */
  constructor(app, id, title) {
    this.app = app;
    this.id = id;
    this.feed = app.connection.feed();
    this.visible = false;
    this.meta = h('span', { class: 'meta' });
    this.tools = h('div', { class: 'tools' });
    this.body = h('div', { class: 'pane-body' });
    this.empty = h('div', { class: 'empty' });
    this.expand = iconButton('expand', 'Enlarge (E)', () => app.layout.toggleExpanded(id));
    this.save = iconButton('save', 'Save a picture (S)', () => this.savePicture());
    this.element = h(
      'section',
      {
        class: 'pane',
        id: `pane-${id}`,
        tabIndex: -1,
        onpointerenter: () => {
          app.layout.current = id;
        },
      },
      h('header', {}, h('h2', {}, title), this.meta, this.tools, this.save, this.expand),
      this.body,
    );
    this.body.append(this.empty);
    this.say('Waiting for images');
  }

  /** Show a sentence instead of content; '' for none. */
  say(text) {
    this.empty.textContent = text;
    this.empty.hidden = !text;
  }

  /** Show rate and size; the size only where there is room. */
  tell(rate = '', size = '') {
    const key = `${rate}|${size}`;
    if (key === this.told) return;
    this.told = key;
    this.meta.replaceChildren(
      rate,
      h('span', { class: 'size' }, size && rate ? `  ·  ${size}` : size),
    );
  }

  setVisible(visible) {
    this.visible = visible;
    this.refresh();
  }

  /** Ask for what is shown, after a change of camera or visibility. */
  refresh() {
    this.feed.set(this.visible ? this.topics() : {});
  }

  /** Return the handlers of topics that are shown. */
  topics() {
    return {};
  }

  /** Draw everything in the pane onto one canvas. */
  picture() {
    return this.canvas;
  }

  savePicture() {
    const canvas = this.picture();
    if (canvas) savePicture(canvas, this.id);
  }
}

/** Return a button that opens a small form beside it. */
export function popover(name, title, ...content) {
  const box = h('div', { class: 'popover', hidden: true }, ...content);
  const close = (event) => {
    if (box.contains(event.target) || holder.contains(event.target)) return;
    box.hidden = true;
    document.removeEventListener('pointerdown', close, true);
  };
  const button = iconButton(name, title, () => {
    box.hidden = !box.hidden;
    if (!box.hidden) document.addEventListener('pointerdown', close, true);
  });
  const holder = h('div', { class: 'popover-holder' }, button, box);
  return holder;
}

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

// The list of parameters: each is a control that sets it, and shows what the driver answered.

import { h } from './dom.js';

const SLIDER_STEPS = 20000;
const SEND_MS = 120;
const NOTES = {
  restart: '',
  'restarts the streams': 'restarts the streams',
  fixed: 'fixed while the camera is open',
  'fixed at startup': 'fixed at startup',
};

export class ParametersPanel {
  constructor(app) {
    this.app = app;
    this.rows = new Map();
    this.search = h('input', {
      type: 'search',
      placeholder: 'Search parameters',
      'aria-label': 'Search parameters',
      oninput: () => this.filter(),
    });
    this.list = h('div', { class: 'groups' });
    this.message = h('p', { class: 'hint' });
    this.element = h('div', {}, this.search, this.message, this.list);
    app.connection.addEventListener('changed', ({ detail }) => {
      if (detail.node === app.camera?.driver) this.update();
    });
  }

  /** Load the parameters of the camera that is shown. */
  async load() {
    const node = this.app.camera?.driver ?? '';
    this.node = node;
    this.attempt = (this.attempt ?? 0) + 1;
    const { attempt } = this;
    this.rows.clear();
    this.list.replaceChildren();
    this.app.setParameters([]);
    this.search.hidden = !node;
    if (!node) {
      this.message.textContent = this.app.camera
        ? 'No driver: these topics come from a bag, or from a driver without parameters.'
        : '';
      return;
    }
    this.message.textContent = 'Asking the driver …';
    try {
      const parameters = await this.app.connection.call('parameters', { node });
      if (this.attempt !== attempt) return;
      this.message.textContent = '';
      this.app.setParameters(parameters);
      this.build(parameters);
    } catch (error) {
      if (this.attempt !== attempt) return;
      this.message.replaceChildren(
        `${error.message} `,
        h(
          'button',
          {
            type: 'button',
            class: 'link',
            onclick: () => this.load(),
          },
          'Ask again',
        ),
      );
    }
  }

  build(parameters) {
    const kind = this.app.cameraKind();
    const groups = new Map();
    for (const parameter of parameters) {
      if (parameter.cameras.length && kind && !parameter.cameras.includes(kind)) continue;
      if (!groups.has(parameter.group)) groups.set(parameter.group, []);
      groups.get(parameter.group).push(parameter);
    }
    const order = [
      'Color camera controls',
      'Camera modes',
      'Published topics',
      'Depth filters',
      'Body tracking',
    ];
    const rank = (name) => order.indexOf(name) + 1 || order.length + 1;
    this.list.replaceChildren(
      ...[...groups]
        .sort(([a], [b]) => rank(a) - rank(b))
        .map(([name, members], i) =>
          h(
            'details',
            { class: 'group', open: i === 0 },
            h('summary', {}, name, h('span', { class: 'count' }, members.length)),
            ...members.map((parameter) => this.row(parameter)),
          ),
        ),
    );
    this.filter();
  }

  row(parameter) {
    const row = new Row(parameter, (value) =>
      this.app.connection.call('set', {
        node: this.node,
        name: parameter.name,
        value,
      }),
    );
    this.rows.set(parameter.name, row);
    return row.element;
  }

  /** Show values that have changed. */
  async update() {
    if (this.updating) {
      this.again = true;
      return;
    }
    this.updating = true;
    try {
      const values = await this.app.connection.call('values', { node: this.node });
      for (const [name, value] of Object.entries(values)) this.rows.get(name)?.show(value);
      this.app.setValues(values);
    } catch {
      /* the driver has gone; the graph will say so */
    }
    this.updating = false;
    if (this.again) {
      this.again = false;
      this.update();
    }
  }

  filter() {
    const text = this.search.value.trim().toLowerCase();
    for (const group of this.list.children) {
      let found = 0;
      for (const element of group.querySelectorAll('.parameter')) {
        element.hidden = Boolean(text) && !element.textContent.toLowerCase().includes(text);
        found += !element.hidden;
      }
      group.hidden = !found;
      if (text) group.open = true;
    }
  }
}

class Row {
  constructor(parameter, send) {
    this.parameter = parameter;
    this.send = send;
    this.answer = h('p', { class: 'answer', role: 'status', hidden: true });
    this.control = this.makeControl();
    const note = parameter.read_only ? 'read-only' : (NOTES[parameter.change] ?? '');
    this.element = h(
      'div',
      { class: 'parameter', id: `parameter-${parameter.name}` },
      h(
        'div',
        { class: 'line' },
        h('span', { class: 'name', title: parameter.note }, parameter.name),
        this.control,
      ),
      this.slider,
      h(
        'p',
        { class: 'description', onclick: (event) => event.target.classList.toggle('whole') },
        parameter.description,
        note ? h('em', {}, ` ${note}`) : null,
      ),
      this.answer,
    );
    this.show(parameter.value);
  }

  makeControl() {
    const { kind, choices, name, read_only: disabled, minimum, maximum } = this.parameter;
    const common = { disabled, 'aria-label': name };
    if (kind === 'bool') {
      this.input = h('input', {
        type: 'checkbox',
        class: 'switch',
        role: 'switch',
        ...common,
        onchange: () => this.set(this.input.checked),
      });
      return this.input;
    }
    if (choices.length) {
      this.input = h(
        'select',
        {
          ...common,
          onchange: () => this.set(kind === 'int' ? Number(this.input.value) : this.input.value),
        },
        choices.map((choice) => h('option', { value: choice }, choice)),
      );
      return this.input;
    }
    if (kind === 'string') {
      this.input = h('input', {
        type: 'text',
        ...common,
        spellcheck: false,
        onchange: () => this.set(this.input.value),
      });
      return this.input;
    }
    const step = this.parameter.step || (kind === 'int' ? 1 : null);
    this.input = h('input', {
      type: 'number',
      ...common,
      step: step ?? 'any',
      min: minimum,
      max: maximum,
      onchange: () => this.input.value !== '' && this.set(Number(this.input.value)),
    });
    if (
      minimum !== null &&
      !disabled &&
      (kind === 'float' || (maximum - minimum) / step <= SLIDER_STEPS)
    ) {
      this.slider = h('input', {
        type: 'range',
        min: minimum,
        max: maximum,
        step: step ?? niceStep(maximum - minimum),
        'aria-label': name,
        oninput: () => this.slide(this.parameter.change === 'live'),
        onchange: () => this.slide(true),
      });
    }
    return h(
      'span',
      { class: 'number' },
      this.input,
      h('span', { class: 'unit' }, this.parameter.unit),
    );
  }

  /** Follow the slider; live parameters are set while it moves. */
  slide(send) {
    this.input.value = this.slider.value;
    if (!send) return;
    this.next = Number(this.slider.value);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.set(this.next);
    }, SEND_MS);
  }

  show(value) {
    this.value = value;
    if (this.busy || (document.activeElement === this.input && this.input.type !== 'checkbox'))
      return;
    if (this.parameter.kind === 'bool') this.input.checked = value;
    else this.input.value = typeof value === 'number' ? Number(value.toPrecision(10)) : value;
    if (this.slider && document.activeElement !== this.slider) this.slider.value = value;
    else if (this.slider && !this.timer) this.slider.value = value;
  }

  /** Set the parameter, one request at a time, and show the answer. */
  async set(value) {
    if (this.busy) {
      this.following = { value };
      return;
    }
    this.busy = true;
    this.say('setting …', '');
    try {
      const { successful, reason, value: now } = await this.send(value);
      this.busy = false;
      this.input.blur();
      this.show(now);
      if (successful) {
        const adjusted = now !== value ? `; the camera made it ${now}` : '';
        this.say(`applied${adjusted}${reason ? `: ${reason}` : ''}`, 'good');
      } else {
        this.say(reason || 'refused', 'bad');
      }
    } catch (error) {
      this.busy = false;
      this.show(this.value);
      this.say(error.message, 'bad');
    }
    if (this.following) {
      const { value: next } = this.following;
      this.following = null;
      this.set(next);
    }
  }

  say(text, kind) {
    clearTimeout(this.fade);
    this.answer.textContent = text;
    this.answer.className = `answer ${kind}`;
    this.answer.hidden = false;
    if (kind === 'good')
      this.fade = setTimeout(() => {
        this.answer.hidden = true;
      }, 4000);
  }
}

function niceStep(span) {
  return 10 ** Math.floor(Math.log10(span / 200));
}

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

// Elements, icons and small helpers. Texts from the network are only ever set as text.

/** Return an element with properties, listeners (onclick, ...) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const PATHS = {
  camera: 'M4 7h3l2-2h6l2 2h3v12H4zM12 16a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z',
  close: 'M6 6l12 12M18 6L6 18',
  expand: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  help: 'M9.5 9a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1 1-1.1 1.9M12 17v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  home: 'M4 11l8-7 8 7M6.5 9.5V20h11V9.5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  panel: 'M4 5h16v14H4zM15 5v14',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7z',
  save: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  sliders: 'M5 7h8M17 7h2M15 5v4M5 12h2M11 12h8M9 10v4M5 17h9M18 17h1M16 15v4',
  step: 'M6 5l9 7-9 7zM18 5v14',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M4.6 4.6L6 6M18 18l1.4 1.4M2.5 12h2M19.5 12h2M4.6 19.4L6 18M18 6l1.4-1.4',
  overview: 'M4 5h16v14H4zM14 5v14M14 12h6',
  grid: 'M4 5h16v14H4zM12 5v14M4 12h16',
  cube: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  wave: 'M3 12h4l2.5-7 5 14 2.5-7h4',
};

/** Return an icon as an SVG element. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** Return a button with an icon, and a title that says what it does. */
export function iconButton(name, title, onclick, properties = {}) {
  return h(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      title,
      'aria-label': title,
      onclick,
      ...properties,
    },
    icon(name),
  );
}

/** Return a select with options: [value, label], ... */
export function select(options, value, onchange, title) {
  const element = h('select', {
    title,
    'aria-label': title,
    onchange: () => onchange(element.value),
  });
  setOptions(element, options, value);
  return element;
}

/** Replace the options of a select, if they differ. */
export function setOptions(element, options, value) {
  const key = JSON.stringify(options);
  if (element.dataset.options !== key) {
    element.dataset.options = key;
    element.replaceChildren(...options.map(([v, label]) => h('option', { value: v }, label)));
  }
  element.value = value;
}

/** Save a canvas as a file of the browser. */
export function savePicture(canvas, name) {
  canvas.toBlob((blob) => {
    const url = URL.createObjectURL(blob);
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
    h('a', { href: url, download: `${name}_${time}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
}

let toasts = null;

/** Show a sentence for some seconds. */
export function toast(text, bad = false) {
  toasts ??= document.body.appendChild(h('div', { class: 'toasts', role: 'status' }));
  const element = h('div', { class: bad ? 'toast bad' : 'toast' }, text);
  toasts.append(element);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => element.remove(), bad ? 9000 : 4000);
}

/** Return what is kept in this browser under a name. */
export function remembered(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`k4a_view.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keep a value in this browser. */
export function remember(name, value) {
  try {
    localStorage.setItem(`k4a_view.${name}`, JSON.stringify(value));
  } catch {
    /* private windows may have no storage */
  }
}

/** Resize a canvas to the pixels that it covers; return whether its size has changed. */
export function fitCanvas(canvas, limit = 2) {
  const ratio = Math.min(window.devicePixelRatio || 1, limit);
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

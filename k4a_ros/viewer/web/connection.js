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

// The WebSocket to the server: what is shown is asked for, and acknowledged when it is.

const RETRY_MS = 1000;
const CALL_MS = 20000;
const BUSY_MS = 50;
const MAX_REST_MS = 1000;

const sleep = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Wait until the screen is drawn; a hidden page does not draw. */
function shown() {
  return Promise.race([
    sleep(BUSY_MS * 4),
    new Promise((resolve) => {
      requestAnimationFrame(resolve);
    }),
  ]);
}

export class Connection extends EventTarget {
  constructor() {
    super();
    this.feeds = new Set();
    this.calls = new Map();
    this.factor = 1;
    this.compress = false;
    this.compressed = 0;
    this.decoding = new Map();
    this.types = {};
    this.lastId = 0;
    this.connected = false;
    this.received = {};
    document.addEventListener('visibilitychange', () => this.update());
    this.open();
  }

  open() {
    this.asked = '';
    this.socket = new WebSocket(`ws://${location.host}/ws`);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => {
      this.connected = true;
      this.update();
      this.dispatchEvent(new Event('state'));
    };
    this.socket.onclose = () => {
      this.connected = false;
      for (const call of this.calls.values()) call.reject(new Error('the connection was lost'));
      this.calls.clear();
      this.dispatchEvent(new Event('state'));
      setTimeout(() => this.open(), RETRY_MS);
    };
    this.socket.onmessage = (event) =>
      typeof event.data === 'string'
        ? this.onNote(JSON.parse(event.data))
        : this.onBinary(event.data);
  }

  /** Return a feed: set({topic: handler}) replaces what one part of the page is shown. */
  feed() {
    const feed = {
      handlers: {},
      set: (handlers) => {
        feed.handlers = handlers;
        this.update();
      },
    };
    this.feeds.add(feed);
    return feed;
  }

  /** Ask for every Nth row and column of images. */
  setFactor(factor) {
    this.factor = factor;
    this.update();
  }

  /** Ask for depth and infrared in RVL, for a slow link; it loses nothing. */
  setCompress() {
    this.compress = true;
    this.update();
  }

  /** Return a message as it was before it was compressed; a worker decodes it. */
  expand(bytes) {
    if (!this.decoder) {
      this.decoder = new Worker('decoder.js', { type: 'module' });
      this.decoder.onmessage = ({ data: { id, message, reason } }) => {
        const { resolve, reject } = this.decoding.get(id);
        this.decoding.delete(id);
        if (message) resolve(message);
        else reject(new Error(reason));
      };
    }
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.decoding.set(id, { resolve, reject });
      this.decoder.postMessage({ id, bytes }, [bytes.buffer]);
    });
  }

  /** Tell the server what is wanted now; nothing while the page is hidden. */
  update() {
    if (this.pending) return;
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      if (!this.connected) return;
      const topics = {};
      for (const feed of document.hidden ? [] : this.feeds) {
        for (const topic of Object.keys(feed.handlers)) {
          if (!this.types[topic]) continue;
          topics[topic] = this.types[topic] === 'sensor_msgs/msg/Image' ? this.factor : 1;
        }
      }
      const text = JSON.stringify({ op: 'want', topics, compress: this.compress });
      if (text === this.asked) return;
      this.asked = text;
      this.socket.send(text);
    });
  }

  /** Call the server; return a promise of the result, rejected with its reason. */
  call(method, args) {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      if (!this.connected) {
        reject(new Error('k4a_view is not reachable'));
        return;
      }
      this.calls.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ op: 'call', id, method, arguments: args }));
      setTimeout(() => {
        this.calls.delete(id);
        reject(new Error('k4a_view has not answered in time'));
      }, CALL_MS);
    });
  }

  answer(id, result, error) {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error !== undefined) call?.reject(new Error(error));
    else call?.resolve(result);
  }

  onNote(note) {
    if (note.op === 'answer') {
      this.answer(note.id, note.result, note.error);
      return;
    }
    if (note.op === 'graph') {
      this.types = { ...note.topics };
      for (const camera of note.cameras) Object.assign(this.types, camera.topics);
      this.update();
    }
    const name = note.op.startsWith('changed') ? 'changed' : note.op;
    this.dispatchEvent(new CustomEvent(name, { detail: note }));
  }

  async onBinary(buffer) {
    const prologue = new DataView(buffer);
    const length = prologue.getUint16(0, true);
    const factor = prologue.getUint8(2);
    const compressed = prologue.getUint8(3);
    const name = new TextDecoder()
      .decode(new Uint8Array(buffer, 4, length - 4))
      .replace(/\0+$/, '');
    let payload = new Uint8Array(buffer, length);
    if (name.startsWith('answer ')) {
      this.answer(Number(name.slice(7)), payload);
      return;
    }
    this.received[name] = (this.received[name] ?? 0) + 1;
    const { socket } = this;
    if (compressed) {
      this.compressed += 1;
      payload = await this.expand(payload).catch((error) => console.error(name, error));
    }
    const started = performance.now();
    const waiting = [];
    for (const feed of this.feeds) {
      if (!feed.handlers[name] || !payload) continue;
      try {
        waiting.push(feed.handlers[name](payload, factor));
      } catch (error) {
        console.error(name, error);
      }
    }
    await Promise.allSettled(waiting);
    await shown();
    // a computer without a graphics card draws for long: it rests as long, and stays responsive
    const took = performance.now() - started;
    if (took > BUSY_MS) await sleep(Math.min(took, MAX_REST_MS));
    if (socket === this.socket && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ op: 'ack', topic: name }));
    }
  }
}

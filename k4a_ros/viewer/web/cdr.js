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

// Readers of serialized ROS messages (CDR, little endian). Times are BigInt nanoseconds.

class Reader {
  /** @param {Uint8Array} bytes a message, with its encapsulation of four bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 4;
  }

  align(size) {
    this.at = 4 + Math.ceil((this.at - 4) / size) * size;
    this.at += size;
    return this.at - size;
  }

  u8() {
    return this.bytes[this.align(1)];
  }
  u32() {
    return this.view.getUint32(this.align(4), true);
  }
  i32() {
    return this.view.getInt32(this.align(4), true);
  }
  f32() {
    return this.view.getFloat32(this.align(4), true);
  }
  f64() {
    return this.view.getFloat64(this.align(8), true);
  }
  f64s(count) {
    return Array.from({ length: count }, () => this.f64());
  }

  string() {
    const length = this.u32();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at - 1));
  }

  data() {
    const length = this.u32();
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError('the message is not complete');
    return this.bytes.subarray(this.at - length, this.at);
  }

  sequence(read) {
    const length = this.u32();
    if (length > this.bytes.length) throw new RangeError('the message is not complete');
    return Array.from({ length }, () => read());
  }

  time() {
    return BigInt(this.i32()) * 1000000000n + BigInt(this.u32());
  }
  header() {
    return { stamp: this.time(), frame: this.string() };
  }
  vector() {
    return this.f64s(3);
  }
  quaternion() {
    return this.f64s(4);
  }
  color() {
    return [this.f32(), this.f32(), this.f32(), this.f32()];
  }
}

/** Read the fields before the pixels, where these begin, and their length. */
export function readImageHead(bytes) {
  const r = new Reader(bytes);
  const header = r.header();
  const height = r.u32();
  const width = r.u32();
  const encoding = r.string();
  const bigEndian = r.u8();
  const step = r.u32();
  const dataSize = r.u32();
  return { ...header, height, width, encoding, bigEndian, step, dataSize, dataAt: r.at };
}

export function readImage(bytes) {
  const { dataAt, dataSize, ...head } = readImageHead(bytes);
  if (dataAt + dataSize > bytes.length) throw new RangeError('the message is not complete');
  return { ...head, data: bytes.subarray(dataAt, dataAt + dataSize) };
}

export function readCompressedImage(bytes) {
  const r = new Reader(bytes);
  return { ...r.header(), format: r.string(), data: r.data() };
}

export function readCameraInfo(bytes) {
  const r = new Reader(bytes);
  const header = r.header();
  const height = r.u32();
  const width = r.u32();
  const model = r.string();
  const d = r.sequence(() => r.f64());
  const k = r.f64s(9);
  return { ...header, height, width, model, d, k: [k[0], k[4], k[2], k[5]] };
}

export function readTransforms(bytes) {
  const r = new Reader(bytes);
  return r.sequence(() => ({
    ...r.header(),
    child: r.string(),
    translation: r.vector(),
    rotation: r.quaternion(),
  }));
}

export function readTemperature(bytes) {
  const r = new Reader(bytes);
  return { ...r.header(), celsius: r.f64() };
}

export function readDiagnostics(bytes) {
  const r = new Reader(bytes);
  const header = r.header();
  const statuses = r.sequence(() => ({
    level: r.u8(),
    name: r.string(),
    message: r.string(),
    hardware: r.string(),
    values: r.sequence(() => [r.string(), r.string()]),
  }));
  return { ...header, statuses };
}

export function readMarkers(bytes) {
  const r = new Reader(bytes);
  return r.sequence(() => {
    const header = r.header();
    const namespace = r.string();
    const [id, type, action] = [r.i32(), r.i32(), r.i32()];
    const [position, orientation] = [r.vector(), r.quaternion()];
    const [scale, color] = [r.vector(), r.color()];
    r.time(); // lifetime
    r.u8(); // frame_locked
    const points = r.sequence(() => r.vector());
    const colors = r.sequence(() => r.color());
    r.string(); // texture_resource
    r.header();
    r.string(); // format
    r.data();
    r.sequence(() => r.f32() + r.f32());
    const text = r.string();
    r.string(); // mesh_resource
    skipMesh(r);
    return {
      ...header,
      namespace,
      id,
      type,
      action,
      position,
      orientation,
      scale,
      color,
      points,
      colors,
      text,
    };
  });
}

/** Skip mesh_file and mesh_use_embedded_materials, the last fields of a marker. */
function skipMesh(r) {
  r.string(); // filename
  r.data();
  r.u8();
}

/** Call with time (s), gyro and acceleration of each sample of a batch of the server. */
export function readImuBatch(bytes, each) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 56 <= bytes.byteLength; at += 56) {
    const time = view.getInt32(at, true) + view.getUint32(at + 4, true) * 1e-9;
    const values = [];
    for (let i = 0; i < 6; i++) values.push(view.getFloat64(at + 8 + 8 * i, true));
    each(time, values);
  }
}

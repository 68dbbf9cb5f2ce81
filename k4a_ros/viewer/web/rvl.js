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

// Images in RVL (Wilson, "Fast Lossless Depth Image Compression", 2017).

import { readImageHead } from './cdr.js';

/**
 * Decode the pixels of an image.
 *
 * They are runs of zeros and of other values, in turns. A pair of runs is the length of both, and
 * the difference of each value to the one before. Numbers are nibbles of three bits, the lowest
 * first; the fourth bit says that another one follows. Nibbles fill words from the top.
 *
 * @param {Uint32Array} words
 * @param {Uint16Array} values all 0; written
 * @throws {RangeError} the words are not an image of this size
 */
export function decode(words, values) {
  const nibbles = 8 * words.length;
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 3) {
      if (at >= nibbles || shift > 30) throw new RangeError('the image in RVL is not complete');
      const nibble = (words[at >> 3] >>> (28 - 4 * (at & 7))) & 15;
      at += 1;
      value |= (nibble & 7) << shift;
      if (nibble < 8) return value;
    }
  };
  let previous = 0;
  for (let i = 0; i < values.length;) {
    i += number();
    const end = i + number();
    if (i > values.length || end > values.length) {
      throw new RangeError('the image in RVL is too large');
    }
    for (; i < end; i++) {
      const code = number();
      previous = (previous + ((code >>> 1) ^ -(code & 1))) & 0xffff;
      values[i] = previous;
    }
  }
}

/**
 * Return a serialized image with its pixels as they were before they were compressed.
 *
 * @param {Uint8Array} bytes a message with RVL in place of the pixels
 */
export function expand(bytes) {
  const { dataAt, dataSize } = readImageHead(bytes);
  const values = new Uint16Array(dataSize / 2);
  const length = (bytes.length - dataAt) & ~3;
  decode(new Uint32Array(bytes.slice(dataAt, dataAt + length).buffer), values);
  const message = new Uint8Array(dataAt + dataSize);
  message.set(bytes.subarray(0, dataAt));
  message.set(new Uint8Array(values.buffer), dataAt);
  return message;
}

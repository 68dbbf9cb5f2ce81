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

// Color maps: 256 colors each.

/** Turbo: the polynomial approximation of A. Mikhailov and R. Paetzold (Google, Apache-2.0). */
function turbo(x) {
  const polynomial = (c) => c.reduceRight((sum, value) => sum * x + value, 0);
  return [
    polynomial([0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943]),
    polynomial([0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604]),
    polynomial([0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973]),
  ];
}

/** Viridis: a fit of degree 6 (M. Zucker, public domain). */
function viridis(x) {
  const c = [
    [0.277727, 0.005407, 0.3341],
    [0.105093, 1.404614, 1.38459],
    [-0.330862, 0.214848, 0.095095],
    [-4.63423, -5.799101, -19.332441],
    [6.22827, 14.179933, 56.690553],
    [4.776385, -13.745145, -65.353033],
    [-5.435456, 4.645853, 26.312435],
  ];
  return [0, 1, 2].map((i) => c.reduceRight((sum, value) => sum * x + value[i], 0));
}

const MAPS = {
  turbo: (x) => turbo(1 - x),
  viridis: (x) => viridis(1 - x),
  gray: (x) => [1 - x, 1 - x, 1 - x],
  white: (x) => [x, x, x],
};

export const MAP_NAMES = [
  ['turbo', 'Turbo'],
  ['viridis', 'Viridis'],
  ['gray', 'Gray'],
];

const tables = {};

/** Return the colors of a map, near first: 256 times R, G, B, A. */
export function colorTable(name) {
  tables[name] ??= Uint8Array.from({ length: 1024 }, (_, i) =>
    i % 4 === 3
      ? 255
      : Math.round(255 * Math.min(1, Math.max(0, MAPS[name]((i >> 2) / 255)[i % 4]))),
  );
  return tables[name];
}

/**
 * Return the color of each value from 0 to 65535, as pixels of ImageData.
 *
 * @param {number} gamma exponent of what is within the range
 * @param {boolean} zero whether 0 is a value; otherwise it is empty
 */
export function lookupTable(name, minimum, maximum, gamma, zero) {
  const colors = new Uint32Array(colorTable(name).buffer);
  const table = new Uint32Array(65536);
  const span = Math.max(1, maximum - minimum);
  for (let value = zero ? 0 : 1; value < 65536; value++) {
    const x = Math.min(1, Math.max(0, (value - minimum) / span));
    table[value] = colors[Math.round(255 * x ** gamma)];
  }
  return table;
}

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

// Draws the cloud, and lines and dots around it, with WebGL2.

import {
  CLOUD_FRAGMENT,
  CLOUD_VERTEX,
  DOT_FRAGMENT,
  DOT_VERTEX,
  LINE_FRAGMENT,
  LINE_VERTEX,
  OCCLUSION_FRAGMENT,
  OCCLUSION_VERTEX,
} from './shaders.js';

const [DEPTH, INFRARED, RAYS, PICTURE, COLORS, NEAREST] = [0, 1, 2, 3, 4, 5];
const SAMPLERS = ['depth', 'infrared', 'rays', 'picture', 'colors', 'nearest'];
/** Points are larger than their distance, so that surfaces have no holes. */
const OVERLAP = 1.4;
/** Width of the depth buffer of the color camera: about the resolution of the depth camera. */
const NEAREST_WIDTH = 640;
const LINE_FLOATS = 11;
const DOT_FLOATS = 8;

export class Renderer {
  /** @throws {Error} WebGL2 is not available */
  constructor(canvas) {
    const gl = canvas.getContext('webgl2', {
      antialias: false,
      alpha: false,
      preserveDrawingBuffer: true,
    });
    if (!gl) throw new Error('This browser has no WebGL2, which draws the cloud');
    this.gl = gl;
    this.cloud = program(gl, CLOUD_VERTEX, CLOUD_FRAGMENT);
    this.occlusion = program(gl, OCCLUSION_VERTEX, OCCLUSION_FRAGMENT);
    this.occlusionTarget = gl.createFramebuffer();
    this.line = program(gl, LINE_VERTEX, LINE_FRAGMENT);
    this.dot = program(gl, DOT_VERTEX, DOT_FRAGMENT);
    this.textures = Array.from({ length: 6 }, (_, unit) =>
      texture(gl, unit, unit === PICTURE || unit === COLORS ? gl.LINEAR : gl.NEAREST),
    );
    this.empty = gl.createVertexArray();
    this.lines = batch(gl, [3, 3, 4, 1], 1);
    this.bones = batch(gl, [3, 3, 4, 1], 1);
    this.dots = batch(gl, [3, 4, 1], 0);
    this.size = [0, 0];
    this.factor = 1;
    for (const unit of [DEPTH, INFRARED]) this.uploadValues(unit, 1, 1, new Uint16Array(1));
    this.uploadTable(new Uint8Array(1024));
    this.select(PICTURE);
    gl.texImage2D(
      gl.TEXTURE_2D,
      0,
      gl.RGBA,
      1,
      1,
      0,
      gl.RGBA,
      gl.UNSIGNED_BYTE,
      new Uint8Array([92, 97, 107, 255]),
    );
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  select(unit) {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.textures[unit]);
  }

  uploadValues(unit, width, height, values) {
    const { gl } = this;
    this.select(unit);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const wide = values instanceof Uint16Array ? values : Uint16Array.from(values);
    gl.texImage2D(
      gl.TEXTURE_2D,
      0,
      gl.R16UI,
      width,
      height,
      0,
      gl.RED_INTEGER,
      gl.UNSIGNED_SHORT,
      wide,
    );
  }

  setDepth(width, height, values, factor) {
    this.uploadValues(DEPTH, width, height, values);
    this.size = [width, height];
    this.factor = factor;
    this.occlusionOf = '';
  }

  setInfrared(width, height, values) {
    this.uploadValues(INFRARED, width, height, values);
  }

  /** Set x/z and y/z of each pixel of the full depth image. */
  setRays(width, height, rays) {
    const { gl } = this;
    this.select(RAYS);
    const finite = rays.map((value) => (Number.isNaN(value) ? -1e9 : value));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, width, height, 0, gl.RG, gl.FLOAT, finite);
    this.raysSize = [width, height];
  }

  setPicture(picture) {
    const { gl } = this;
    this.select(PICTURE);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  }

  uploadTable(colors) {
    const { gl } = this;
    this.select(COLORS);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colors);
  }

  /** Set lines: from, to, color and width of each. */
  setLines(lines) {
    fill(this.gl, this.lines, lines.flatMap(flatLine), LINE_FLOATS);
  }

  /** Set what is drawn over the cloud, because it is inside of bodies: lines, and dots. */
  setBodies(lines, dots) {
    fill(this.gl, this.bones, lines.flatMap(flatLine), LINE_FLOATS);
    fill(
      this.gl,
      this.dots,
      dots.flatMap(({ place, color, diameter }) => [...place, ...color, diameter]),
      DOT_FLOATS,
    );
  }

  /** Whether depth and rays belong together. */
  get complete() {
    return (
      this.raysSize &&
      Math.ceil(this.raysSize[0] / this.factor) === this.size[0] &&
      Math.ceil(this.raysSize[1] / this.factor) === this.size[1]
    );
  }

  /**
   * Draw everything.
   *
   * @param {object} scene view (matrix), background, pixels (of a meter at a meter), and the
   *   uniforms of the cloud
   */
  draw(scene) {
    const { gl } = this;
    const { width, height } = gl.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(...scene.background, 1);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (this.complete && scene.cloud) this.drawCloud(scene);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.useProgram(this.line.program);
    gl.uniformMatrix4fv(this.line.at('view'), false, scene.view);
    gl.uniform2f(this.line.at('viewport'), width, height);
    for (const lines of [this.lines, this.bones]) {
      gl.bindVertexArray(lines.array);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, lines.count);
      gl.disable(gl.DEPTH_TEST);
    }
    gl.useProgram(this.dot.program);
    gl.uniformMatrix4fv(this.dot.at('view'), false, scene.view);
    gl.uniform1f(this.dot.at('pixels'), scene.pixels);
    gl.bindVertexArray(this.dots.array);
    gl.drawArrays(gl.POINTS, 0, this.dots.count);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
  }

  /** Select a program that draws the points, and set what all of them need. */
  usePoints(target, u, scale) {
    const { gl } = this;
    gl.useProgram(target.program);
    gl.uniformMatrix4fv(target.at('pictureFromDepth'), false, u.pictureFromDepth);
    for (const name of ['lens', 'k', 'k2']) gl.uniform4fv(target.at(name), u[name]);
    gl.uniform2fv(target.at('pictureSize'), u.pictureSize);
    gl.uniform2iv(target.at('size'), this.size);
    gl.uniform1i(target.at('factor'), this.factor);
    gl.uniform1f(target.at('pointScale'), (OVERLAP * scale * this.factor) / u.focal);
    gl.bindVertexArray(this.empty);
  }

  /** Find how far the color camera sees: once for each depth image, not for each view of it. */
  findOcclusion(u) {
    const lens = [u.pictureFromDepth, u.lens, u.k, u.k2, u.pictureSize].join();
    if (this.occlusionOf === lens) return;
    this.occlusionOf = lens;
    const { gl } = this;
    const [width, height] = u.pictureSize;
    const scale = NEAREST_WIDTH / width;
    const size = [NEAREST_WIDTH, Math.max(1, Math.round(height * scale))];
    this.select(NEAREST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.occlusionTarget);
    if (this.nearestHeight !== size[1]) {
      [, this.nearestHeight] = size;
      gl.texImage2D(
        gl.TEXTURE_2D,
        0,
        gl.DEPTH_COMPONENT24,
        ...size,
        0,
        gl.DEPTH_COMPONENT,
        gl.UNSIGNED_INT,
        null,
      );
      gl.framebufferTexture2D(
        gl.FRAMEBUFFER,
        gl.DEPTH_ATTACHMENT,
        gl.TEXTURE_2D,
        this.textures[NEAREST],
        0,
      );
    }
    gl.bindTexture(gl.TEXTURE_2D, null); // it cannot be drawn to and read at a time
    gl.viewport(0, 0, ...size);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    this.usePoints(this.occlusion, u, u.lens[0] * scale);
    for (const unit of [DEPTH, RAYS]) {
      this.select(unit);
      gl.uniform1i(this.occlusion.at(SAMPLERS[unit]), unit);
    }
    gl.drawArrays(gl.POINTS, 0, this.size[0] * this.size[1]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  drawCloud(scene) {
    const { gl, cloud } = this;
    const u = scene.cloud;
    if (u.mode === 0) this.findOcclusion(u);
    gl.viewport(0, 0, gl.canvas.width, gl.canvas.height);
    this.usePoints(cloud, u, scene.pixels * u.pointSize);
    SAMPLERS.forEach((name, unit) => {
      this.select(unit);
      gl.uniform1i(cloud.at(name), unit);
    });
    gl.uniformMatrix4fv(cloud.at('view'), false, scene.view);
    for (const name of ['worldFromDepth', 'cropFromDepth']) {
      gl.uniformMatrix4fv(cloud.at(name), false, u[name]);
    }
    for (const name of ['range', 'irRange']) gl.uniform2fv(cloud.at(name), u[name]);
    for (const name of ['cropLow', 'cropHigh']) gl.uniform3fv(cloud.at(name), u[name]);
    gl.uniform1i(cloud.at('mode'), u.mode);
    gl.uniform1i(cloud.at('crop'), u.crop ? 1 : 0);
    gl.drawArrays(gl.POINTS, 0, this.size[0] * this.size[1]);
  }
}

const flatLine = ({ from, to, color, width }) => [...from, ...to, ...color, width];

function program(gl, vertex, fragment) {
  const result = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
      throw new Error(gl.getShaderInfoLog(shader));
    }
    gl.attachShader(result, shader);
  }
  gl.linkProgram(result);
  if (!gl.getProgramParameter(result, gl.LINK_STATUS)) {
    throw new Error(gl.getProgramInfoLog(result));
  }
  const places = {};
  return { program: result, at: (name) => (places[name] ??= gl.getUniformLocation(result, name)) };
}

function texture(gl, unit, filter) {
  const result = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, result);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return result;
}

/** Return a buffer of records of floats; divisor 1 for one record per instance. */
function batch(gl, sizes, divisor) {
  const array = gl.createVertexArray();
  const buffer = gl.createBuffer();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  const stride = 4 * sizes.reduce((a, b) => a + b);
  let offset = 0;
  sizes.forEach((size, location) => {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(location, divisor);
    offset += 4 * size;
  });
  return { array, buffer, count: 0 };
}

function fill(gl, target, values, floats) {
  gl.bindBuffer(gl.ARRAY_BUFFER, target.buffer);
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.DYNAMIC_DRAW);
  target.count = values.length / floats;
}

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

// Programs for the graphics card.

/** Points of the depth image, and where the color camera sees them. */
const POINTS = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;
uniform usampler2D depth;
uniform sampler2D rays;
uniform mat4 pictureFromDepth;
uniform vec4 lens;       // fx fy cx cy of the color camera
uniform vec4 k, k2;      // k1 k2 p1 p2, k3 k4 k5 k6
uniform vec2 pictureSize;
uniform ivec2 size;
uniform int factor;
uniform float pointScale;
const float FAR = 66.;   // more than a uint16 of millimeters

ivec2 pixel() { return ivec2(gl_VertexID % size.x, gl_VertexID / size.x); }

/** Return the point of a pixel, m; w is 0 if there is none. */
vec4 measured(ivec2 pixel) {
  float z = float(texelFetch(depth, pixel, 0).r) * .001;
  vec2 ray = texelFetch(rays, pixel * factor, 0).rg;
  return z == 0. || isnan(ray.x) || ray.x < -1e3 ? vec4(0.) : vec4(ray * z, z, 1.);
}

/** Return the place of a point of the color camera in its image, from 0 to 1. */
vec2 project(vec3 p) {
  vec2 q = p.xy / p.z;
  float r2 = dot(q, q);
  float radial = (1. + r2 * (k.x + r2 * (k.y + r2 * k2.x)))
    / (1. + r2 * (k2.y + r2 * (k2.z + r2 * k2.w)));
  vec2 tangential = 2. * q.x * q.y * k.zw + k.wz * (r2 + 2. * q * q);
  return (lens.xy * (q * radial + tangential) + lens.zw + .5) / pictureSize;
}
`;

/** The points as the color camera sees them: only their distance is kept, that of the nearest. */
export const OCCLUSION_VERTEX = `${POINTS}
void main() {
  gl_Position = vec4(2., 2., 2., 1.);
  gl_PointSize = 0.;
  vec4 point = measured(pixel());
  vec3 p = (pictureFromDepth * point).xyz;
  if (point.w == 0. || p.z <= 0.) return;
  gl_Position = vec4(project(p) * 2. - 1., p.z / FAR * 2. - 1., 1.);
  gl_PointSize = clamp(pointScale * point.z / p.z, 1.5, 16.);
}`;

export const OCCLUSION_FRAGMENT = `#version 300 es
void main() {}`;

/** Points: each pixel of depth is moved along its ray, and colored by what is chosen. */
export const CLOUD_VERTEX = `${POINTS}
uniform usampler2D infrared;
uniform sampler2D picture, colors;
uniform sampler2D nearest; // how far the color camera sees, by FAR
uniform mat4 view, worldFromDepth, cropFromDepth;
uniform vec2 range, irRange;
uniform vec3 cropLow, cropHigh;
uniform int mode; // 0 color, 1 depth, 2 infrared
uniform bool crop;
out vec3 shade;

/** Return whether the color camera sees a point: nothing is before it. */
bool seen(vec3 p, vec2 uv) {
  if (p.z <= 0. || any(lessThan(uv, vec2(0.))) || any(greaterThanEqual(uv, vec2(1.)))) {
    return false;
  }
  float front = texelFetch(nearest, ivec2(uv * vec2(textureSize(nearest, 0))), 0).r * FAR;
  // surfaces that are seen from the side differ by some cm within a pixel
  return p.z < front * 1.02 + .03;
}

void main() {
  gl_Position = vec4(2., 2., 2., 1.);
  gl_PointSize = 0.;
  vec4 point = measured(pixel());
  if (point.w == 0.) return;
  if (crop) {
    vec3 inside = (cropFromDepth * point).xyz;
    if (any(lessThan(inside, cropLow)) || any(greaterThan(inside, cropHigh))) return;
  }
  gl_Position = view * (worldFromDepth * point);
  gl_PointSize = clamp(pointScale * point.z / gl_Position.w, 1.5, 24.);
  if (mode == 0) {
    vec3 p = (pictureFromDepth * point).xyz;
    vec2 uv = project(p);
    shade = seen(p, uv) ? texture(picture, uv).rgb : vec3(.36, .38, .42);
  } else if (mode == 1) {
    float x = (point.z - range.x) / max(range.y - range.x, .001);
    shade = texture(colors, vec2(clamp(x, .002, .998), .5)).rgb;
  } else {
    float x = (float(texelFetch(infrared, pixel(), 0).r) - irRange.x)
      / max(irRange.y - irRange.x, 1.);
    shade = vec3(pow(clamp(x, 0., 1.), .6));
  }
}`;

export const CLOUD_FRAGMENT = `#version 300 es
precision mediump float;
in vec3 shade;
out vec4 color;
void main() { color = vec4(shade, 1.); }`;

/** Lines with a width in pixels: each is a rectangle of two triangles that faces the viewer. */
export const LINE_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 from;
layout(location = 1) in vec3 to;
layout(location = 2) in vec4 tint;
layout(location = 3) in float width;
uniform mat4 view;
uniform vec2 viewport;
out vec4 shade;
out vec2 across;
void main() {
  vec4 a = view * vec4(from, 1.), b = view * vec4(to, 1.);
  const float near = .02;
  if (a.w < near && b.w < near) { gl_Position = vec4(2., 2., 2., 1.); return; }
  if (a.w < near) a = mix(b, a, (b.w - near) / (b.w - a.w));
  if (b.w < near) b = mix(a, b, (a.w - near) / (a.w - b.w));
  vec2 direction = (b.xy / b.w - a.xy / a.w) * viewport;
  direction = length(direction) > 0. ? normalize(direction) : vec2(1., 0.);
  float side = float(gl_VertexID % 2) * 2. - 1.;
  vec4 end = gl_VertexID < 2 ? a : b;
  float half_width = width * .5 + 1.;
  end.xy += vec2(-direction.y, direction.x) * side * half_width * 2. / viewport * end.w;
  gl_Position = end;
  shade = tint;
  across = vec2(side * half_width, width * .5);
}`;

export const LINE_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
in vec2 across;
out vec4 color;
void main() {
  float alpha = clamp(across.y + .5 - abs(across.x), 0., 1.);
  color = vec4(shade.rgb, shade.a * alpha);
}`;

/** Round dots of a size in meters. */
export const DOT_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 place;
layout(location = 1) in vec4 tint;
layout(location = 2) in float diameter;
uniform mat4 view;
uniform float pixels;
out vec4 shade;
void main() {
  gl_Position = view * vec4(place, 1.);
  gl_PointSize = clamp(pixels * diameter / gl_Position.w, 3., 64.);
  shade = tint;
}`;

export const DOT_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 shade;
out vec4 color;
void main() {
  vec2 p = gl_PointCoord * 2. - 1.;
  float r2 = dot(p, p);
  if (r2 > 1.) discard;
  float light = .65 + .35 * sqrt(1. - r2) - .12 * p.y;
  color = vec4(shade.rgb * light, shade.a);
}`;

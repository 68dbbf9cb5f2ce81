# Copyright 2026 The k4a_ros contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A ChArUco board as a PDF: vectors of exact size, with rulers to measure what was printed."""

from __future__ import annotations

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.errors import ConfigError

#: width and height of the sheets in landscape, mm
PAPERS = {'A4': (297.0, 210.0), 'A3': (420.0, 297.0), 'A2': (594.0, 420.0),
          'A1': (841.0, 594.0), 'A0': (1189.0, 841.0), 'letter': (279.4, 215.9),
          'tabloid': (431.8, 279.4)}
_POINTS_PER_MM = 72 / 25.4
#: left and at the bottom, for the rulers; on the other sides, mm
_RULER_MM, _MARGIN_MM = 20.0, 8.0
_FONT_MM = 3.2


def largest_square_mm(columns: int, rows: int, paper: str) -> float:
    """Return the side of the largest squares in whole millimeters that fit a sheet."""
    width, height = PAPERS[paper]
    return float(int(min((width - _RULER_MM - _MARGIN_MM) / columns,
                         (height - _RULER_MM - _MARGIN_MM) / rows)))


def ruler_mm(length_mm: float) -> float:
    """Return the length of the ruler along a side, mm: whole centimeters."""
    return float(int(length_mm / 10) * 10)


def board_pdf(board: CharucoBoard, paper: str) -> bytes:
    """
    Return the PDF.

    :param paper: a key of `PAPERS`.
    :raises ConfigError: the board does not fit the sheet.
    """
    width, height = PAPERS[paper]
    board_width, board_height = (side * 1000 for side in board.size_m)
    if board_width > width - _RULER_MM - _MARGIN_MM or (
            board_height > height - _RULER_MM - _MARGIN_MM):
        raise ConfigError(
            f'{board.columns}x{board.rows} squares of {board.square_m * 1000:g} mm do not fit '
            f'{paper}; with this paper, they can have up to '
            f'{largest_square_mm(board.columns, board.rows, paper):g} mm')
    left = _RULER_MM + (width - _RULER_MM - _MARGIN_MM - board_width) / 2
    top = height - _MARGIN_MM - (height - _RULER_MM - _MARGIN_MM - board_height) / 2
    # millimeters from the bottom left corner of the sheet
    lines = [f'{_POINTS_PER_MM:.9f} 0 0 {_POINTS_PER_MM:.9f} 0 0 cm', '0 g']
    for x0, y0, x1, y1 in board.black_rectangles() * 1000:
        lines.append(f'{left + x0:.4f} {top - y1:.4f} {x1 - x0:.4f} {y1 - y0:.4f} re')
    lines.append('f')
    bottom = top - board_height
    lines += _rulers(left, bottom, ruler_mm(board_width), ruler_mm(board_height))
    legacy = ' --legacy' if board.legacy else ''
    lines += [
        'BT', f'/F1 {_FONT_MM} Tf', f'{left:.3f} {bottom - 9.5:.3f} Td',
        f'(k4a_calibrate_rig: --squares {board.columns}x{board.rows} --square-mm '
        f'{board.square_m * 1000:g} --marker-mm {board.marker_side_m * 1000:g} '
        f'--dictionary {board.dictionary}{legacy}) Tj',
        f'0 {-1.25 * _FONT_MM:.3f} Td',
        f'(Print at 100 %. Measure both rulers: {ruler_mm(board_width):g} mm and '
        f'{ruler_mm(board_height):g} mm. If they differ, give --measured-mm with the length of '
        'the first.) Tj', 'ET']
    return _document(width, height, '\n'.join(lines))


def _rulers(left: float, bottom: float, across: float, up: float) -> list[str]:
    """Return the rulers below and to the left of the board, with a tick every centimeter."""
    lines = ['0.15 w']
    y, x = bottom - 2.0, left - 2.0
    lines += [f'{left:.4f} {y:.4f} m {left + across:.4f} {y:.4f} l S',
              f'{x:.4f} {bottom:.4f} m {x:.4f} {bottom + up:.4f} l S']
    for i in range(int(across / 10) + 1):
        length = 3.0 if i % 5 == 0 else 1.5
        lines.append(f'{left + 10 * i:.4f} {y:.4f} m {left + 10 * i:.4f} {y - length:.4f} l S')
    for i in range(int(up / 10) + 1):
        length = 3.0 if i % 5 == 0 else 1.5
        lines.append(f'{x:.4f} {bottom + 10 * i:.4f} m {x - length:.4f} {bottom + 10 * i:.4f} l S')
    return lines


def _document(width_mm: float, height_mm: float, content: str) -> bytes:
    """Return a PDF (ISO 32000-1) of one page; 1 unit is 1/72 inch."""
    objects = [
        '<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>',
        '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        f'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width_mm * _POINTS_PER_MM:.4f} '
        f'{height_mm * _POINTS_PER_MM:.4f}] /Contents 4 0 R '
        '/Resources << /Font << /F1 5 0 R >> >> >>',
        f'<< /Length {len(content) + 1} >>\nstream\n{content}\nendstream',
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>']
    data = b'%PDF-1.6\n'
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f'{number} 0 obj\n{body}\nendobj\n'.encode('ascii')
    table = ''.join(f'{offset:010} 00000 n \n' for offset in offsets)
    return data + (
        f'xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size '
        f'{len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n').encode('ascii')

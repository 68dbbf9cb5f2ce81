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

"""The PDF of a board has exact lengths."""

from __future__ import annotations

import re

from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.errors import ConfigError
from k4a_ros.rig_calibration.board_pdf import board_pdf
from k4a_ros.rig_calibration.board_pdf import largest_square_mm
from k4a_ros.rig_calibration.board_pdf import PAPERS
import numpy as np
import pytest


def content(pdf: bytes) -> tuple[bytes, int]:
    """Return the stream of the page, and its stated length."""
    match = re.search(rb'/Length (\d+) >>\nstream\n(.*)endstream', pdf, re.DOTALL)
    return match[2], int(match[1])


def test_rectangles_have_the_size_of_the_board():
    board = CharucoBoard(7, 5, 0.052)
    stream, length = content(board_pdf(board, 'A3'))
    assert len(stream) == length
    scale = float(stream.split()[0])
    assert scale == pytest.approx(72 / 25.4, abs=1e-8)
    found = np.array([line.split()[:4] for line in stream.splitlines() if line.endswith(b' re')],
                     float)
    expected = board.black_rectangles() * 1000
    assert np.allclose(found[:, 2:], expected[:, 2:] - expected[:, :2], atol=2e-4)
    assert found[:, 0].min() >= 20 and found[:, 1].min() >= 20
    assert (found[:, 0] + found[:, 2]).max() <= 412 and (found[:, 1] + found[:, 3]).max() <= 289
    assert b'--squares 7x5 --square-mm 52 --marker-mm 39' in stream
    assert b'both rulers: 360 mm and 260 mm' in stream


def test_table_of_objects_points_to_them():
    pdf = board_pdf(CharucoBoard(3, 3, 0.05), 'A4')
    offsets = [int(line.split()[0]) for line in pdf.splitlines() if line.endswith(b' n ')]
    assert len(offsets) == 5
    for number, offset in enumerate(offsets, 1):
        assert pdf[offset:].startswith(b'%d 0 obj\n' % number)
    start = int(pdf.split(b'startxref\n')[1].split()[0])
    assert pdf[start:].startswith(b'xref\n')


@pytest.mark.parametrize('paper', PAPERS)
def test_largest_squares_fit_and_larger_ones_do_not(paper):
    side = largest_square_mm(7, 5, paper)
    board_pdf(CharucoBoard(7, 5, side / 1000), paper)
    with pytest.raises(ConfigError, match=f'up to {side:g} mm'):
        board_pdf(CharucoBoard(7, 5, (side + 1) / 1000), paper)

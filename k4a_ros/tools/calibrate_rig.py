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

"""
Find the poses of the cameras of a rig with a ChArUco board that they see together.

    k4a_calibrate_rig board board.pdf [--paper A3] [--squares 7x5]
    k4a_calibrate_rig solve cameras.yaml [--recordings FOLDER] [--output calibrated.yaml]
    k4a_calibrate_rig check calibrated.yaml [--recordings FOLDER]

The first writes the board as PDF. The second examines the images of the running drivers, or
recordings that the cameras made at the same time, as `start_recording` of k4a_rig does, and writes
the rig file with poses. The third says how far cameras have moved since. The guide is
docs/rig_calibration.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
from dataclasses import replace
import os
from pathlib import Path
import re
import sys

import cv2
from k4a_ros.calibration.charuco_board import CharucoBoard
from k4a_ros.calibration.charuco_board import DICTIONARIES
from k4a_ros.calibration.charuco_board import MAX_SQUARES
from k4a_ros.calibration.rigid_transform import RigidTransform
from k4a_ros.errors import CalibrationError
from k4a_ros.errors import ConfigError
from k4a_ros.rig.rig import Pose
from k4a_ros.rig.rig import Rig
from k4a_ros.rig.rig_file import load_rig
from k4a_ros.rig.rig_launch import as_recordings
from k4a_ros.rig_calibration.board_pdf import board_pdf
from k4a_ros.rig_calibration.board_pdf import largest_square_mm
from k4a_ros.rig_calibration.board_pdf import PAPERS
from k4a_ros.rig_calibration.board_pdf import ruler_mm
from k4a_ros.rig_calibration.movement import Limits
from k4a_ros.rig_calibration.movement import movements
from k4a_ros.rig_calibration.observations import Observations
from k4a_ros.rig_calibration.picture import picture
from k4a_ros.rig_calibration.recordings import RecordedRig
from k4a_ros.rig_calibration.report import lines
from k4a_ros.rig_calibration.rig_text import with_poses
from k4a_ros.rig_calibration.solution import Solution
from k4a_ros.rig_calibration.solution import solve
from k4a_ros.rig_calibration.solution import warnings
from k4a_ros.rig_calibration.views import Frame
from k4a_ros.rig_calibration.views import ViewCollector
from k4a_ros.tools.arguments import number_between
from k4a_ros.tools.endings import run_tool

NAME = 'k4a_calibrate_rig'
#: exit code of `check` if a camera has moved
MOVED = 3
#: TF frame in which the poses are, if the rig file has none
_PARENT = 'world'


def main(arguments: list[str] | None = None) -> int:
    """
    Run the command line.

    :param arguments: without the name of the program; None for those of the process.
    :return: exit code; `MOVED` if a camera is not where the rig file has it.
    """
    given = _parser().parse_args(arguments)
    run = {'board': _board, 'solve': _solve, 'check': _check}[given.command]
    return run_tool(NAME, lambda: run(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME, description=(__doc__ or '').split('\n\n')[0].strip())
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    board = commands.add_parser('board', help='write the board as PDF')
    board.add_argument('output', metavar='OUT.pdf')
    board.add_argument('--paper', choices=PAPERS, default='A3', help='default: %(default)s')
    _add_board(board)
    find = commands.add_parser('solve', help='find the poses, and write the rig file with them')
    find.add_argument('--output', metavar='OUT.yaml', default='',
                      help='rig file to write; default: RIG_calibrated.yaml')
    find.add_argument('--reference', metavar='NAME', default='',
                      help='camera that keeps its pose; default: the first one with a pose, else '
                      'the first one, which then is the frame "world"')
    find.add_argument('--force', action='store_true', help='overwrite an existing file')
    check = commands.add_parser(
        'check', help='say how far cameras are from where the rig file has them; exit code '
        f'{MOVED} if one has moved')
    check.add_argument('--max-mm', type=number_between(0.1, 1000), default=5.0,
                       help='movement that is accepted; default: %(default)g')
    check.add_argument('--max-degrees', type=number_between(0.01, 90), default=0.3,
                       help='default: %(default)g')
    for command in (find, check):
        _add_views(command)
    return parser


def _add_views(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('rig', metavar='RIG.yaml', help='rig file, as for multi_camera.launch.py')
    parser.add_argument('--recordings', metavar='FOLDER', default='',
                        help='folder with NAME.mkv of each camera; without it, the topics of the '
                        'running drivers are examined')
    parser.add_argument('--seconds', type=number_between(1, 3600), default=60.0,
                        help='how long topics are examined; Ctrl-C ends it earlier; '
                        'default: %(default)g')
    parser.add_argument('--picture', metavar='OUT.png', default='',
                        help='draw cameras, boards and residuals')
    parser.add_argument('--rate', type=number_between(0.1, 30), default=5.0,
                        help='times per second at which images are examined; default: %(default)g')
    _add_board(parser)
    parser.add_argument('--measured-mm', type=number_between(10, 3000), default=0.0,
                        help='measured length of the ruler below the board, if the printer has '
                        'scaled it')


def _add_board(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--squares', type=_squares, default=(7, 5), metavar='COLUMNSxROWS',
                        help='default: 7x5')
    parser.add_argument('--square-mm', type=number_between(2, 2000), default=52.0,
                        help='side of a square; default: %(default)g')
    parser.add_argument('--marker-mm', type=number_between(1, 2000), default=0.0,
                        help='side of a marker; default: three quarters of a square')
    parser.add_argument('--dictionary', choices=DICTIONARIES, default=CharucoBoard.dictionary,
                        help='default: %(default)s')
    parser.add_argument('--legacy', action='store_true', help='a board with an even number of '
                        'rows from a program with OpenCV before 4.6')


def _squares(text: str) -> tuple[int, int]:
    match = re.fullmatch('([0-9]{1,3})x([0-9]{1,3})', text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f'{text[:50]!r} is not COLUMNSxROWS, such as 7x5, with 3 to {MAX_SQUARES} each')
    return int(match[1]), int(match[2])


def _given_board(given: argparse.Namespace) -> CharucoBoard:
    columns, rows = given.squares
    return CharucoBoard(columns, rows, given.square_mm / 1000, given.marker_mm / 1000,
                        given.dictionary, given.legacy)


def _board(given: argparse.Namespace) -> int:
    board = _given_board(given)
    _write(given.output, board_pdf(board, given.paper))
    width, height = (ruler_mm(side * 1000) for side in board.size_m)
    largest = largest_square_mm(board.columns, board.rows, given.paper)
    print(f'{given.output}: {board.columns}x{board.rows} squares of {given.square_mm:g} mm on '
          f'{given.paper} (at most {largest:g} mm)\nPrint it at 100 % with a laser printer, glue '
          f'it to a flat plate, and measure both rulers: {width:g} and {height:g} mm.')
    return 0


def _solve(given: argparse.Namespace) -> int:
    rig = _rig(given)
    target = _target(given)
    solution = _solution(given, rig)
    poses = _poses(rig, solution)
    path = os.path.expanduser(given.rig)
    text = with_poses(Path(path).read_text(encoding='utf-8'), path, poses)
    _write(target, text.encode())
    print(f'{target}: poses of {len(poses)} cameras in the frame '
          f'{next(iter(poses.values())).parent}')
    return 0


def _check(given: argparse.Namespace) -> int:
    rig = _rig(given)
    known = [camera.pose for camera in rig.cameras]
    without = [camera.name for camera in rig.cameras if camera.pose is None]
    parents = sorted({pose.parent for pose in known if pose is not None})
    if without or len(parents) > 1:
        raise ConfigError(
            f'cannot compare with {given.rig}: '
            + (f'{", ".join(without)} has no pose' if without else
               f'its poses are in different frames, {" and ".join(parents)}')
            + '; check a file that k4a_calibrate_rig solve has written')
    solution = _solution(given, rig)
    found = movements(
        [RigidTransform.of_pose(pose.quaternion, pose.xyz) for pose in known if pose],
        solution.cameras, Limits(given.max_mm / 1000, given.max_degrees))
    texts = {camera.name: f'{1000 * each.meters:.1f} mm and {each.degrees:.2f} degrees'
             for camera, each in zip(rig.cameras, found, strict=True)}
    for c, (name, text) in enumerate(texts.items()):
        print(f'{name}: {text} from its pose; uncertain by {1000 * solution.sigma_m(c):.1f} mm '
              f'and {solution.sigma_deg(c):.2f} degrees')
    moved = [name for name, each in zip(texts, found, strict=True) if each.moved]
    if not moved:
        print(f'all {len(found)} cameras are where {given.rig} has them')
        return 0
    if len(found) == 2:
        print(f'{" and ".join(texts)} have moved by {texts[moved[0]]} relative to each other; '
              'solve again')
    else:
        print('; '.join(f'{name} has moved by {texts[name]}' for name in moved)
              + ': solve again, or move it back')
    return MOVED


def _solution(given: argparse.Namespace, rig: Rig) -> Solution:
    """Return the poses from what the cameras have seen, and print and draw how good they are."""
    solution = solve(_scaled(given), _observe(given, rig))
    print('\n'.join(lines(solution)))
    for warning in warnings(solution):
        print(f'WARNING: {warning}')
    if given.picture:
        _write(given.picture, cv2.imencode('.png', picture(solution))[1].tobytes())
    return solution


def _write(path: str | Path, data: bytes) -> None:
    try:
        Path(path).expanduser().write_bytes(data)
    except OSError as error:
        raise ConfigError(f'cannot write {path}: {(error.strerror or str(error)).lower()}; choose '
                          'a folder that you may write to') from error


def _rig(given: argparse.Namespace) -> Rig:
    """Return the rig, or recordings of it, the reference camera first."""
    rig = load_rig(given.rig)
    if given.recordings:
        rig = as_recordings(rig, given.recordings)
    if len(rig.cameras) < 2:
        raise ConfigError(f'{given.rig} has one camera; poses need at least two')
    names = [camera.name for camera in rig.cameras]
    wanted = getattr(given, 'reference', '')
    if wanted and wanted not in names:
        raise ConfigError(f'there is no camera {wanted} in {given.rig}; it has '
                          + ', '.join(names))
    reference = wanted or next(
        (camera.name for camera in rig.cameras if camera.pose), names[0])
    return replace(rig, cameras=tuple(sorted(
        rig.cameras, key=lambda camera: camera.name != reference)))


def _target(given: argparse.Namespace) -> Path:
    """Return the file to write, before minutes are spent on what cannot be written."""
    source = Path(os.path.expanduser(given.rig))
    target = Path(os.path.expanduser(given.output)) if given.output else source.with_name(
        f'{source.stem}_calibrated{source.suffix}')
    if target.exists() and not given.force:
        raise ConfigError(f'{target} exists; give another --output, or --force to replace it')
    if not target.parent.is_dir():
        raise ConfigError(f'there is no folder {target.parent}; make it, or give another --output')
    return target


def _scaled(given: argparse.Namespace) -> CharucoBoard:
    """Return the board as it was printed."""
    board = _given_board(given)
    if not given.measured_mm:
        return board
    scale = given.measured_mm / ruler_mm(board.size_m[0] * 1000)
    if not 0.8 <= scale <= 1.25:
        raise ConfigError(
            f'--measured-mm {given.measured_mm:g}: the ruler has '
            f'{ruler_mm(board.size_m[0] * 1000):g} mm; a printer scales by a few percent, so '
            'check --squares and --square-mm')
    return replace(board, square_m=board.square_m * scale, marker_m=board.marker_side_m * scale)


def _observe(given: argparse.Namespace, rig: Rig) -> Observations:
    """Return what the cameras have seen of the board."""
    if rig.plays:
        with RecordedRig(rig) as recorded:
            collector = ViewCollector(_scaled(given), recorded.cameras)
            _collect(collector, recorded.moments(given.rate))
    else:
        from k4a_ros.tools.rig_live import LiveRig
        with LiveRig(rig) as live:
            collector = ViewCollector(_scaled(given), live.cameras)
            with contextlib.suppress(KeyboardInterrupt):
                _collect(collector, live.moments(given.rate, given.seconds))
    seen = collector.observations()
    if not seen.views and collector.with_board:
        raise CalibrationError(
            f'the board is seen at {collector.with_board} of {collector.moments} times, but never '
            'twice in one place; hold it still for a second in each place, or raise --rate')
    return seen


def _collect(
    collector: ViewCollector, moments: Iterator[tuple[float, Mapping[int, Frame]]],
) -> None:
    """Examine images until there are no more, and show how far that is on a terminal."""
    try:
        for share, frames in moments:
            collector.add(frames)
            if sys.stderr.isatty():
                print(f'\r{share:4.0%}, the board is seen at {collector.with_board} of '
                      f'{collector.moments} times ', end='', file=sys.stderr, flush=True)
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)


def _poses(rig: Rig, solution: Solution) -> dict[str, Pose]:
    """Return the poses for the rig file, in the frame of that of the reference camera."""
    known = rig.cameras[0].pose
    start = RigidTransform.identity() if known is None else RigidTransform.of_pose(
        known.quaternion, known.xyz)
    parent = _PARENT if known is None else known.parent
    poses = {}
    for camera, pose in zip(rig.cameras, solution.cameras, strict=True):
        placed = start @ pose
        x, y, z = placed.translation.tolist()
        poses[camera.name] = Pose(parent, (x, y, z), placed.quaternion())
    return poses


if __name__ == '__main__':
    raise SystemExit(main())

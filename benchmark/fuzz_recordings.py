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
Read thousands of mutants of a recording, and count what goes wrong.

    python benchmark/fuzz_recordings.py [--count 3000] [--seed 1] [--recording FILE] [--keep DIR]

Each mutant is a recording, by default of two captures with all streams, with some bytes changed,
removed, repeated or exchanged, mostly in its structure. A child process reads all of it, with a
limit of its memory. Wrong are a crash, a hang, an exception other than the two that reading may
raise, and a stamp that goes back or is out of range; the mutants are kept in DIR.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import islice
import json
import logging
from pathlib import Path
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback

if (tests := str(Path(__file__).resolve().parents[1] / 'test')) not in sys.path:
    sys.path.insert(0, tests)

from support.mutants import check
from support.mutants import mutants
from support.mutants import original

#: limits of one mutant: seconds, and bytes above what the process has before the first
MAX_S, MAX_BYTES = 10, 300 << 20


def read_mutants(recording: Path, seed: int, first: int, count: int, keep: Path) -> None:
    """Read mutants and print one line of JSON for each; in a child process."""
    logging.disable(logging.CRITICAL)
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    path = keep / 'current.mkv'
    source = mutants(recording.read_bytes(), seed)
    for number, content in enumerate(islice(source, first, first + count), first):
        path.write_bytes(content)
        began = time.monotonic()
        signal.alarm(MAX_S)  # which ends this process
        try:
            result = check(path)
        except Exception as error:
            result = f'wrong: {type(error).__name__}'
            traceback.print_exc()
            path.rename(keep / f'{seed}-{number}.mkv')
        signal.alarm(0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps([number, result, time.monotonic() - began, peak]), flush=True)


def main() -> int:
    """Print how many mutants ended how; return 1 if something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0].strip())
    parser.add_argument('--count', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--recording', help='which to mutate')
    parser.add_argument('--keep', help='folder for mutants that go wrong')
    parser.add_argument('--first', type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first is not None:
        read_mutants(Path(options.recording), options.seed, options.first, options.count,
                     Path(options.keep))
        return 0
    results: Counter[str] = Counter()
    slowest, peak, done = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        keep = Path(options.keep or folder)
        recording = Path(options.recording or Path(folder, 'original.mkv'))
        if not options.recording:
            original(Path(folder))
        while done < options.count:
            child = subprocess.run(
                [sys.executable, __file__, '--first', str(done), '--count',
                 str(options.count - done), '--seed', str(options.seed), '--keep', str(keep),
                 '--recording', str(recording)], stdout=subprocess.PIPE, text=True, check=False)
            for line in child.stdout.splitlines():
                number, result, seconds, megabytes = json.loads(line)
                results[result] += 1
                slowest, peak, done = max(slowest, seconds), max(peak, megabytes), number + 1
            if child.returncode:
                kind = 'hang' if child.returncode == -signal.SIGALRM else 'crash'
                results[f'wrong: {kind}'] += 1
                (keep / 'current.mkv').rename(keep / f'{options.seed}-{done}.mkv')
                done += 1
    print(', '.join(f'{count} {result}' for result, count in results.most_common()))
    print(f'slowest {1000 * slowest:.0f} ms, peak of memory {peak} MB')
    return int(any(result.startswith('wrong') for result in results))


if __name__ == '__main__':
    raise SystemExit(main())

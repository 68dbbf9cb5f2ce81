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
The executable: signals, memory, exit code, and nothing else.

Signals are taken over before anything heavy is imported, and instead of rclpy's own handlers:
those shut the context down at once, under the feet of the threads that publish. SIGINT is taken
even where the shell that started us in the background had it ignored.

The memory allocator is set up here, too, because the whole process has only one, and so is the
library behind numpy's linear algebra: what uses the package otherwise, a test or another node,
keeps its own settings.
"""

from __future__ import annotations

import gc
import os
import sys

from k4a_ros.jit.lazy import building
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.process.shutdown import Shutdown


def main(args: list[str] | None = None) -> int:
    """
    Run the driver node until its recording ends, its camera fails, or SIGINT or SIGTERM comes.

    :param args: command line with the program's name; None takes the process's own.
    :return: exit code; 0 after a signal or the end of a recording, 1 after an error.
    """
    shutdown = Shutdown()
    shutdown.install_signal_handlers()
    retain_freed_memory()
    # What there is to solve is small: further threads of OpenBLAS would only wait, and in that
    # they take as much of a processor as those that work. It is read when numpy is loaded.
    os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
    from k4a_ros.node.run import run
    try:
        code = run(args, shutdown)
    finally:
        # Nothing is left to be ended: a further signal would only kill what tidies up. What the
        # middleware has in shared memory goes when the last of the node does.
        shutdown.ignore_signals()
        gc.collect()
    if building():
        # A compiler cannot be interrupted, and nobody waits for what it makes any more.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code

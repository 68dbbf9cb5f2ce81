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
Entry point of the driver executable: signals, memory allocator and exit code.

Signal handlers are installed before anything heavy is imported, and replace those of rclpy, which
shut down the context while other threads still publish. SIGINT is handled even if the parent shell
set it to be ignored, as shells do for background jobs.

Settings of the whole process (allocator, BLAS threads) are made here, so that tests and other
nodes that import the package keep their own.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from k4a_ros.errors import ConfigError
from k4a_ros.process.allocator import retain_freed_memory
from k4a_ros.process.arguments import help_requested
from k4a_ros.process.arguments import help_text
from k4a_ros.process.garbage import search_rarely
from k4a_ros.process.limits import check_address_space
from k4a_ros.process.limits import shortage
from k4a_ros.process.shutdown import end_process
from k4a_ros.process.shutdown import Shutdown


def main(args: list[str] | None = None) -> NoReturn:
    """
    Run the driver node until its recording ends, its camera fails, or a signal arrives.

    Ends the process, with code 0 after a signal or at the end of a recording, 1 after an error.

    :param args: command line with the name of the program; None for that of the process.
    """
    shutdown = Shutdown()
    try:
        shutdown.immediate = True
        shutdown.install_signal_handlers()
        code = _run(sys.argv if args is None else args, shutdown)
    except (ConfigError, MemoryError, ImportError, OSError, RuntimeError) as error:
        reason = str(error) if isinstance(error, ConfigError) else shortage(error)
        if reason is None:
            raise
        print(f'k4a_driver: {reason}', file=sys.stderr)
        code = 1
    end_process(code)


def _run(arguments: list[str], shutdown: Shutdown) -> int:
    if help_requested(arguments):
        print(help_text())
        return 0
    check_address_space()
    retain_freed_memory()
    search_rarely()
    # Linear systems are small here: more BLAS threads would only spin. Read when numpy is loaded.
    os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
    from k4a_ros.node.run import run
    return run(arguments, shutdown)

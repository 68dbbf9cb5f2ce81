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

"""Numbers on the command lines of the tools: argparse types with limits."""

from __future__ import annotations

import argparse
from collections.abc import Callable
import math


def number_between(minimum: float, maximum: float) -> Callable[[str], float]:
    """Return an argparse type for finite numbers within limits, inclusive."""
    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(
                f'{text[:50]!r} is not a number between {minimum:.10g} and {maximum:.10g}')
        return value
    return convert


def integer_between(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return an argparse type for integers within limits, inclusive."""
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(
                f'{text[:50]!r} is not an integer between {minimum} and {maximum}')
        return value
    return convert

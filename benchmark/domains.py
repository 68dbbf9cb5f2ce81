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

"""A ROS domain for a benchmark, which nothing else on the machine uses."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

if (internal := str(Path(__file__).resolve().parents[1] / 'scripts/internal')) not in sys.path:
    sys.path.insert(0, internal)
from ros_domains import claim_domain


def add_domain(parser: argparse.ArgumentParser) -> None:
    """Add the argument --domain, whose default is claimed until the program ends."""
    parser.add_argument('--domain', type=int, default=claim_domain(timeout=60.0),
                        help='ROS_DOMAIN_ID; by default, one that nothing on this machine uses')

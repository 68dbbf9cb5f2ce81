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
Claims of ROS domains, as the demo makes them: scripts/internal/ros_domains.py.

A claim ends with the last reference to the domain; see `support.ros.new_domain`.
"""

from __future__ import annotations

import importlib.util
import sys

from support.sources import ROOT

_spec = importlib.util.spec_from_file_location(
    'ros_domains', ROOT / 'scripts/internal/ros_domains.py')
assert _spec is not None and _spec.loader is not None
ros_domains = importlib.util.module_from_spec(_spec)
sys.modules.setdefault('ros_domains', ros_domains)
_spec.loader.exec_module(ros_domains)

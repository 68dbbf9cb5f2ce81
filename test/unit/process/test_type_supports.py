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

"""Type supports of messages without the code generator of ROS."""

from __future__ import annotations

import subprocess
import sys

from support.time_limits import PROCESS_TIMEOUT_S

PROGRAM = """
import sys
from k4a_ros.process.type_supports import import_type_support
import_type_support()
import_type_support()
from rclpy.type_support import check_for_type_support
from sensor_msgs.msg import Image
check_for_type_support(Image)
generators = ('rosidl_generator_py.generate_py_impl', 'lark', 'em')
print(Image._TYPE_SUPPORT is not None, *(name in sys.modules for name in generators))
from rosidl_generator_py.generate_py_impl import generate_py
print(callable(generate_py))
"""


def test_messages_have_type_support_and_the_generator_is_not_imported() -> None:
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=True,
        timeout=PROCESS_TIMEOUT_S)
    assert done.stdout.splitlines() == ['True False False False', 'True']

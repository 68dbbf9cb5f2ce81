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
Stand-in for tf2_ros in environments with the ROS wheels of PyPI: broadcasters, buffer, listener.

Same names, signatures and quality of service as tf2_ros_py of geometry2. The buffer only has what
this package needs: it looks up transforms without waiting.
"""

from .broadcasters import StaticTransformBroadcaster
from .broadcasters import TransformBroadcaster
from .buffer import Buffer
from .buffer import ConnectivityException
from .buffer import ExtrapolationException
from .buffer import LookupException
from .buffer import TransformException
from .buffer import TransformListener

__all__ = [
    'Buffer', 'ConnectivityException', 'ExtrapolationException', 'LookupException',
    'StaticTransformBroadcaster', 'TransformBroadcaster', 'TransformException',
    'TransformListener']

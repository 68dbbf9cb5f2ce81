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

"""Many replugs of the virtual device; its own file, to run beside the other long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.live import replug_one_and_set_another


@pytest.mark.timeout(400)
def test_replugs_of_one_camera_and_parameter_changes_of_another(tmp_path: Path) -> None:
    replug_one_and_set_another(tmp_path, 'device')

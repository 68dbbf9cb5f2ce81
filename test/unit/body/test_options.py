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

"""The options of body trackers against the parameters that set them."""

from __future__ import annotations

from k4a_ros.body.options import PROCESSING_MODES
from k4a_ros.body.options import SENSOR_ORIENTATIONS
from k4a_ros.body.options import TrackerOptions
from k4a_ros.errors import ConfigError
from k4a_ros.parameters.table import SPECS
import pytest


@pytest.mark.parametrize(('name', 'native_values'), [
    ('body_tracking_processing_mode', PROCESSING_MODES),
    ('body_tracking_sensor_orientation', SENSOR_ORIENTATIONS)])
def test_choices_of_the_parameters_match_the_options(
    name: str, native_values: dict[str, int],
) -> None:
    """The table of parameters does not import body, so both lists must be kept equal."""
    assert sorted(SPECS[name].choices) == sorted(native_values)


def test_invalid_options_are_reported_together() -> None:
    """One error lists every invalid value, with the allowed ones."""
    with pytest.raises(ConfigError) as error:
        TrackerOptions(
            processing_mode='directml', sensor_orientation='left', smoothing_factor=1.5,
            gpu_device_id=-1)
    assert len(error.value.problems) == 4
    assert "body_tracking_processing_mode is 'directml'; it must be one of gpu, cpu, cuda" in str(
        error.value)

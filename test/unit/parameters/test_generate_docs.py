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

"""The files that are generated from the parameter table."""

from __future__ import annotations

import re

from k4a_ros.parameters import generate_docs
from k4a_ros.parameters.settings import Settings
from k4a_ros.parameters.table import SPECS
from support.sources import ROOT
import yaml


def test_generated_files_are_up_to_date() -> None:
    remedy = 'run python3 -m k4a_ros.parameters.generate_docs'
    assert (ROOT / 'config/driver.yaml').read_text() == generate_docs.yaml(), remedy
    assert (ROOT / 'docs/parameters.md').read_text() == generate_docs.markdown(), remedy


def test_yaml_sets_only_parameters_of_every_camera() -> None:
    values = yaml.safe_load(generate_docs.yaml())['/**']['ros__parameters']
    assert not Settings.from_values(values).unused_parameters()
    assert all(not SPECS[name].cameras for name in values)


def test_uncommented_yaml_has_every_default() -> None:
    text = re.sub(r'^    #(?=\w)', '    ', generate_docs.yaml(), flags=re.MULTILINE)
    values = yaml.safe_load(text)['/**']['ros__parameters']
    assert values == {name: spec.default for name, spec in SPECS.items()}
    assert Settings.from_values(values) == Settings()

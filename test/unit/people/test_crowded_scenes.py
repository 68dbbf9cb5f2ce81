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

"""Crowded scenes have people of all kinds."""

from __future__ import annotations

import numpy as np
from support.people.clothes import BOTTOMS
from support.people.clothes import HAIR
from support.people.clothes import HATS
from support.people.clothes import TOPS
from support.people.crowded_scenes import dressed_crowds


def test_dressed_crowds_wear_everything_and_one_cloth_in_five_absorbs_infrared():
    people = [person for seed in (601, 602) for _, sequence in dressed_crowds(seed)
              for person in sequence[0].people]
    worn = {name: {getattr(person.clothes, name) for person in people}
            for name in ('top', 'bottom', 'haircut', 'hat')}
    assert worn == {'top': set(TOPS), 'bottom': set(BOTTOMS), 'haircut': set(HAIR),
                    'hat': set(HATS)}
    cloth = np.array([(person.clothes.shirt, person.clothes.trousers) for person in people])
    assert 0.1 < (cloth < 0.07).mean() < 0.3
    assert ((cloth < 0.07) | (cloth > 0.19)).all()
    names = [name for name, _ in dressed_crowds(601)]
    assert len(set(names)) == 12 and all(name.startswith('dressed ') for name in names)
    # a child stands with an adult
    assert min(person.height for person in people) < 1.35

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
Run the driver so that it starts a recording only after all subscribers of a test are matched.

How long discovery takes depends on other load, so that a subscriber could miss the first messages.
"""

from __future__ import annotations

import os

from k4a_ros.main import main as run_driver
from k4a_ros.process.shutdown import Shutdown

#: names of the subscribed topics, separated by commas
EXPECTED = 'K4A_ROS_TEST_SUBSCRIBED_TOPICS'


def wait_for_subscribers(topics: set[str]) -> None:
    """Make the driver see no subscriber until each of these topics that it publishes has one."""
    from k4a_ros.publishing.topics import Topics
    matched = Topics.subscribers

    def subscribers(self: Topics) -> dict[str, int]:
        counts = matched(self)
        complete = all(count for topic, count in counts.items() if topic in topics)
        return counts if complete else dict.fromkeys(counts, 0)

    Topics.subscribers = subscribers


def main() -> int:
    """Run the driver, which handles signals before it imports what takes long."""
    install = Shutdown.install_signal_handlers

    def install_and_wait(self: Shutdown) -> None:
        install(self)
        wait_for_subscribers(set(os.environ[EXPECTED].split(',')))

    Shutdown.install_signal_handlers = install_and_wait
    return run_driver()


if __name__ == '__main__':
    raise SystemExit(main())

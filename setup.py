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

from pathlib import Path

from setuptools import find_packages
from setuptools import setup

package_name = 'k4a_ros'


def shared(*directories):
    """Return the entries of data_files that install the files of directories into share/."""
    return [(f'share/{package_name}/{directory}',
             sorted(str(path) for path in Path(directory).glob('*') if path.is_file()))
            for directory in directories]


setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={
        'k4a_ros': ['py.typed'],
        'k4a_ros.viewer': ['web/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        *shared('launch', 'config', 'urdf'),
    ],
    install_requires=['setuptools'],
    zip_safe=True,
    author='The k4a_ros contributors',
    maintainer='The k4a_ros contributors',
    maintainer_email='maintainers@k4a-ros.example.com',
    description='ROS 2 driver for the Azure Kinect DK and cameras with a compatible SDK.',
    license='Apache-2.0',
    extras_require={'test': ['pytest']},
    entry_points={
        'console_scripts': [
            'k4a_driver = k4a_ros.main:main',
            'k4a_info = k4a_ros.tools.info:main',
            'k4a_watch = k4a_ros.tools.watch:main',
            'k4a_view = k4a_ros.tools.view:main',
            'k4a_simulate = k4a_ros.tools.simulate:main',
            'k4a_record = k4a_ros.tools.record:main',
            'k4a_repair = k4a_ros.tools.repair:main',
            'k4a_reset = k4a_ros.tools.reset:main',
            'k4a_to_bag = k4a_ros.tools.to_bag:main',
            'k4a_from_bag = k4a_ros.tools.from_bag:main',
            'k4a_rig = k4a_ros.rig_nodes.manager:main',
            'k4a_calibrate_rig = k4a_ros.tools.calibrate_rig:main',
            'k4a_sync_monitor = k4a_ros.rig_nodes.monitor:main',
        ],
    },
)

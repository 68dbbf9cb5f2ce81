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
Build a package of messages and services for Python, with the rosidl generators and a compiler.

This does what rosidl_generate_interfaces does through CMake: IDL, type hashes, C structures, the
Fast CDR and introspection type supports, and the Python classes. It needs the dependencies of
rclpy's wheels, in an environment whose AMENT_PREFIX_PATH names them.

Usage: python build_interfaces.py PACKAGE_DIRECTORY OUTPUT_DIRECTORY
The output directory gets python/ for the module search path, and share/ with the ament index.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from ament_index_python.packages import get_package_share_directory
import numpy
from rosidl_adapter.msg import convert_msg_to_idl
from rosidl_adapter.srv import convert_srv_to_idl
from rosidl_generator_c import generate_c
from rosidl_generator_py import generate_py
from rosidl_generator_type_description import generate_type_hash
from rosidl_typesupport_c import generate_c as generate_typesupport_c
from rosidl_typesupport_fastrtps_c import generate_typesupport_fastrtps_c
from rosidl_typesupport_introspection_c import generate_c as generate_introspection_c

TYPE_SUPPORTS = ['rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c']
CONVERTERS = {'.msg': convert_msg_to_idl, '.srv': convert_srv_to_idl}
RUNTIME_LIBRARIES = [
    'rosidl_runtime_c', 'rosidl_typesupport_c', *TYPE_SUPPORTS, 'rosidl_typesupport_fastrtps_cpp',
    'rmw', 'rcutils', 'fastcdr']


def share(package: str) -> Path:
    """Return the share directory of an installed package."""
    return Path(get_package_share_directory(package))


def dependencies(idl_files: list[Path], own_name: str) -> list[str]:
    """Return the packages that IDL files include directly or indirectly, sorted."""
    found: set[str] = set()
    to_read = list(idl_files)
    while to_read:
        text = to_read.pop().read_text()
        for package, rest in re.findall(r'#include "(\w+)/([\w/]+\.idl)"', text):
            if package != own_name:
                found.add(package)
                to_read.append(share(package) / rest)
    return sorted(found)


class Builder:
    """The steps from .msg and .srv files to an importable package."""

    def __init__(self, source: Path, build: Path, output: Path) -> None:
        """
        Convert messages and services to IDL and find their dependencies.

        :param source: directory of the package, with its name, package.xml, msg/ and srv/.
        :param build: directory for intermediate files.
        :param output: directory that gets python/ and share/.
        """
        self.name = source.name
        self.source = source
        self.build = build
        self.module = output / 'python' / self.name
        self.share = output / 'share'
        self.interfaces = sorted(
            path.relative_to(source) for path in source.glob('*/*.*') if path.suffix in CONVERTERS)
        self.idls = [path.with_suffix('.idl') for path in self.interfaces]
        for path in self.interfaces:
            CONVERTERS[path.suffix](source, self.name, path, build / 'idl' / path.parent)
        self.needed = dependencies([build / 'idl' / path for path in self.idls], self.name)
        if any(path.suffix == '.srv' for path in self.interfaces):
            # of the events of services, which the generators add to their definitions
            self.needed = sorted({*self.needed, 'builtin_interfaces', 'service_msgs'})

    def arguments(self, directory: Path, **more: object) -> str:
        """Write the JSON file of arguments of a generator; return its path."""
        path = self.build / 'arguments.json'
        path.write_text(json.dumps({
            'package_name': self.name,
            'output_dir': str(directory),
            'idl_tuples': [f'{self.build}/idl:{path}' for path in self.idls],
            'ros_interface_dependencies': [
                f'{package}:{path}'
                for package in self.needed for path in sorted(share(package).glob('*/*.idl'))],
            'target_dependencies': [],
            **more}))
        return str(path)

    def generate(self) -> None:
        """Generate all C, C++ and Python sources."""
        hashes = self.build / 'type_description' / self.name
        generate_type_hash(self.arguments(
            hashes, include_paths=[f'{package}:{share(package)}' for package in self.needed]))
        described = [f'{path}:{hashes}/{path.with_suffix(".json")}' for path in self.idls]

        def run(generator, package: str, directory: Path, *more: list[str]) -> None:
            templates = share(package) / 'resource'
            generator(self.arguments(
                directory, template_dir=str(templates), type_description_tuples=described), *more)
            for template in templates.glob('*__visibility_control.h.in'):
                text = template.read_text().replace('@PROJECT_NAME@', self.name)
                header = directory / 'msg' / template.name.removesuffix('.in')
                header.parent.mkdir(exist_ok=True)
                header.write_text(text.replace('@PROJECT_NAME_UPPER@', self.name.upper()))

        run(generate_c, 'rosidl_generator_c', self.sources('c'))
        run(generate_typesupport_fastrtps_c, TYPE_SUPPORTS[0], self.sources('fastrtps'))
        run(generate_introspection_c, TYPE_SUPPORTS[1], self.sources('introspection'))
        run(generate_typesupport_c, 'rosidl_typesupport_c', self.sources('choice'), TYPE_SUPPORTS)
        run(generate_py, 'rosidl_generator_py', self.module, ['rosidl_typesupport_c'])
        (self.module / '__init__.py').touch()

    def sources(self, kind: str) -> Path:
        """Return the directory of one kind of generated sources; its parent is an include path."""
        return self.build / 'generated' / kind / self.name

    def build_libraries(self) -> None:
        """
        Build the four libraries next to the Python module, where the loader finds all of them.

        The extension module is built last and linked to the others even if it uses none of their
        symbols: rosidl looks up the type supports by name, and finds those already loaded.
        """
        parts = [
            (f'lib{self.name}__rosidl_generator_c.so', self.sources('c').rglob('*.c')),
            (f'lib{self.name}__{TYPE_SUPPORTS[0]}.so', self.sources('fastrtps').rglob('*.cpp')),
            (f'lib{self.name}__{TYPE_SUPPORTS[1]}.so', self.sources('introspection').rglob('*.c')),
            (f'{self.name}_s__rosidl_typesupport_c.so',
             [*self.sources('choice').rglob('*.cpp'), *self.module.rglob('*.c')])]
        parts = [(library, sorted(sources)) for library, sources in parts]
        sources = [source for _, some in parts for source in some]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = dict(zip(sources, pool.map(self.compile_one, sources), strict=True))
        built: list[str] = []
        for library, some in parts:
            self.run_compiler(
                '-shared', f'-Wl,-soname,{library}', '-o', self.module / library,
                *(objects[source] for source in some), '-Wl,--no-as-needed', *built,
                '-Wl,--as-needed', *self.link_options())
            built.append(str(self.module / library))
        for source in self.module.rglob('*.c'):
            source.unlink()

    def compile_one(self, source: Path) -> Path:
        """Compile one source file; return the object file."""
        language = ['-x', 'c', '-std=gnu11'] if source.suffix == '.c' else ['-std=c++17']
        target = self.build / (re.sub(r'\W', '_', str(source)) + '.o')
        includes = [directory.parent for directory in (self.build / 'generated').glob('*/*')]
        for prefix in prefixes():
            includes += [prefix / 'include', *(prefix / 'include').glob('*')]
        includes += [Path(sysconfig.get_path('include')), Path(numpy.get_include())]
        self.run_compiler(
            *language, '-O1', '-fPIC', '-w', *(f'-I{path}' for path in includes),
            '-c', source, '-o', target)
        return target

    def link_options(self) -> list[str]:
        """Return the linker options for the dependencies and the rosidl runtime."""
        libraries = [f'lib{name}.so' for name in RUNTIME_LIBRARIES]
        options = ['-Wl,-rpath,$ORIGIN']
        for prefix in prefixes():
            for package in self.needed:
                libraries += [path.name for path in (prefix / 'lib').glob(f'lib{package}__*.so')
                              if not path.stem.endswith('cpp')]
            options += [f'-L{prefix}/lib', f'-Wl,-rpath,{prefix}/lib']
        return [*options, *(f'-l:{name}' for name in dict.fromkeys(libraries))]

    def run_compiler(self, *arguments: object) -> None:
        """Run the C++ compiler: the environment variable CXX, or g++."""
        compiler = shlex.split(os.environ.get('CXX') or 'g++')
        subprocess.run([*compiler, *map(str, arguments)], check=True)

    def register(self) -> None:
        """Register the package and its interfaces in the ament index."""
        index = self.share / 'ament_index/resource_index'
        interfaces = [*self.interfaces, *self.idls]
        for kind, text in (('packages', ''),
                           ('rosidl_interfaces', '\n'.join(sorted(map(str, interfaces))))):
            (index / kind).mkdir(parents=True, exist_ok=True)
            (index / kind / self.name).write_text(text)
        target = self.share / self.name
        for path in self.interfaces:
            (target / path.parent).mkdir(parents=True, exist_ok=True)
            shutil.copy(self.source / path, target / path)
        shutil.copy(self.source / 'package.xml', target)
        described = self.build / 'type_description' / self.name
        for path in self.idls:
            shutil.copy(self.build / 'idl' / path, target / path)
            shutil.copy(described / path.with_suffix('.json'), target / path.parent)


def prefixes() -> list[Path]:
    """Return the directories of AMENT_PREFIX_PATH."""
    return [Path(path) for path in os.environ['AMENT_PREFIX_PATH'].split(os.pathsep) if path]


def main() -> None:
    """Build the package that is named on the command line."""
    source, output = (Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as build:
        builder = Builder(source, Path(build), output)
        builder.generate()
        builder.build_libraries()
        builder.register()


if __name__ == '__main__':
    main()

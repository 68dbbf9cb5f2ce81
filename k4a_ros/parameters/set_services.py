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
Services of a node that set parameters: answer every request, with a reason if it is rejected.

Those of rclpy end the node with an exception if a request is malformed, such as an unknown type of
a value, and say only that a parameter is read-only, not why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import Parameter
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node


def guard_set_services(
    node: Node, explain_read_only: Callable[[str], str | None],
    explain_defect: Callable[[Exception], str],
) -> None:
    """
    Wrap the callbacks of the services that set parameters.

    :param explain_read_only: returns why a parameter cannot be set; None if it can.
    :param explain_defect: returns the reason for a rejection from an unexpected exception.
    """
    def answer(
        set_parameters: Callable[[], SetParametersResult], parameters: list[Parameter],
    ) -> SetParametersResult:
        try:
            result = set_parameters()
        except Exception as error:
            return SetParametersResult(successful=False, reason=explain_defect(error))
        if not result.successful and 'read-only' in result.reason:
            reasons = filter(None, (explain_read_only(p.name) for p in parameters))
            result.reason = '; '.join(reasons) or result.reason
        return result

    def guard_separate(callback: Callable[..., Any]) -> Callable[..., Any]:
        def set_one(parameter: Parameter) -> SetParametersResult:
            request = SetParameters.Request(parameters=[parameter])
            (result,) = callback(request, SetParameters.Response()).results
            return result

        def guarded(request: Any, response: Any) -> Any:
            response.results = [
                answer(lambda p=parameter: set_one(p), [parameter])  # type: ignore[misc]
                for parameter in request.parameters]
            return response
        return guarded

    def guard_atomic(callback: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(request: Any, response: Any) -> Any:
            response.result = answer(
                lambda: callback(request, response).result, request.parameters)
            return response
        return guarded

    for service in node.services:
        if service.srv_type is SetParameters:
            service.callback = guard_separate(service.callback)
        elif service.srv_type is SetParametersAtomically:
            service.callback = guard_atomic(service.callback)

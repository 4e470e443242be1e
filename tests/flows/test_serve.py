from __future__ import annotations

from flows import line
from flows.serve import deployments


async def test_every_flow_has_a_schedule_that_a_stop_does_not_end():
    served = await deployments()
    assert {one.flow_name for one in served} == {flow.name for flow in line.FLOWS}
    for one in served:
        assert one.paused is False
        assert one.schedules
        # Prefect keeps parameters as they are: never whose, never a value.
        assert set(one.parameters) <= {"everyone"}

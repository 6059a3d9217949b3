"""Life cycles at work: which steps are possible, and whether one may be made or why not.

It must not know records, the database, how a guard is evaluated or how a gate is judged.
"""

from qtcore.engines.workflow.objections import Attempt, Evaluate
from qtcore.engines.workflow.run import (
    Leg,
    Lifecycle,
    LifecycleMachine,
    Moved,
    Stopped,
    advance,
    available,
    compile_workflow,
    fire,
    start,
)

__all__ = [
    "Attempt",
    "Evaluate",
    "Leg",
    "Lifecycle",
    "LifecycleMachine",
    "Moved",
    "Stopped",
    "advance",
    "available",
    "compile_workflow",
    "fire",
    "start",
]

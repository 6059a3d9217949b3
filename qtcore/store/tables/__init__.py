"""All tables; importing this module registers them with the metadata.

It must not hold logic.
"""

from qtcore.store.tables.access import ApiToken, IdempotencyKey, Outbox, UserAccount, WebSession
from qtcore.store.tables.epcis import EpcisEvent, EpcisQuery
from qtcore.store.tables.events import (
    Discrepancy,
    Edge,
    Event,
    ImportRow,
    ImportRun,
    Movement,
)
from qtcore.store.tables.ledger import (
    LedgerAbout,
    LedgerCheckpoint,
    LedgerEvent,
    LedgerPending,
    LedgerPrivate,
    LedgerSeal,
    LedgerTile,
)
from qtcore.store.tables.lots import (
    Hold,
    Identifier,
    InspectionResult,
    LogisticUnit,
    Lot,
    Node,
    NodeAlias,
    Unit,
)
from qtcore.store.tables.master import (
    Equipment,
    FieldValue,
    Item,
    KeyCounter,
    Location,
    Party,
    Person,
    Tenant,
)
from qtcore.store.tables.records import (
    Attachment,
    DefinitionVersion,
    RecallSnapshot,
    Record,
    RecordLink,
    RecordRevision,
    Signature,
    StateChange,
)

__all__ = [
    "ApiToken",
    "Attachment",
    "DefinitionVersion",
    "Discrepancy",
    "Edge",
    "EpcisEvent",
    "EpcisQuery",
    "Equipment",
    "Event",
    "FieldValue",
    "Hold",
    "IdempotencyKey",
    "Identifier",
    "ImportRow",
    "ImportRun",
    "InspectionResult",
    "Item",
    "KeyCounter",
    "LedgerAbout",
    "LedgerCheckpoint",
    "LedgerEvent",
    "LedgerPending",
    "LedgerPrivate",
    "LedgerSeal",
    "LedgerTile",
    "Location",
    "LogisticUnit",
    "Lot",
    "Movement",
    "Node",
    "NodeAlias",
    "Outbox",
    "Party",
    "Person",
    "RecallSnapshot",
    "Record",
    "RecordLink",
    "RecordRevision",
    "Signature",
    "StateChange",
    "Tenant",
    "Unit",
    "UserAccount",
    "WebSession",
]

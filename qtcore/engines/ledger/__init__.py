"""The ledger: canonical bytes, commitments, Merkle tree, proofs, signed notes, a history's check.

It must not know tables, tenants, clocks or keys at rest; it works on bytes it is given.
"""

from qtcore.engines.ledger.canonical import (
    CanonicalError,
    Json,
    canonical_bytes,
    exact_text,
    join_members,
    read_canonical,
    text_bytes,
)
from qtcore.engines.ledger.checkpoint import Checkpoint, incarnation_origin, read_checkpoint
from qtcore.engines.ledger.commitment import SALT_SIZE, commit_field, verify_field
from qtcore.engines.ledger.contents import LedgerEvent, PrivateField
from qtcore.engines.ledger.history import (
    HistoryProblem,
    HistoryVerdict,
    Kept,
    ProblemKind,
    StoredCheckpoint,
    Trust,
    Witnessed,
    check_history,
)
from qtcore.engines.ledger.note import (
    NoteError,
    NoteKey,
    OpenedNote,
    RetiredKey,
    UnsignedNote,
    add_signature,
    key_of,
    open_note,
    read_vkey,
    sign_note,
)
from qtcore.engines.ledger.notices import ERASURE, RESTORE, HistoryNotice
from qtcore.engines.ledger.proofs import (
    ProofError,
    consistency_path,
    consistency_ranges,
    inclusion_path,
    inclusion_ranges,
    verify_consistency,
    verify_inclusion,
)
from qtcore.engines.ledger.tree import (
    EMPTY_ROOT,
    EMPTY_TREE,
    Frontier,
    TreeNode,
    leaf_hash,
    new_nodes,
    node_hash,
)

__all__ = [
    "EMPTY_ROOT",
    "EMPTY_TREE",
    "ERASURE",
    "RESTORE",
    "SALT_SIZE",
    "CanonicalError",
    "Checkpoint",
    "Frontier",
    "HistoryNotice",
    "HistoryProblem",
    "HistoryVerdict",
    "Json",
    "Kept",
    "LedgerEvent",
    "NoteError",
    "NoteKey",
    "OpenedNote",
    "PrivateField",
    "ProblemKind",
    "ProofError",
    "RetiredKey",
    "StoredCheckpoint",
    "TreeNode",
    "Trust",
    "UnsignedNote",
    "Witnessed",
    "add_signature",
    "canonical_bytes",
    "check_history",
    "commit_field",
    "consistency_path",
    "consistency_ranges",
    "exact_text",
    "incarnation_origin",
    "inclusion_path",
    "inclusion_ranges",
    "join_members",
    "key_of",
    "leaf_hash",
    "new_nodes",
    "node_hash",
    "open_note",
    "read_canonical",
    "read_checkpoint",
    "read_vkey",
    "sign_note",
    "text_bytes",
    "verify_consistency",
    "verify_field",
    "verify_inclusion",
]

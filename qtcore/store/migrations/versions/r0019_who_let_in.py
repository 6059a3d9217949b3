"""Who let a signer in and who identified them, the age of passwords, trainings that are assigned.

It must not import the tables: a revision says itself what they were when it was written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0028"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("user_account", sa.Column("password_set_at", TIME, nullable=True))
    op.add_column("signer_standing", sa.Column("identity_by_person", sa.BigInteger()))
    op.add_column("signer_standing", sa.Column("let_in_at", TIME, nullable=True))
    op.add_column("signer_standing", sa.Column("let_in_by", sa.BigInteger(), nullable=True))
    op.create_table(
        "training_task",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.String(80), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("assigned_at", TIME, nullable=False),
        sa.Column("assigned_by", sa.String(120), nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_training_task_tenant_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_training_task")),
        sa.UniqueConstraint("tenant_id", "uid", name=op.f("uq_training_task_tenant_id_uid")),
    )
    op.create_index("ix_training_task_person", "training_task", ["tenant_id", "person_id"])


def downgrade() -> None:
    op.drop_index("ix_training_task_person", "training_task")
    op.drop_table("training_task")
    op.drop_column("signer_standing", "let_in_by")
    op.drop_column("signer_standing", "let_in_at")
    op.drop_column("signer_standing", "identity_by_person")
    op.drop_column("user_account", "password_set_at")

"""Reads or writes rows of `vectors` as the Python application does: rows.py read|write URL."""

import json
import sys

from sqlalchemy import ForeignKey, Text, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)


class Vectors(Base):
    __tablename__ = "vectors"
    id: Mapped[int] = mapped_column(primary_key=True)
    doc_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    page: Mapped[int]
    vector_ids: Mapped[str] = mapped_column(Text)


def read(session):
    rows = session.scalars(select(Vectors).order_by(Vectors.id))
    fields = [
        {"doc_id": row.doc_id, "page": row.page, "vector_ids": json.loads(row.vector_ids)}
        for row in rows
    ]
    json.dump(fields, sys.stdout)


def write(session):
    for row in json.load(sys.stdin):
        row["vector_ids"] = json.dumps(row["vector_ids"], ensure_ascii=False)
        session.add(Vectors(**row))
    session.commit()


command, url = sys.argv[1:]
with Session(create_engine(url)) as session:
    {"read": read, "write": write}[command](session)

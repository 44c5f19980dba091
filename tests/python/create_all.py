"""Makes the application's tables as its models do, with rows: create_all.py URL."""

import json
import sys
from uuid import uuid4

from sqlalchemy import ForeignKey, String, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True, index=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    disabled: Mapped[bool] = mapped_column(default=False)


class Collection(Base):
    __tablename__ = "collections"
    id: Mapped[int] = mapped_column(primary_key=True, index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True, index=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id"), index=True)
    title: Mapped[str] = mapped_column(Text)


class Vectors(Base):
    __tablename__ = "vectors"
    id: Mapped[int] = mapped_column(primary_key=True, index=True)
    doc_id: Mapped[int] = mapped_column(ForeignKey("documents.id"), index=True)
    page: Mapped[int]
    vector_ids: Mapped[str] = mapped_column(Text)


url = sys.argv[1]
# The test server's default storage engine is another than the application's.
innodb = {"init_command": "SET default_storage_engine = InnoDB"} if url.startswith("mysql") else {}
engine = create_engine(url, connect_args=innodb)
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add(User(id=1, email="reader@example.com"))
    session.flush()
    session.add(Collection(id=1, owner_id=1))
    session.flush()
    session.add_all(Document(id=number, collection_id=1, title="t") for number in (1, 2, 3))
    session.flush()
    for number in (1, 2, 3):
        ids = json.dumps([uuid4().hex for _ in range(3)])
        session.add(Vectors(doc_id=number, page=1, vector_ids=ids))
    session.commit()

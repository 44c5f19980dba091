"""Reads or writes rows of `vectors` as the Python application does: rows.py read|write URL."""

import json
import sys

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import Vectors


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

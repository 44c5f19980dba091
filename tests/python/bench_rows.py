"""Writes or reads pages as an application with SQLAlchemy does, and prints seconds and peak KiB.

bench_rows.py write|read orm|core URL DOCUMENTS PAGES IDS
"""

import json
import os
import resource
import sys
import time

from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session

from models import Vectors


def written(ids):
    return json.dumps(ids, ensure_ascii=False)


def write_orm(engine, documents):
    for doc_id, pages in documents:
        with Session(engine) as session:
            session.add_all(
                Vectors(doc_id=doc_id, page=page, vector_ids=written(ids))
                for page, ids in enumerate(pages)
            )
            session.commit()


def write_core(engine, documents):
    for doc_id, pages in documents:
        with engine.begin() as connection:
            rows = [
                {"doc_id": doc_id, "page": page, "vector_ids": written(ids)}
                for page, ids in enumerate(pages)
            ]
            connection.execute(insert(Vectors), rows)


def read_orm(engine, doc_ids):
    count = 0
    for doc_id in doc_ids:
        with Session(engine) as session:
            rows = session.scalars(select(Vectors).where(Vectors.doc_id == doc_id))
            pages = {row.page: json.loads(row.vector_ids) for row in rows}
            count += sum(map(len, pages.values()))
    return count


def read_core(engine, doc_ids):
    count = 0
    query = select(Vectors.page, Vectors.vector_ids)
    for doc_id in doc_ids:
        with engine.connect() as connection:
            rows = connection.execute(query.where(Vectors.doc_id == doc_id))
            pages = {page: json.loads(ids) for page, ids in rows}
            count += sum(map(len, pages.values()))
    return count


def page(count):
    digits = os.urandom(16 * count).hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


action, way, url, documents, pages, ids = sys.argv[1:]
documents, pages, ids = int(documents), int(pages), int(ids)
engine = create_engine(url)
engine.connect().close()
if action == "write":
    work = [(doc_id + 1, [page(ids) for _ in range(pages)]) for doc_id in range(documents)]
    run = {"orm": write_orm, "core": write_core}[way]
else:
    work = range(1, documents + 1)
    run = {"orm": read_orm, "core": read_core}[way]
started = time.perf_counter()
count = run(engine, work)
elapsed = time.perf_counter() - started
assert count in (None, documents * pages * ids), count
print(elapsed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

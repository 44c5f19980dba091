"""Reads the table and compares it with the points of a file, as a script does that keeps them in a set.

bench_audit.py URL [POINTS]
"""

import json
import sys

from sqlalchemy import create_engine, select

from models import Vectors

url, *files = sys.argv[1:]
points = set()
for file in files:
    with open(file) as lines:
        points.update(line.strip().replace("-", "") for line in lines)

seen = set()
twice = missing = 0
query = select(Vectors.id, Vectors.doc_id, Vectors.page, Vectors.vector_ids)
with create_engine(url).connect() as connection:
    rows = connection.execution_options(yield_per=100).execute(query)
    for row, doc_id, page, ids in rows:
        try:
            ids = json.loads(ids)
        except ValueError as error:
            print(f"row {row}, page {page} of document {doc_id}: {error}")
            continue
        for vector_id in ids:
            if vector_id in seen:
                twice += 1
            seen.add(vector_id)
            if files and vector_id not in points:
                missing += 1
stray = len(points - seen)
print(len(seen), twice, missing, stray)

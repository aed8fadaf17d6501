"""What DuckDB says of all segments of a folder: folder, columns to sum, columns to tell apart."""

import json
import sys

import duckdb

files = sys.argv[1] + "/data/**/*.parquet"
numbers, texts = json.loads(sys.argv[2]), json.loads(sys.argv[3])


def ask(select, rest=""):
    answer = duckdb.sql(f"SELECT {select} FROM read_parquet('{files}') {rest}")
    return [dict(zip(answer.columns, row)) for row in answer.fetchall()]


def rank(percent):
    return f"list_sort(list(elapsed_us))[(count(*) * {percent} + 99) // 100]"


def groups(by):
    select = f"""{by}, count(*) AS count, count(*) FILTER (error <> '') AS errors,
        sum(elapsed_us)::BIGINT AS elapsed_sum_us, sum(sql_us)::BIGINT AS sql_sum_us,
        sum(api_us)::BIGINT AS api_sum_us, max(elapsed_us) AS max_us,
        {rank(50)} AS p50_us, {rank(95)} AS p95_us, {rank(99)} AS p99_us,
        epoch_us(min(end_time)) AS first_unix_us, epoch_us(max(end_time)) AS last_unix_us"""
    return ask(select, f"GROUP BY {by}")


sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in numbers)
distinct = ", ".join(f'count(DISTINCT "{name}") AS "{name}"' for name in texts)
ids = """count(DISTINCT txid) AS txids, min(txid) AS least_txid, max(txid) AS greatest_txid,
    count(DISTINCT gxid) AS gxids, lower(hex(min(gxid))) AS least_gxid,
    lower(hex(max(gxid))) AS greatest_gxid, count(*) FILTER (caller <> 0) AS callers"""
print(json.dumps({
    "services": groups("service, object"),
    "tenants": groups("tenant"),
    "sums": ask(sums)[0],
    "distinct": ask(distinct)[0],
    "ids": ask(ids)[0],
}))

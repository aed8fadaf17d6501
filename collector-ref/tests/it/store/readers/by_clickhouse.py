"""What ClickHouse's engine says of all segments of a folder: as `by_duckdb.py`."""

import json
import sys

import chdb

files = sys.argv[1] + "/data/*/*/*.parquet"
numbers, texts = json.loads(sys.argv[2]), json.loads(sys.argv[3])


def ask(select, rest=""):
    answer = chdb.query(
        f"SELECT {select} FROM file('{files}', Parquet) {rest} "
        "SETTINGS output_format_json_quote_64bit_integers = 0",
        "JSON",
    )
    return json.loads(str(answer))["data"]


def rank(percent):
    return f"arraySort(groupArray(elapsed_us))[intDiv(count() * {percent} + 99, 100)]"


def groups(by):
    select = f"""{by}, count() AS count, countIf(error <> '') AS errors,
        sum(elapsed_us) AS elapsed_sum_us, sum(sql_us) AS sql_sum_us,
        sum(api_us) AS api_sum_us, max(elapsed_us) AS max_us,
        {rank(50)} AS p50_us, {rank(95)} AS p95_us, {rank(99)} AS p99_us,
        toUnixTimestamp64Micro(min(end_time)) AS first_unix_us,
        toUnixTimestamp64Micro(max(end_time)) AS last_unix_us"""
    return ask(select, f"GROUP BY {by}")


sums = ", ".join(f"sum({name}) AS {name}_sum" for name in numbers)
distinct = ", ".join(f"uniqExact(`{name}`) AS `{name}_count`" for name in texts)
ids = """uniqExact(txid) AS txids, min(txid) AS least_txid, max(txid) AS greatest_txid,
    uniqExact(gxid) AS gxids, lower(hex(min(gxid))) AS least_gxid,
    lower(hex(max(gxid))) AS greatest_gxid, countIf(caller <> 0) AS callers"""
# An alias that is a column's name would be meant inside of the aggregate too.
of_column = lambda row: {name.rpartition("_")[0]: value for name, value in row.items()}
print(json.dumps({
    "services": groups("service, object"),
    "tenants": groups("tenant"),
    "sums": of_column(ask(sums)[0]),
    "distinct": of_column(ask(distinct)[0]),
    "ids": ask(ids)[0],
}))

"""What pandas, with pyarrow, says of all segments of a folder: as `by_duckdb.py`."""

import glob
import json
import sys

import pandas

files = sorted(glob.glob(sys.argv[1] + "/data/*/*/*.parquet"))
numbers, texts = json.loads(sys.argv[2]), json.loads(sys.argv[3])
frame = pandas.read_parquet(files, engine="pyarrow")
frame["is_error"] = frame.error != ""
frame["end_unix_us"] = frame.end_time.astype("datetime64[us, UTC]").astype("int64")


def rank(percent):
    return lambda values: values.sort_values().iloc[(len(values) * percent + 99) // 100 - 1]


def groups(by):
    groups = frame.groupby(by, observed=True).agg(
        count=("elapsed_us", "size"), errors=("is_error", "sum"),
        elapsed_sum_us=("elapsed_us", "sum"), sql_sum_us=("sql_us", "sum"),
        api_sum_us=("api_us", "sum"), max_us=("elapsed_us", "max"),
        p50_us=("elapsed_us", rank(50)), p95_us=("elapsed_us", rank(95)),
        p99_us=("elapsed_us", rank(99)),
        first_unix_us=("end_unix_us", "min"), last_unix_us=("end_unix_us", "max"),
    )
    return json.loads(groups.reset_index().to_json(orient="records"))


print(json.dumps({
    "services": groups(["service", "object"]),
    "tenants": groups(["tenant"]),
    "sums": {name: int(frame[name].sum()) for name in numbers},
    "distinct": {name: frame[name].nunique() for name in texts},
    "ids": {
        "txids": frame.txid.nunique(),
        "least_txid": int(frame.txid.min()),
        "greatest_txid": int(frame.txid.max()),
        "gxids": frame.gxid.nunique(),
        "least_gxid": frame.gxid.min().hex(),
        "greatest_gxid": frame.gxid.max().hex(),
        "callers": int((frame.caller != 0).sum()),
    },
}))

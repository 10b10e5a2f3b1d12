"""Locations that no page may open, and values that no page may accept."""

from __future__ import annotations

RUN_KEY = "ab" * 16


def hostile_locations(port: int, folder: str) -> list[str]:
    """Return locations of every kind.

    Args:
        port: port of a canary on loopback.
        folder: folder with a readable canary file at `_aimlapi/<key>/`.
    """
    host = f"127.0.0.1:{port}"
    return [
        folder,
        f"file://{folder}",
        f"local://{folder}",
        "/dev/zero",
        "file:///dev/zero",
        "file:///proc/self/environ",
        f"ftp://{host}/out",
        f"http://{host}/out",
        f"https://{host}/out",
        f"sftp://{host}/out",
        f"webhdfs://{host}/out",
        f"jupyter://{host}/out",
        f"dask://{host}/out",
        f"zip://out::http://{host}/a.zip",
        f"zip://out::ftp://{host}/a.zip",
        f"zip://out::file://{folder}/a.zip",
        f"tar://out::http://{host}/a.tar",
        f"simplecache::http://{host}/out",
        f"filecache::ftp://{host}/out",
        f"blockcache://::http://{host}/out",
        f"dir://out::file://{folder}",
        f"reference://out::http://{host}/refs.json",
        f"reference://{host}/refs.json",
        "memory://out",
        "github://owner:repo@main/out",
        "git:///out",
        "hdfs://127.0.0.1/out",
        "s3://canary_store@bucket/out",
        "s3a://canary_store@bucket/out",
        f"s3://user:password@{host}/out",
        "data:application/json,%7B%7D",
        f"\r\nhttp://{host}/out",
        "",
        "../../etc",
    ]


def shapes_of(location: str) -> list[object]:
    """Return the values by which an XCom may name a location."""
    return [
        {"output_path": location, "storage_conn_id": None, "run_key": RUN_KEY},
        {
            "output_path": location,
            "storage_conn_id": "canary_store",
            "run_key": RUN_KEY,
            "share": 3,
        },
        {"run_key": RUN_KEY, "progress": f"{location}/_aimlapi/{RUN_KEY}/progress.json"},
        location,
        f"{location}/_aimlapi/{RUN_KEY}/progress.json",
        [location, RUN_KEY],
    ]


NO_RUN_KEYS: list[object] = [
    None,
    True,
    7,
    1e300,
    "",
    "ab",
    RUN_KEY.upper(),
    RUN_KEY + "\n",
    "\n" + RUN_KEY,
    RUN_KEY + "0",
    RUN_KEY[:-1] + "g",
    RUN_KEY[:-1] + "\u0661",
    f'"{RUN_KEY}"',
    f"../{RUN_KEY}",
    f"{RUN_KEY}/../../..",
    "run-a.hta",
    f'{RUN_KEY}"; filename="a.hta',
    f"{RUN_KEY}\r\nSet-Cookie: a=b",
    [RUN_KEY],
    {"run_key": RUN_KEY},
    {"__classname__": "builtins.tuple", "__version__": 1, "__data__": [RUN_KEY]},
    "a" * 1_000_000,
]
"""Values that are no run key; nothing may be read or named by them."""


def nested(depth: int = 200_000) -> str:
    """Return valid JSON that is nested too deeply for a recursive decoder."""
    return "[" * depth + "]" * depth

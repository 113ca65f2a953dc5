# SPDX-License-Identifier: MIT
"""The work of benchmark 1 in Python: job lines in, result lines out, two processes.

    pool.py map|imap_unordered IN OUT
"""
import json
import sys
from multiprocessing import Pool


def add(line):
    job = json.loads(line)
    args = job["args"]
    result = {"id": job["id"], "status": "ok", "result": args["a"] + args["b"]}
    return json.dumps(result, separators=(",", ":")) + "\n"


def main():
    how, source, target = sys.argv[1:]
    with open(source) as lines, open(target, "w") as out, Pool(2) as pool:
        if how == "map":
            out.writelines(pool.map(add, lines))
        else:
            out.writelines(pool.imap_unordered(add, lines, chunksize=1024))


if __name__ == "__main__":
    main()

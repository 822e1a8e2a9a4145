#!/usr/bin/env python3
"""Bucketing of ff, written a second time, in plain Python, without any package.

    bucketing.py --check   recompute every vector of bucketing.json; exit 1 on any difference
    bucketing.py --fill    compute the outputs of vectors that have only inputs yet, and write them
    bucketing.py TENANT TEXT ID [DOMAIN]   show the hash and the bucket of one user

A vector that is in the file never changes: --fill adds what is missing and leaves the rest alone.
docs/bucketing.md describes the encoding; this script and the engine are two readings of it.
"""

import json
import math
import os
import re
import sys
from datetime import datetime, timezone

KEY = b"ff-bucketing-v01"
DISTRIBUTION, PERCENTAGE, SEGMENT_PERCENTAGE = 1, 2, 3
WHOLE = 1 << 64
MASK = WHOLE - 1
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bucketing.json")


# --- SipHash-2-4 -------------------------------------------------------------------------------


def rotate_left(word, bits):
    return ((word << bits) | (word >> (64 - bits))) & MASK


def sip_rounds(v, count):
    v0, v1, v2, v3 = v
    for _ in range(count):
        v0 = (v0 + v1) & MASK
        v1 = rotate_left(v1, 13) ^ v0
        v0 = rotate_left(v0, 32)
        v2 = (v2 + v3) & MASK
        v3 = rotate_left(v3, 16) ^ v2
        v0 = (v0 + v3) & MASK
        v3 = rotate_left(v3, 21) ^ v0
        v2 = (v2 + v1) & MASK
        v1 = rotate_left(v1, 17) ^ v2
        v2 = rotate_left(v2, 32)
    return [v0, v1, v2, v3]


def siphash_2_4(key, message, output_bytes):
    """The reference algorithm; `output_bytes` is 8 or 16. Answers bytes, in the reference order."""
    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:16], "little")
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    if output_bytes == 16:
        v[1] ^= 0xEE
    whole_words = len(message) // 8
    words = [int.from_bytes(message[8 * i : 8 * i + 8], "little") for i in range(whole_words)]
    tail = int.from_bytes(message[8 * whole_words :], "little")
    words.append(tail | (len(message) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        v = sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xEE if output_bytes == 16 else 0xFF
    v = sip_rounds(v, 4)
    output = (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    if output_bytes == 16:
        v[1] ^= 0xDD
        v = sip_rounds(v, 4)
        output += (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    return output


# Outputs published with the reference implementation, for the key 00 01 … 0f and the message
# 00 01 … of the given length.
REFERENCE_64 = {
    0: "310e0edd47db6f72",
    1: "fd67dc93c539f874",
    2: "5a4fa9d909806c0d",
    3: "2d7efbd796666785",
    8: "6224939a79f5f593",
    15: "e545be4961ca29a1",
    63: "724506eb4c328a95",
}
REFERENCE_128 = {
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
    63: "5150d1772f50834a503e069a973fbd7c",
}


def check_siphash():
    key = bytes(range(16))
    for output_bytes, reference in ((8, REFERENCE_64), (16, REFERENCE_128)):
        for length, expected in reference.items():
            found = siphash_2_4(key, bytes(range(length)), output_bytes).hex()
            if found != expected:
                sys.exit(f"siphash of {length} bytes to {output_bytes}: {found}, not {expected}")


# --- the encoding ------------------------------------------------------------------------------


def length_prefixed(text):
    encoded = text.encode("utf-8")
    return len(encoded).to_bytes(4, "little") + encoded


def seed(domain, tenant, text):
    return siphash_2_4(KEY, bytes([domain]) + length_prefixed(tenant) + length_prefixed(text), 16)


def hash_of(seed_bytes, user_id):
    return int.from_bytes(siphash_2_4(seed_bytes, user_id.encode("utf-8"), 8), "little")


def bucket(hash_value):
    return (hash_value >> 11) / 2**53


# --- thresholds --------------------------------------------------------------------------------


def percentage_threshold(percentage):
    return math.trunc(float(percentage) / 100.0 * 2.0**64)


def distribution_thresholds(weights):
    sums, total = [], 0.0
    for weight in weights:
        total += float(weight)
        sums.append(total)
    return [math.trunc(c / total * 2.0**64) for c in sums]


def nanoseconds(instant):
    """Nanoseconds since 1970-01-01T00:00:00Z of an RFC 3339 instant in UTC."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", instant)
    if not match:
        sys.exit(f"not an instant: {instant}")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    since = whole - datetime(1970, 1, 1, tzinfo=timezone.utc)
    seconds = since.days * 86_400 + since.seconds
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))


def growing_threshold(start, end, now):
    t0, t1, at = nanoseconds(start["at"]), nanoseconds(end["at"]), nanoseconds(now)
    first, last = percentage_threshold(start["value"]), percentage_threshold(end["value"])
    if at <= t0:
        return first
    if at >= t1:
        return last
    if last >= first:
        return first + (last - first) * (at - t0) // (t1 - t0)
    return first - (first - last) * (at - t0) // (t1 - t0)


# --- the vectors -------------------------------------------------------------------------------


def hex16(number):
    """At least 16 digits; 2^64 itself, "everybody", has 17."""
    return format(number, "016x")


def bucket_outputs(vector):
    seed_bytes = seed(vector["domain"], vector["tenant"], vector["text"])
    hash_value = hash_of(seed_bytes, vector["id"])
    return {"seed": seed_bytes.hex(), "hash": hex16(hash_value), "bucket": bucket(hash_value)}


def distribution_outputs(vector):
    return {"thresholds": [hex16(t) for t in distribution_thresholds(vector["weights"])]}


def percentage_outputs(vector):
    return {"threshold": hex16(percentage_threshold(vector["percentage"]))}


def growing_outputs(vector):
    return {"threshold": hex16(growing_threshold(vector["from"], vector["to"], vector["now"]))}


SECTIONS = {
    "buckets": bucket_outputs,
    "distributions": distribution_outputs,
    "percentages": percentage_outputs,
    "growing": growing_outputs,
}


def check(document):
    count, differences = 0, 0
    for section, outputs in SECTIONS.items():
        for number, vector in enumerate(document[section]):
            count += 1
            for name, expected in outputs(vector).items():
                if vector.get(name) != expected:
                    differences += 1
                    print(f"/{section}/{number}/{name}: {vector.get(name)} in the file, {expected} computed")
    print(f"{count} vectors, {differences} differences")
    return 1 if differences else 0


def fill(document):
    for section, outputs in SECTIONS.items():
        for vector in document[section]:
            for name, value in outputs(vector).items():
                vector.setdefault(name, value)
    with open(FILE, "w", encoding="utf-8") as file:
        file.write(render(document))
    return 0


def render(document):
    """One vector a line, so that an added vector is an added line in a diff."""
    parts = []
    for name, value in document.items():
        if isinstance(value, list):
            lines = ",\n    ".join(json.dumps(vector, ensure_ascii=False) for vector in value)
            parts.append(f"  {json.dumps(name)}: [\n    {lines}\n  ]")
        else:
            parts.append(f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments):
    check_siphash()
    if arguments in (["--check"], ["--fill"]):
        with open(FILE, encoding="utf-8") as file:
            document = json.load(file)
        return check(document) if arguments == ["--check"] else fill(document)
    if len(arguments) in (3, 4):
        domain = int(arguments[3]) if len(arguments) == 4 else DISTRIBUTION
        vector = {"domain": domain, "tenant": arguments[0], "text": arguments[1], "id": arguments[2]}
        print(json.dumps(bucket_outputs(vector)))
        return 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Blind signing by the issuer, as a ratio to the bare private operation with the same key.

    python bench/blind_signing.py [--signatures 200] [--rounds 5]

Bare: the two half-size exponentiations of the CRT in constant time (`gmpy2.powmod_sec`) and putting
them together; nothing else. Ours adds what keeps the key safe: the range check, a fresh random
factor taken in and out, and checking the result under the public key before it leaves. Processor
time, in turns; each value is fresh.
Goal: at most 1.2.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

import gmpy2

from circles.protocol.blind import IssuerKey


def blinded(n: bytes) -> bytes:
    """A random value below the modulus."""
    return (secrets.randbelow(int.from_bytes(n, "big") - 1) + 1).to_bytes(len(n), "big")


def bare(key: IssuerKey, values: list[bytes]) -> float:
    """Seconds of the private operation alone."""
    start = time.process_time()
    for value in values:
        message = gmpy2.mpz(int.from_bytes(value, "big"))
        half_p = gmpy2.powmod_sec(message % key.p, key.d_p, key.p)
        half_q = gmpy2.powmod_sec(message % key.q, key.d_q, key.q)
        whole = half_q + key.q * ((half_p - half_q) * key.q_inverse % key.p)
        int(whole).to_bytes(len(key.n), "big")
    return time.process_time() - start


def ours(key: IssuerKey, values: list[bytes]) -> float:
    """Seconds of blind signing."""
    start = time.process_time()
    for value in values:
        key.sign_blinded(value)
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--signatures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    key = IssuerKey.generate()
    pairs = []
    for _ in range(arguments.rounds):
        values = [blinded(key.n) for _ in range(arguments.signatures)]
        pairs.append((bare(key, values), ours(key, values)))
    each = 1000 / arguments.signatures
    print(
        json.dumps(
            {
                "bare_ms": round(each * median(a for a, _b in pairs), 3),
                "ours_ms": round(each * median(b for _a, b in pairs), 3),
                "ratio": round(median(b / a for a, b in pairs), 3),
            }
        )
    )


if __name__ == "__main__":
    main()

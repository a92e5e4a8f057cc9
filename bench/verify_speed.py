"""How long `verify` takes for N ballots, as a ratio to its primitives alone.

    python bench/verify_speed.py [--ballots 1000] [--rounds 3]

The floor is one RSA-PSS check, one Ed25519 check, one HPKE opening, one AES-GCM opening and the
hashes a ballot, each by the fastest binding, over the very ballots of the archive. Prints JSON;
the goal is a ratio of at most 1.5 at 1,000 ballots.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from circles.protocol import blind, merkle, seal, signature
from circles.protocol import messages as m
from circles.protocol.verify import verify
from tests.protocol import simulator as s


class Town(s.Month):
    """Many members, one trustee, three ballots each."""

    def take_and_cast(self) -> None:
        """All take, all cast."""
        for member in range(self.members):
            for slot in range(3):
                self.cast(self.vote.take(member, slot), (1 + member % 3,), 1)


def build(ballots: int) -> Town:
    """A month with that many ballots, rounded up to whole members."""

    def one_trustee(poll: m.Poll) -> m.Poll:
        return replace(poll, trustees=poll.trustees[:1], threshold=1)

    bend = {"poll vote": one_trustee}
    month = Town(bend=bend, members=-(-ballots // 3), openings=(1,), stop="open_and_count")
    month.run()
    month.receipts = []
    return month


def floor_seconds(month: Town) -> float:
    """CPU time of the primitives alone."""
    secret = X25519PrivateKey.from_private_bytes(s.trustee_key(1).secret)
    n = month.vote.poll.issuers[0]
    work: list[tuple[Any, ...]] = []
    for data in month.vote.cast.values():
        ballot = m.Ballot.parse(data)
        info = seal.share_info(ballot.poll, ballot.key, 1)
        key = seal.open_share(ballot.shares[0], secret, info)
        credential = ballot.prefixes[0] + m.Credential(ballot.poll, ballot.key).text()
        above = m.sealed_part(data)
        work.append((data, ballot, info, key, credential, m.signed_part(data), above))
    start = time.process_time()
    for data, ballot, info, key, credential, signed, above in work:
        good = blind.verify(n, credential, ballot.tokens[0])
        good = good and signature.verify(ballot.key, signed, ballot.sig)
        seal.open_share(ballot.shares[0], secret, info)
        AESGCM(key).decrypt(bytes(12), ballot.body, above)
        sha256(b"circles/commit/v1\n" + key).digest()
        merkle.node(merkle.leaf(data), key)
        if not good:
            raise AssertionError("the floor refuses an honest ballot")
    return time.process_time() - start


def verify_seconds(source: s.MemorySource) -> float:
    """CPU time of the whole verification."""
    start = time.process_time()
    report = verify(source)
    seconds = time.process_time() - start
    if not report.holds:
        raise AssertionError(report.problems)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ballots", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    month = build(arguments.ballots)
    files = month.files()
    source = s.MemorySource({k: v for k, v in files.items() if not k.startswith("evidence/")})
    floors, whole = [], []
    for _ in range(arguments.rounds):
        floors.append(floor_seconds(month))
        whole.append(verify_seconds(source))
    result = {
        "ballots": len(month.vote.cast),
        "floor_s": round(median(floors), 4),
        "verify_s": round(median(whole), 4),
        "ratio": round(median(whole) / median(floors), 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""How long `verify` takes for N ballots, as a ratio to its primitives alone.

    python bench/verify_speed.py [--ballots 1000] [--rounds 3]

The floor is one RSA-PSS check, one Ed25519 check, one HPKE opening, one AES-GCM opening and the
hashes a ballot, each by the fastest binding, over the very ballots of the archive; floor and whole
are processor time in one process, in turns. `command` is `circles-verify` on the same archive as a
zip, a process of its own: seconds by the clock from its start, and its peak memory. Each ballot
has its own key and token; the issuer signs the credential directly, which gives the same token as
blinding would, in a third of the time. Prints JSON. Goals: ratio at most 1.3 (must: 1.5), memory
at most 80 MiB for 1,000 and 150 MiB for 100,000 ballots, the command under 0.27 s for 20.
"""

import argparse
import json
import secrets
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384

from bench.processes import taken
from circles.protocol import ballot as b
from circles.protocol import blind, merkle, seal, signature
from circles.protocol import messages as m
from circles.protocol.verify import verify
from tests.protocol import simulator as s

PSS = padding.PSS(padding.MGF1(SHA384()), blind.SALT_BYTES)


def private_key(key: blind.IssuerKey) -> rsa.RSAPrivateKey:
    """An issuer's key as the library that signs quickest wants it."""
    p, q = int(key.p), int(key.q)
    d = pow(blind.E, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(blind.E, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, int(key.d_p), int(key.d_q), int(key.q_inverse), public)
    return numbers.private_key()


class Signer:
    """Takes, without the blinding: for an archive that nobody must be unable to trace."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[m.Poll, rsa.RSAPrivateKey]] = {}

    def taken(
        self, poll_text: bytes, member: bytes, slot: int, again: int
    ) -> tuple[m.Take, b.BallotCredential]:
        """What the simulator's `_taken` gives."""
        if poll_text not in self._known:
            poll = m.Poll.parse(poll_text)
            keys = {s.issuer_key(name).n: s.issuer_key(name) for name in ("nominate", "vote")}
            self._known[poll_text] = poll, private_key(keys[poll.issuers[0]])
        poll, key = self._known[poll_text]
        seed = signature.new_seed()
        credential = m.Credential(poll.record_id(), signature.public_key(seed)).text()
        prepared = blind.prepare(credential)
        token = key.sign(prepared, PSS, SHA384())
        take = m.Take(poll.record_id(), member, slot, (b"\x01" + secrets.token_bytes(383),))
        prefix = prepared[: blind.PREFIX_BYTES]
        return take, b.BallotCredential(poll.record_id(), seed, (prefix,), (token,))


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
    s._taken = Signer().taken  # noqa: SLF001 - so that the month is the simulator's otherwise
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


def command(files: dict[str, bytes], folder: Path, rounds: int) -> dict[str, float]:
    """The command on a zip: median seconds from its start, peak memory in MiB."""
    archive = folder / "archive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    words = [sys.executable, "-m", "circles.verifier", str(archive)]
    runs = [taken(words) for _ in range(rounds)]
    return {
        "command_s": round(median(run.seconds for run in runs), 3),
        "command_mib": round(max(run.peak_mib for run in runs), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ballots", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    month = build(arguments.ballots)
    files = {k: v for k, v in month.files().items() if not k.startswith("evidence/")}
    source = s.MemorySource(files)
    floors, whole = [], []
    for _ in range(arguments.rounds):
        floors.append(floor_seconds(month))
        whole.append(verify_seconds(source))
    result: dict[str, float] = {
        "ballots": len(month.vote.cast),
        "floor_s": round(median(floors), 4),
        "verify_s": round(median(whole), 4),
        "ratio": round(median(w / f for w, f in zip(whole, floors, strict=True)), 3),
    }
    with tempfile.TemporaryDirectory() as folder:
        result |= command(files, Path(folder), arguments.rounds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

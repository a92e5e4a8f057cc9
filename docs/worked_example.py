"""One vote, from the poll record to the count, byte for byte: prints docs/worked-example.md.

    python docs/worked_example.py

Written from docs/protocol.md alone. It shares no line with circles; of `cryptography` it takes the
curves and AES-GCM, all else is here. Every secret follows from its name, so that a reader who writes
the same in another language must get the same bytes. Never make a real secret like this.
"""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64encode
from functools import reduce
from hashlib import sha256, sha384
from string import Template

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

E = 65537
ORIGIN = "circles.example/c/maple-row"


def secret(name: str, size: int) -> bytes:
    """The example's secrets: SHA-256 of the name and a count, as often as it takes."""
    blocks = (
        sha256(f"circles/example/v1\n{name}\n{n}".encode()).digest() for n in range(1 + size // 32)
    )
    return b"".join(blocks)[:size]


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def leaf(data: bytes) -> bytes:
    """SHA-256(0x00 || data), RFC 6962: a record's id."""
    return sha256(b"\x00" + data).digest()


def tagged(tag: str, data: bytes) -> bytes:
    """SHA-256 under one of the page's tags."""
    return sha256(f"circles/{tag}/v1\n".encode() + data).digest()


def lines(*rows: str) -> bytes:
    """A message: each line with its line end."""
    return "".join(f"{row}\n" for row in rows).encode("ascii")


# --- RSA, as small as it can be ----------------------------------------------------------------


def is_prime(n: int) -> bool:
    """Miller and Rabin, with the first forty odd bases: enough for numbers that nobody chose."""
    d, r = n - 1, 0
    while d % 2 == 0:
        d, r = d // 2, r + 1
    for base in range(3, 83, 2):
        x = pow(base, d, n)
        if x not in (1, n - 1) and all((x := x * x % n) != n - 1 for _ in range(r - 1)):
            return False
    return True


def prime(name: str) -> int:
    """The first prime from the named number on (top two bits and the last set) that fits E."""
    n = int.from_bytes(secret(name, 192), "big") | (3 << 1534) | 1
    while (n - 1) % E == 0 or not is_prime(n):
        n += 2
    return n


def mgf1(seed: bytes, size: int) -> bytes:
    """RFC 8017, B.2.1, over SHA-384."""
    blocks = (sha384(seed + n.to_bytes(4, "big")).digest() for n in range(1 + size // 48))
    return b"".join(blocks)[:size]


def encode_pss(message: bytes, salt: bytes) -> bytes:
    """RFC 8017, 9.1.1, SHA-384, emBits = 3071."""
    h = sha384(bytes(8) + sha384(message).digest() + salt).digest()
    db = (b"\x01" + salt).rjust(384 - 48 - 1, b"\0")
    masked = bytes(a ^ b for a, b in zip(db, mgf1(h, len(db)), strict=True))
    return bytes([masked[0] & 0x7F]) + masked[1:] + h + b"\xbc"


# --- HPKE and Shamir ---------------------------------------------------------------------------

KEM = b"KEM\x00\x20"
SUITE = b"HPKE\x00\x20\x00\x01\x00\x01"


def extract(salt: bytes, suite: bytes, label: bytes, ikm: bytes) -> bytes:
    """RFC 9180, 4: LabeledExtract with HKDF-SHA256."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(key: bytes, suite: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """RFC 9180, 4: LabeledExpand, of one block at most."""
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\x01", "sha256")[:size]


def hpke_seal(public: bytes, info: bytes, plaintext: bytes, ephemeral: bytes) -> bytes:
    """RFC 9180, 6.1, base mode: enc || ct, with the ephemeral secret given."""
    own = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = own.public_key().public_bytes_raw()
    shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    kem = expand(extract(b"", KEM, b"eae_prk", shared), KEM, b"shared_secret", enc + public, 32)
    context = (
        b"\0" + extract(b"", SUITE, b"psk_id_hash", b"") + extract(b"", SUITE, b"info_hash", info)
    )
    from_kem = extract(kem, SUITE, b"secret", b"")
    key = expand(from_kem, SUITE, b"key", context, 16)
    nonce = expand(from_kem, SUITE, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def times(a: int, b: int) -> int:
    """GF(2^8) with the polynomial 0x11b."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def combine(shares: dict[int, bytes]) -> bytes:
    """K at x = 0 through these shares, byte by byte."""

    def weight(x: int) -> int:
        others = [y for y in shares if y != x]
        bottom = reduce(times, (x ^ y for y in others), 1)
        inverse = next(i for i in range(1, 256) if times(bottom, i) == 1)
        return times(reduce(times, others, 1), inverse)

    return bytes(
        reduce(lambda a, b: a ^ b, (times(share[at], weight(x)) for x, share in shares.items()))
        for at in range(32)
    )


# --- The story ---------------------------------------------------------------------------------


def signed_note(text: bytes, seed: bytes) -> bytes:
    """A C2SP signed note by the log's key."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    named = ORIGIN.encode() + b"\n\x01" + key.public_key().public_bytes_raw()
    line = b64encode(sha256(named).digest()[:4] + key.sign(text)).decode()
    return text + f"\n\u2014 {ORIGIN} {line}\n".encode()


class Example:
    """Every value of the example, by the name it has on the page."""

    def __init__(self) -> None:
        self.before_the_vote()
        self.take()
        self.seal()
        self.cast()
        self.open()

    def before_the_vote(self) -> None:
        """Keys, the roll, the poll record; and the slate, once nominating is over."""
        self.p, self.q = prime("issuer p"), prime("issuer q")
        self.n = self.p * self.q
        self.d = pow(E, -1, (self.p - 1) * (self.q - 1))
        self.trustee_secrets = [secret(f"trustee {x}", 32) for x in (1, 2, 3)]
        self.trustees = [
            X25519PrivateKey.from_private_bytes(s).public_key().public_bytes_raw()
            for s in self.trustee_secrets
        ]
        self.members = sorted((secret(f"member {n}", 16) for n in (1, 2, 3)), key=b64)
        self.roll = lines(
            "circles/roll/v1",
            f"salt {b64(secret('roll salt', 16))}",
            *(f"member {b64(member)}" for member in self.members),
        )
        self.draw_salt = secret("draw salt", 32)
        self.poll = lines(
            "circles/poll/v1",
            f"circle {b64(secret('circle', 16))}",
            "round 2026-12",
            "purpose vote",
            f"roll {b64(leaf(self.roll))} 3",
            "slots 3",
            f"issuer 1 {b64(self.n.to_bytes(384, 'big'))}",
            *(f"trustee {x} {b64(key)}" for x, key in enumerate(self.trustees, 1)),
            "threshold 2",
            "rule most-ticks/1 least=500,min-ticks=2",
            "max-choices 1",
            "min-voters 3",
            f"draw-commit {b64(sha256(self.draw_salt).digest())}",
            "take-from 2026-12-01T08:00:00Z",
            "opens 2026-12-11T20:00:00Z",
            "closes 2026-12-14T20:00:00Z",
        )
        self.poll_id = leaf(self.poll)
        nominations = [secret(f"nomination {n}", 32) for n in (1, 2)]
        drawn = sorted(nominations, key=lambda n: tagged("draw", self.draw_salt + n))
        self.slate = lines(
            "circles/slate/v1",
            f"poll {b64(self.poll_id)}",
            f"draw-salt {b64(self.draw_salt)}",
            *(f"candidate {x} {b64(n)}" for x, n in enumerate(drawn, 1)),
        )

    def take(self) -> None:
        """A ballot key, blindly signed. The issuer sees the take and nothing else."""
        self.ballot_seed = secret("ballot key", 32)
        self.ballot_signer = Ed25519PrivateKey.from_private_bytes(self.ballot_seed)
        self.key = self.ballot_signer.public_key().public_bytes_raw()
        self.credential = lines(
            "circles/credential/v1", f"poll {b64(self.poll_id)}", f"key {b64(self.key)}"
        )
        self.prefix = secret("prefix", 32)
        self.encoded = encode_pss(self.prefix + self.credential, secret("pss salt", 48))
        self.r = int.from_bytes(secret("blinding factor", 384), "big") % self.n
        blinded = int.from_bytes(self.encoded, "big") * pow(self.r, E, self.n) % self.n
        self.take_text = lines(
            "circles/take/v1",
            f"poll {b64(self.poll_id)}",
            f"member {b64(self.members[0])}",
            "slot 0",
            f"blinded 1 {b64(blinded.to_bytes(384, 'big'))}",
        )
        blind_signature = pow(blinded, self.d, self.n)
        self.taken = lines(
            "circles/taken/v1",
            f"take {b64(leaf(self.take_text))}",
            f"signed 1 {b64(blind_signature.to_bytes(384, 'big'))}",
        )
        token = blind_signature * pow(self.r, -1, self.n) % self.n
        assert pow(token, E, self.n) == int.from_bytes(self.encoded, "big")
        self.token = token.to_bytes(384, "big")

    def seal(self) -> None:
        """The choice, its key K, and K's shares for the trustees: any two of three."""
        self.choice = lines("circles/choice/v1", f"nonce {b64(secret('nonce', 16))}", "tick 2")
        self.plaintext = (self.choice + b"\x80").ljust(256, b"\0")
        self.k = secret("K", 32)
        slope = secret("shamir coefficient", 32)
        self.shares = [
            bytes(times(s, x) ^ k for s, k in zip(slope, self.k, strict=True)) for x in (1, 2, 3)
        ]
        self.infos = [
            lines(
                "circles/share/v1",
                f"poll {b64(self.poll_id)}",
                f"key {b64(self.key)}",
                f"trustee {x}",
            )
            for x in (1, 2, 3)
        ]
        self.sealed = [
            hpke_seal(self.trustees[x], self.infos[x], self.shares[x], secret(f"hpke {x + 1}", 32))
            for x in range(3)
        ]

    def cast(self) -> None:
        """The ballot, signed by its own key, and the receipt for it."""
        above = lines(
            "circles/ballot/v1",
            f"poll {b64(self.poll_id)}",
            f"slate {b64(leaf(self.slate))}",
            f"key {b64(self.key)}",
            f"prefix 1 {b64(self.prefix)}",
            f"token 1 {b64(self.token)}",
            "seq 1",
            f"commit {b64(tagged('commit', self.k))}",
        )
        body = AESGCM(self.k).encrypt(bytes(12), self.plaintext, above)
        covered = above + lines(
            *(f"share {x} {b64(share)}" for x, share in enumerate(self.sealed, 1)),
            f"body {b64(body)}",
        )
        self.ballot = covered + lines(f"sig {b64(self.ballot_signer.sign(covered))}")
        self.receipt = signed_note(
            lines(
                "circles/receipt/v1", f"poll {b64(self.poll_id)}", f"leaf {b64(leaf(self.ballot))}"
            ),
            secret("log key", 32),
        )

    def open(self) -> None:
        """After the close, trustees 1 and 3 publish their secrets; the second never comes."""
        self.openings = [
            lines(
                "circles/opening/v1",
                f"poll {b64(self.poll_id)}",
                f"trustee {x}",
                f"secret {b64(self.trustee_secrets[x - 1])}",
            )
            for x in (1, 3)
        ]
        self.recovered = combine({1: self.shares[0], 3: self.shares[2]})
        assert self.recovered == self.k


def block(data: bytes) -> str:
    """A message whole, as a block."""
    return f"```\n{data.decode('utf-8')}```"


def digest(number: int) -> str:
    """A long number by the hash of its big-endian bytes."""
    return f"`{b64(sha256(number.to_bytes(384, 'big')).digest())}`"


def table(e: Example) -> str:
    """A row for each trustee's share."""
    rows = zip(e.shares, e.infos, strict=True)
    cells = ((str(x), b64(share), b64(leaf(info))) for x, (share, info) in enumerate(rows, 1))
    return "".join(f"| {x} | `{share}` | `{info}` |\n" for x, share, info in cells)


PAGE = """\
# A worked example: one vote, byte for byte

Made by `python docs/worked_example.py`, which is written from [protocol.md](protocol.md) alone; a test
holds this page to that program and the program to `src/circles/protocol/`. Write the same in your
language and compare.

**Secrets.** `secret(name, size)` = the first `size` bytes of SHA-256(`circles/example/v1 LF name LF 0`) ||
SHA-256(`... 1`) || ... So `secret("K", 32)` = `$k`. Never make a real secret like this. Long
numbers are shown by SHA-256 of their 384 bytes, big-endian.

## The poll record

The issuer's primes: the first primes p, q from `secret("issuer p", 192)`, `secret("issuer q", 192)` on, with
the two highest bits and the lowest set, p - 1 and q - 1 no multiples of 65537; d the inverse of 65537
modulo (p - 1)(q - 1). p $p, q $q, n $n, d $d.
The trustees' X25519 secrets are `secret("trustee 1", 32)` to 3. The roll, sorted, of `secret("member 1", 16)` to 3,
never logged:

$roll

Its leaf hash stands in the poll record (`circle` is `secret("circle", 16)`, the draw's salt `secret("draw salt", 32)`,
`draw-commit` its SHA-256):

$poll

The poll's id, its leaf hash: `$poll_id`.

## Take

The ballot key's seed is `secret("ballot key", 32)`. The credential that is to be signed:

$credential

prefix = `secret("prefix", 32)`, PSS salt = `secret("pss salt", 48)`, r = `secret("blinding factor", 384)` modulo n.
EMSA-PSS of prefix || credential: $encoded. Times r^65537 modulo n it is what the
first member of the roll posts, and all the server ever sees:

$take

The answer, blinded^d modulo n:

$taken

Divided by r it is the token, $token.

## Seal and cast

`secret("nomination 1", 32)` and 2 stand for the leaf hashes of two nominations. The slate in the order of the draw:

$slate

The choice, then 0x80 and zeros up to 256 bytes (`secret("nonce", 16)`):

$choice

K = `secret("K", 32)`; share x = K + x * `secret("shamir coefficient", 32)` in GF(2^8), byte by byte:

| trustee | share | leaf hash of HPKE's info |
|---|---|---|
$table
HPKE's ephemeral secrets are `secret("hpke 1", 32)` to 3.

The ballot. AES-GCM covers the lines up to `commit`, the signature all above its own:

$ballot

Its leaf hash `$ballot_leaf` stands in the receipt, which the log's key signs
(seed `secret("log key", 32)`; in signed-note form `$log_key`):

$receipt

## Open

After the close trustees 1 and 3 publish their secrets:

$first_opening

$second_opening

Their two shares through x = 0 are K again: `$recovered`. Its hash is the ballot's `commit`, it opens the
body, and the ballot reads: a tick for candidate 2.
"""


def page(e: Example) -> str:
    """The page."""
    log_seed = secret("log key", 32)
    key = Ed25519PrivateKey.from_private_bytes(log_seed).public_key().public_bytes_raw()
    named = sha256(ORIGIN.encode() + b"\n\x01" + key).digest()[:4].hex()
    return Template(PAGE).substitute(
        k=b64(e.k),
        p=digest(e.p),
        q=digest(e.q),
        n=digest(e.n),
        d=digest(e.d),
        roll=block(e.roll),
        poll=block(e.poll),
        poll_id=b64(e.poll_id),
        credential=block(e.credential),
        encoded=digest(int.from_bytes(e.encoded, "big")),
        take=block(e.take_text),
        taken=block(e.taken),
        token=digest(int.from_bytes(e.token, "big")),
        slate=block(e.slate),
        choice=block(e.choice),
        table=table(e),
        ballot=block(e.ballot),
        ballot_leaf=b64(leaf(e.ballot)),
        receipt=block(e.receipt),
        first_opening=block(e.openings[0]),
        second_opening=block(e.openings[1]),
        recovered=b64(e.recovered),
        log_key=f"{ORIGIN}+{named}+{b64encode(bytes([1]) + key).decode()}",
    )


if __name__ == "__main__":
    print(page(Example()), end="")

// Every vector through the served modules. Each suite gives a list of {name, ok, detail}; the
// Python side knows how many there must be.

import * as allocation from "/static/ballot/allocation.js";
import * as ballot from "/static/ballot/ballot.js";
import * as blind from "/static/ballot/blind.js";
import * as bytes from "/static/ballot/bytes.js";
import * as draw from "/static/ballot/draw.js";
import * as ed25519 from "/static/ballot/ed25519.js";
import * as merkle from "/static/ballot/merkle.js";
import * as note from "/static/ballot/note.js";
import * as seal from "/static/ballot/seal.js";
import * as tally from "/static/ballot/tally.js";
import * as text from "/static/ballot/text.js";

const { base64url, bytesOf, utf8 } = bytes;

function hex(data) {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unhex(data) {
  return Uint8Array.from(data.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function load(name) {
  return (await fetch(`/vectors/${name}.json`)).json();
}

async function same(name, found, wanted) {
  const value = await found;
  const ok = JSON.stringify(value) === JSON.stringify(wanted);
  return { name, ok, detail: ok ? "" : `${JSON.stringify(value)} is not ${JSON.stringify(wanted)}` };
}

/** Runs `work`, which must throw an error of that class (and code, if one is named). */
async function fails(name, Kind, work, code) {
  try {
    const value = await work();
    return { name, ok: false, detail: `gave ${JSON.stringify(value)}` };
  } catch (error) {
    const ok = error instanceof Kind && (code === undefined || error.code === code);
    return { name, ok, detail: ok ? "" : `${error.name} ${error.code}: ${error.message}` };
  }
}

async function sha256Of(data) {
  return bytes.sha256(data);
}

export async function messages() {
  const { messages: vectors } = await load("protocol-v1");
  const found = [];
  for (const vector of vectors) {
    const written = () => text.encode(vector.type, text.parse(vector.type, vector.text));
    const fromBytes = () => text.encode(vector.type, text.parse(vector.type, utf8(vector.text)));
    found.push(
      await same(
        vector.what,
        [written(), fromBytes(), await text.leafId(vector.text), text.typeOf(vector.text)],
        [vector.text, vector.text, vector.leaf, vector.type],
      ),
    );
  }
  found.push(
    await same(
      "every type has a worked message",
      [...text.TYPES].sort(),
      [...new Set(vectors.map((vector) => vector.type))].sort(),
    ),
  );
  return found;
}

export async function mustFail() {
  const { must_fail: vectors } = await load("protocol-v1");
  const found = [];
  for (const vector of vectors) {
    const name = `${vector.type}: ${vector.why}`;
    found.push(await fails(name, text.MalformedError, () => text.parse(vector.type, vector.text)));
    found.push(
      await fails(name, text.MalformedError, () => text.parse(vector.type, utf8(vector.text))),
    );
  }
  return found;
}

async function pollOf(vectors, id) {
  const found = [...vectors.messages.map((m) => m.text), vectors.ballot_2of3.poll_text];
  for (const candidate of found) {
    if ((await text.leafId(candidate)) === id) return text.parse("poll", candidate);
  }
  throw new Error("There is no such poll among the vectors.");
}

export async function mustRefuse() {
  const vectors = await load("protocol-v1");
  const { poll: pollId, slate } = vectors.ballot;
  const poll = await pollOf(vectors, pollId);
  const found = [];
  for (const vector of vectors.must_refuse_ballots) {
    const check = () => ballot.checkCast("ballot", vector.text, { poll, pollId, slate });
    found.push(await fails(vector.why, ballot.RefusedError, check, vector.code));
  }
  for (const good of [vectors.ballot, vectors.ballot_2of3]) {
    const where = { poll: await pollOf(vectors, good.poll), pollId: good.poll, slate: good.slate };
    const key = async () => (await ballot.checkCast("ballot", good.text, where)).key;
    found.push(await same("the worked ballot passes", key(), text.parse("ballot", good.text).key));
  }
  return found;
}

export async function padding() {
  const vectors = await load("protocol-v1");
  const found = [];
  for (const vector of vectors.padding_must_fail) {
    const open = () => ballot.unpadChoice(bytesOf(vector.plaintext));
    found.push(await fails(vector.why, text.MalformedError, open));
  }
  for (const good of [vectors.ballot, vectors.ballot_2of3]) {
    found.push(await same("padded", base64url(ballot.padChoice(good.choice_text)), good.plaintext));
  }
  return found;
}

export async function credential() {
  const vectors = await load("protocol-v1");
  const found = [];
  for (const vector of [vectors.credential, vectors.ballot_2of3.credential]) {
    const n = bytesOf(vector.issuer_n);
    const { poll, key } = text.parse("credential", vector.credential_text);
    const input = blind.prepare(utf8(vector.credential_text), bytesOf(vector.prefix));
    const fixed = { salt: bytesOf(vector.pss_salt), factor: bytesOf(vector.r) };
    const made = await blind.blind(n, input, fixed);
    const encoded = await blind.pssEncode(input, 3071, fixed.salt);
    const signature = bytesOf(vector.blind_signature);
    found.push(await same("text", ballot.credentialText(poll, key), vector.credential_text));
    found.push(await same("input", base64url(input), vector.input_msg));
    found.push(await same("encoded", base64url(encoded), vector.encoded_msg));
    found.push(await same("blinded", base64url(made.blinded), vector.blinded));
    const token = async () =>
      base64url(await blind.finalize(n, input, signature, made.inverse));
    found.push(await same("token", token(), vector.token));
    const publicKey = async () =>
      base64url(await ed25519.publicOf(bytesOf(vector.ballot_key_secret_seed)));
    found.push(await same("ballot key", publicKey(), vector.ballot_key));
  }
  return found;
}

async function remade(vector, credentialVector, poll) {
  const fixed = {
    key: bytesOf(vector.K),
    nonce: bytesOf(text.parse("choice", vector.choice_text).nonce),
    coefficients: vector.shamir_coefficients.map(bytesOf),
    ephemerals: Object.values(vector.hpke_ephemeral_secrets).map(bytesOf),
  };
  const credentialHeld = {
    poll: vector.poll,
    key: credentialVector.ballot_key,
    seed: credentialVector.ballot_key_secret_seed,
    prefixes: [credentialVector.prefix],
    tokens: [credentialVector.token],
  };
  const ticks = text.parse("choice", vector.choice_text).tick;
  const where = { credential: credentialHeld, poll, slate: vector.slate, ticks, seq: 1, fixed };
  return ballot.makeBallot(where);
}

async function ballotCases(vector, credentialVector, vectors) {
  const poll = await pollOf(vectors, vector.poll);
  const found = [];
  const made = await remade(vector, credentialVector, poll);
  found.push(await same("text", made, vector.text));
  found.push(await same("leaf", text.leafId(made), vector.leaf));
  found.push(await same("signed text", text.signedText(vector.text), vector.signed_text));
  const split = seal.splitSecret(
    bytesOf(vector.K),
    poll.threshold,
    poll.trustee.length,
    vector.shamir_coefficients.map(bytesOf),
  );
  found.push(await same("shares", split.map(base64url), Object.values(vector.shares)));
  const secrets = Object.entries(vector.trustee_secrets).map(([i, s]) => [Number(i), s]);
  for (const [number, secret] of secrets) {
    const publicKey = async () => base64url(await seal.publicOf(bytesOf(secret)));
    found.push(await same("trustee key", publicKey(), poll.trustee[number - 1].value));
  }
  const wanted = text.parse("choice", vector.choice_text).tick;
  for (const some of subsets(secrets, poll.threshold)) {
    const opened = ballot.openBallot(vector.text, poll, new Map(some), 3);
    found.push(await same(`opened by ${some.map(([i]) => i)}`, opened, wanted));
  }
  return found;
}

function subsets(list, size) {
  if (size === 0) return [[]];
  return list.flatMap((first, i) =>
    subsets(list.slice(i + 1), size - 1).map((rest) => [first, ...rest]),
  );
}

export async function ballots() {
  const vectors = await load("protocol-v1");
  return [
    ...(await ballotCases(vectors.ballot, vectors.credential, vectors)),
    ...(await ballotCases(vectors.ballot_2of3, vectors.ballot_2of3.credential, vectors)),
  ];
}

export async function voids() {
  const vectors = await load("protocol-v1");
  const { ballot: good } = vectors;
  const poll = await pollOf(vectors, good.poll);
  const secrets = new Map([[1, good.trustee_secrets[1]]]);
  const bent = (name, change) => {
    const message = text.parse("ballot", good.text);
    change(message);
    return [name, text.encode("ballot", message)];
  };
  const flip = (value) => base64url(bytesOf(value).map((byte, i) => (i === 40 ? byte ^ 1 : byte)));
  const cases = [
    bent("share", (m) => {
      m.share[0].value = flip(m.share[0].value);
    }),
    bent("commit", (m) => {
      m.commit = base64url(bytesOf(m.commit).map((byte) => byte ^ 1));
    }),
    bent("body", (m) => {
      m.body = flip(m.body);
    }),
    ["choice", good.text],
  ];
  const found = [];
  for (const [reason, bentText] of cases) {
    let why = null;
    try {
      // The worked ballot ticks number 2: with one candidate on the slate it is void.
      await ballot.openBallot(bentText, poll, secrets, 1);
    } catch (error) {
      why = error.reason;
    }
    found.push(await same(reason, why, reason));
  }
  return found;
}

export async function documents() {
  const { document: vector, ballot: used, credential: held, messages: all } =
    await load("protocol-v1");
  const nominationText = all.find((m) => m.type === "nomination").text;
  const salt = bytesOf(vector.salt);
  const body = ballot.nominationBody(nominationText, salt, vector.text);
  const made = await ballot.makeNomination({
    credential: {
      poll: used.poll,
      key: held.ballot_key,
      seed: held.ballot_key_secret_seed,
      prefixes: [held.prefix],
      tokens: [held.token],
    },
    ask: { amount: "any", ceiling: 5000, part: "part" },
    doc: vector.hash,
    seq: 2,
  });
  const vectors = await load("protocol-v1");
  const poll = await pollOf(vectors, used.poll);
  const checked = await ballot.checkCast("nomination", made, { poll, pollId: used.poll });
  return [
    await same("hash", ballot.documentHash(salt, vector.text), vector.hash),
    await same("body", body, nominationText + vector.cast_body_after_the_nomination),
    await same("own nomination", [checked.seq, checked.ask.ceiling], [2, 5000]),
  ];
}

export async function drawing() {
  const { draw: vector } = await load("protocol-v1");
  const found = [
    await same("commit", draw.drawCommit(vector.salt), vector.commit),
    await same(
      "order",
      draw.drawOrder(vector.salt, vector.nominations_sorted_by_leaf),
      vector.order,
    ),
  ];
  for (const [leaf, key] of Object.entries(vector.keys)) {
    const made = async () => base64url(await draw.drawKey(vector.salt, leaf));
    found.push(await same("key", made(), key));
  }
  return found;
}

export async function rfc9474() {
  const vectors = await load("rfc9474");
  const found = [];
  for (const vector of vectors.cases) {
    const n = unhex(vector.n);
    const input = unhex(vector.input_msg);
    const modulus = bytes.bigFromBytes(n);
    const factor = bytes.bytesFromBig(power(unhex(vector.inv), modulus), n.length);
    const salt = unhex(vector.salt);
    const encoded = await blind.pssEncode(input, vector.modulus_bits - 1, salt);
    found.push(await same("encoded", hex(encoded), vector.encoded_msg));
    const made = await blind.blind(n, input, { salt, factor });
    found.push(await same("blinded", hex(made.blinded), vector.blinded_msg));
    found.push(await same("inverse", hex(made.inverse), vector.inv));
    const final = async () =>
      hex(await blind.finalize(n, input, unhex(vector.blind_sig), made.inverse));
    found.push(await same("signature", final(), vector.sig));
  }
  for (const vector of vectors.verify_must_fail) {
    const valid = blind.verify(unhex(vector.n), unhex(vector.input_msg), unhex(vector.sig));
    found.push(await same(vector.why, valid, false));
  }
  for (const vector of vectors.blind_sign_must_fail) {
    const read = () => String(blind.rsaValue(unhex(vector.blinded_msg), unhex(vector.n)));
    found.push(await fails(vector.why, blind.BlindError, read));
  }
  return found;
}

/** r = inv^-1 mod n, by a plain extended Euclid of the test's own. */
function power(inv, modulus) {
  let [a, b, x, y] = [bytes.bigFromBytes(inv), modulus, 1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return ((x % modulus) + modulus) % modulus;
}

async function aesGcm(action, key, nonce, aad, data) {
  const held = await crypto.subtle.importKey("raw", key, "AES-GCM", false, [action]);
  const how = { name: "AES-GCM", iv: nonce, additionalData: aad };
  return hex(new Uint8Array(await crypto.subtle[action](how, held, data)));
}

export async function rfc9180() {
  const vectors = await load("rfc9180");
  const { context } = vectors;
  const info = unhex(context.info);
  const sender = await seal.senderContext(unhex(context.pkRm), info, unhex(context.skEm));
  const receiver = await seal.receiverContext(unhex(context.skRm), unhex(context.enc), info);
  const found = [await same("enc", hex(sender.enc), context.enc)];
  for (const [name, made] of [["sender", sender], ["receiver", receiver]]) {
    const held = [hex(made.key), hex(made.nonce), hex(made.exporter)];
    const wanted = [context.key, context.base_nonce, context.exporter_secret];
    found.push(await same(name, held, wanted));
  }
  for (const e of vectors.encryptions) {
    const sealed = aesGcm("encrypt", sender.key, unhex(e.nonce), unhex(e.aad), unhex(e.pt));
    found.push(await same(`encryption ${e.seq}`, sealed, e.ct));
  }
  for (const e of vectors.exports) {
    const made = async () =>
      hex(await seal.exportSecret(sender.exporter, unhex(e.exporter_context), e.L));
    found.push(await same("export", made(), e.exported_value));
  }
  for (const one of vectors.single_shot) {
    const sealed = bytes.concat(unhex(one.enc), unhex(one.ct));
    const opened = async () =>
      hex(await seal.hpkeOpen(unhex(one.sk), unhex(one.info), sealed, { aad: unhex(one.aad) }));
    found.push(await same("single shot", opened(), one.pt));
    const again = async () => {
      const made = await seal.hpkeSeal(unhex(one.pk), unhex(one.info), unhex(one.pt));
      return hex(await seal.hpkeOpen(unhex(one.sk), unhex(one.info), made));
    };
    found.push(await same("sealed here, opened here", again(), one.pt));
  }
  for (const bad of vectors.must_fail) {
    const sealed = bytes.concat(unhex(bad.enc), unhex(bad.ct));
    const open = () =>
      seal.hpkeOpen(unhex(bad.sk), unhex(bad.info), sealed, { aad: unhex(bad.aad) });
    found.push(await fails(bad.why, seal.SealError, open));
  }
  return found;
}

/** The 300 leaves that tlog.json describes by rule. */
async function alphaLeaves(count) {
  const leaves = [];
  for (let i = 0; i < count; i += 1) {
    const digest = await sha256Of(utf8(`alpha leaf ${i}`));
    const three = bytes.concat(digest, digest, digest);
    leaves.push(i === 0 ? new Uint8Array() : three.slice(0, (37 * i) % 90));
  }
  return leaves;
}

export async function tlogTree() {
  const vectors = await load("tlog");
  const hashes = await Promise.all((await alphaLeaves(vectors.tree_size)).map(merkle.leafHash));
  const found = [];
  for (const vector of vectors.leaves) {
    found.push(await same("leaf", hex(await merkle.leafHash(unhex(vector.data))), vector.leaf_hash));
  }
  for (const vector of vectors.roots) {
    const made = async () => hex(await merkle.root(hashes.slice(0, vector.tree_size)));
    found.push(await same(`root ${vector.tree_size}`, made(), vector.root));
  }
  const eight = [];
  for (const vector of vectors.ct_eight_leaves) {
    eight.push(await merkle.leafHash(unhex(vector.leaf)));
    found.push(await same("CT leaves", hex(await merkle.root(eight)), vector.root_after));
  }
  const tiles = new Map(await merkle.tilesOf(hashes));
  for (const vector of vectors.tiles) {
    const width = vector.path.includes("001.p/1") ? 1 : null;
    const held = width ? tiles.get("tile/0/001.p/44").slice(0, 32) : tiles.get(vector.path);
    const made = async () => [String(held.length), hex(await sha256Of(held))];
    found.push(await same(vector.path, made(), [vector.length, vector.sha256]));
  }
  return found;
}

export async function tlogProofs() {
  const vectors = await load("tlog");
  const hashes = await Promise.all((await alphaLeaves(vectors.tree_size)).map(merkle.leafHash));
  const found = [];
  for (const v of vectors.inclusion) {
    const proof = v.proof.map(unhex);
    const args = [v.index, v.tree_size, unhex(v.leaf_hash), unhex(v.root)];
    const reader = await readerOf(hashes.slice(0, v.tree_size));
    const own = async () => (await reader.inclusionProof(v.index)).map(hex);
    found.push(await same("inclusion proof", own(), v.proof));
    found.push(await same("inclusion", merkle.checkInclusion(...args, proof), undefined));
    const bent = proof.map((hash, i) => (i === 0 ? hash.map((byte) => byte ^ 1) : hash));
    const tooLong = [...proof, new Uint8Array(32)];
    for (const wrong of proof.length > 0 ? [bent, proof.slice(1), tooLong] : [tooLong]) {
      const check = () => merkle.checkInclusion(...args, wrong);
      found.push(await fails("inclusion, bent", merkle.ProofError, check));
    }
  }
  for (const v of vectors.consistency) {
    const proof = v.proof.map(unhex);
    const args = [v.old_size, v.new_size, unhex(v.old_root), unhex(v.new_root)];
    const reader = await readerOf(hashes.slice(0, v.new_size));
    const own = async () => (await reader.consistencyProof(v.old_size)).map(hex);
    found.push(await same("consistency proof", own(), v.proof));
    found.push(await same("consistency", merkle.checkConsistency(...args, proof), undefined));
    const tooLong = [...proof, new Uint8Array(32)];
    const otherRoot = [v.old_size, v.new_size, unhex(v.old_root).map((b) => b ^ 1), unhex(v.new_root)];
    for (const check of [
      () => merkle.checkConsistency(...args, tooLong),
      () => merkle.checkConsistency(...otherRoot, proof),
    ]) {
      found.push(await fails("consistency, bent", merkle.ProofError, check));
    }
  }
  return found;
}

async function readerOf(hashes) {
  const tiles = new Map(await merkle.tilesOf(hashes));
  return new merkle.TileReader(hashes.length, async (path) => {
    if (!tiles.has(path)) throw new Error(`no tile ${path}`);
    return tiles.get(path);
  });
}

export async function notes() {
  const vectors = await load("tlog");
  const own = await note.readVerifierKey(vectors.note_key.verifier);
  const second = await note.readVerifierKey(vectors.second_key.verifier);
  const found = [];
  for (const vector of vectors.checkpoints) {
    found.push(await same("checkpoint", note.openNote(vector.note, [own]), vector.text));
    const opened = async () => (await note.openCheckpoint(vector.note, own)).size;
    found.push(await same("size", opened(), Number(vector.text.split("\n")[1])));
  }
  const both = vectors.note_two_signatures;
  const body = note.readNote(both).text;
  found.push(await same("two signatures", note.openNote(both, [own, second]), body));
  found.push(await same("one of two known", note.openNote(both, [own]), body));
  const cosigned = vectors.cosignature_v1.note;
  found.push(await same("a line of a witness", note.openNote(cosigned, [own]), body));
  for (const [name, text_] of [
    ["altered size", vectors.note_altered_size_must_fail],
    ["unknown key only", vectors.note_only_unknown_key_must_fail],
    ["no signature", body],
  ]) {
    found.push(await fails(name, note.NoteError, () => note.openNote(text_, [own])));
  }
  const protocol = await load("protocol-v1");
  const log = await note.readVerifierKey(protocol.log.verifier_key);
  const { checkpoint_note: checkpoint, checkpoint_text: checkpointText } = protocol.log;
  found.push(await same("worked checkpoint", note.openNote(checkpoint, [log]), checkpointText));
  const receipt = async () =>
    text.parse("receipt", await note.openNote(protocol.receipt_note, [log])).leaf;
  found.push(await same("worked receipt", receipt(), protocol.ballot.leaf));
  const twisted = protocol.log.verifier_key.replace("fe9c442d", "fe9c442e");
  found.push(await fails("key number", note.NoteError, () => note.readVerifierKey(twisted)));
  return found;
}

export async function ed25519Cases() {
  const { seed, publicKey } = await ed25519.generate();
  const message = utf8("a text");
  const signature = await ed25519.sign(seed, message);
  const p = 2n ** 255n - 19n;
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const little = (value) => bytes.bytesFromBig(value, 32).reverse();
  const s = bytes.bigFromBytes(signature.slice(32).reverse());
  const raised = bytes.concat(signature.slice(0, 32), little(s + order));
  const zeroS = (r) => bytes.concat(r, new Uint8Array(32));
  const smallKeys = [0n, 1n, p - 1n, p, p + 1n, 2n ** 255n - 1n].map(little);
  const found = [
    await same("own key", base64url(await ed25519.publicOf(seed)), base64url(publicKey)),
    await same("own signature", ed25519.verify(publicKey, message, signature), true),
    await same("other text", ed25519.verify(publicKey, utf8("another"), signature), false),
    await same("S not below the order", ed25519.verify(publicKey, message, raised), false),
    await same("short", ed25519.verify(publicKey, message, signature.slice(1)), false),
    await same("order as scalar", ed25519.goodScalar(little(order)), false),
    await same("below the order", ed25519.goodScalar(little(order - 1n)), true),
    await same("available", ed25519.available(), true),
    await same("X25519 available", seal.available(), true),
  ];
  for (const key of smallKeys) {
    found.push(await same("small or not canonical", ed25519.verify(key, message, zeroS(key)), false));
    found.push(await same("point", ed25519.goodPoint(key), false));
  }
  return found;
}

export async function counted() {
  const { counted_per_key: vector } = await load("protocol-v1");
  const archive = await fetch("/vectors/archive-ok-entries");
  const entries = merkle.readEntries(new Uint8Array(await archive.arrayBuffer()));
  const casts = [];
  for (const entry of entries) {
    if (text.typeOf(entry) !== "ballot") continue;
    const { key, seq } = text.parse("ballot", entry);
    casts.push({ key, seq, leaf: await text.leafId(entry) });
  }
  const leaves = tally.countedPerKey(casts).map((cast) => cast.leaf);
  const sums = [...tally.totals([[1, "keep"], [2], [], [2]], 3)];
  return [
    await same("ballots", casts.map((cast) => cast.leaf).sort(), [...vector.ballots].sort()),
    await same("counted", [...leaves].sort(), [...vector.counted].sort()),
    await same("totals", sums, [[1, 1], [2, 2], [3, 0], ["keep", 1]]),
  ];
}

function numbered(object) {
  const key = (name) => (name === "keep" ? name : Number(name));
  return new Map(Object.entries(object).map(([name, value]) => [key(name), value]));
}

export async function mostTicks() {
  const { most_ticks: vectors } = await load("protocol-v1");
  const found = [];
  for (const v of vectors) {
    const [rule, parameters] = v.rule.split(" ");
    const made = decided({ ...v, rule, parameters });
    const awards = [...numbered(v.awards)].sort((a, b) => a[0] - b[0]);
    const found_ = [...made.awards].sort((a, b) => a[0] - b[0]);
    found.push(await same(v.why, [found_, made.carriedMinor], [awards, v.carried]));
  }
  return found;
}

function decided({ rule, parameters, fund, totals, asks, ballots }) {
  const counted = { totals: numbered(totals), asks: numbered(asks), ballots };
  return allocation.allocate({ rule, parameters, fundMinor: fund, ...counted });
}

/** Awards and working of many cases {rule, parameters, fund, totals, asks, ballots}. */
export function allocations(cases) {
  return cases.map((each) => {
    const made = decided(each);
    return { ...made, awards: [...made.awards] };
  });
}

/** The name of the error with which a rule is refused. */
export function refusedRule(made) {
  try {
    decided(made);
  } catch (error) {
    return error.name;
  }
  return null;
}

/** Checks and opens what the other twin made. */
export async function readBallot(ballotText, pollText, slate, secrets, candidates) {
  const poll = text.parse("poll", pollText);
  const pollId = await text.leafId(pollText);
  await ballot.checkCast("ballot", ballotText, { poll, pollId, slate });
  const held = new Map(secrets);
  return ballot.openBallot(ballotText, poll, held, candidates);
}

export async function readNomination(nominationText, pollText) {
  const poll = text.parse("poll", pollText);
  const pollId = await text.leafId(pollText);
  return ballot.checkCast("nomination", nominationText, { poll, pollId });
}

#!/usr/bin/env python3
"""Verifies a folder of an audit log. Written from docs/audit-format.md alone, as an example of a verifier.

    python3 verify.py FOLDER VKEY_FILE [--checkpoint FILE]... [--receipts FILE]

Needs Python 3.11. Prints one JSON object; exits with 0 if everything holds, with 1 if not, with 2 if it was called wrongly.
--checkpoint is one that was kept elsewhere, --receipts has a receipt in JSON on each line. With the package `cryptography`
the names in people/ are opened too. The log has to fit into memory.
"""
import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    AESGCM = None

VERSION = '0.2.0'
CDEVENTS = {f'dev.cdevents.{name}.{verb}.0.3.0': f'{short}.{verb}' for name, short in
            (('pipelinerun', 'run'), ('taskrun', 'step')) for verb in ('started', 'finished')}
OWN = set('''server.started session.issued session.refused session.ended session.revoked lease.issued lease.revoked
    access.granted access.shadowed access.denied egress.granted lockfile.pinned entries.lost approval.requested approval.granted
    approval.denied approval.refused approval.expired approval.cancelled approval.voided policy.applied secret.set token.created
    token.revoked operator.signedin operator.signedout operator.refused notification.failed person.erased quorum.lost
    quorum.restored history.refused history.contradicted'''.split())


class Invalid(Exception):
    """What was found wrong, in one line."""


# Bytes and hashes

def decode64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise Invalid(f'is no base64: {text!r}') from None
    if base64.b64encode(data).decode() != text:
        raise Invalid(f'is no canonical base64: {text!r}')
    return data


def encode64(data):
    return base64.b64encode(data).decode()


def decimal(text):
    if not re.fullmatch(r'0|[1-9][0-9]{0,15}', text):
        raise Invalid(f'is no decimal number: {text!r}')
    return int(text)


def sha256(data):
    return hashlib.sha256(data).digest()


def hash_leaf(entry):
    return sha256(b'\0' + entry)


def hash_node(left, right):
    return sha256(b'\1' + left + right)


def perfect_root(hashes):
    while len(hashes) > 1:
        hashes = [hash_node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def roots_at(leaves, sizes):
    """The root at each of these sizes. The stack holds the roots of the perfect subtrees, the largest first."""
    roots, stack = {0: sha256(b'')}, []
    for index, leaf in enumerate(leaves):
        stack.append(leaf)
        for _ in range(((index + 1) & -(index + 1)).bit_length() - 1):
            right = stack.pop()
            stack.append(hash_node(stack.pop(), right))
        if index + 1 in sizes:
            root = stack[-1]
            for left in reversed(stack[:-1]):
                root = hash_node(left, root)
            roots[index + 1] = root
    return roots


# Ed25519: RFC 8032, section 5.1.7. The second one is for a Python without `cryptography`.

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    m, n = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == '1':
            result = add(result, point)
    return result


def decode_point(data):
    number = int.from_bytes(data, 'little')
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, 'little'))


def ed25519_in_python(key, signature, message):
    a, r, s = decode_point(key), decode_point(signature[:32]), int.from_bytes(signature[32:], 'little')
    if len(signature) != 64 or a is None or r is None or s >= Q:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % Q
    left, right = multiply(s, BASE), add(r, multiply(k, a))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


def ed25519(key, signature, message):
    if AESGCM is None:
        return ed25519_in_python(key, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


# Keys, notes, checkpoints

def key_id(name, kind, key):
    return sha256(f'{name}\n'.encode() + bytes([kind]) + key)[:4]


def parse_vkey(text, kind):
    """Name and key of a vkey of this type."""
    match = re.fullmatch(r'([^\s+]+)\+([0-9a-f]{8})\+(\S+)', text)
    data = decode64(match[3]) if match else b''
    if len(data) != 33 or data[0] != kind or key_id(match[1], kind, data[1:]).hex() != match[2]:
        raise Invalid(f'is no vkey of type {kind}: {text!r}')
    return match[1], data[1:]


def open_note(note, keys):
    """The text, and by (name, type) what each known key signed: True, or the time of a cosignature."""
    text, _, lines = note.rpartition('\n\n')
    text += '\n'
    if not lines.endswith('\n') or not text.strip():
        raise Invalid('is no signed note')
    ids = {(name, key_id(name, kind, key)): (kind, key) for name, kind, key in keys}
    signed = {}
    for line in lines[:-1].split('\n'):
        match = re.fullmatch(r'— ([^\s+]+) (\S+)', line)
        if not match:
            raise Invalid(f'has a line that is no signature: {line!r}')
        data = decode64(match[2])
        kind, key = ids.get((match[1], data[:4]), (None, None))
        if kind is None:
            continue
        time, signature = (int.from_bytes(data[4:12], 'big'), data[12:]) if kind == 4 else (True, data[4:])
        message = f'cosignature/v1\ntime {time}\n{text}' if kind == 4 else text
        if not ed25519(key, signature, message.encode()):
            raise Invalid(f'has a wrong signature by {match[1]}')
        signed[match[1], kind] = time
    return text, signed


def open_checkpoint(data, log):
    """Size, root and time in seconds of a checkpoint that the log signed with its time."""
    origin, key = log
    text, signed = open_note(data.decode(), [(origin, 1, key), (origin, 4, key)])
    lines = text[:-1].split('\n')
    if len(lines) != 3 or lines[0] != origin:
        raise Invalid(f'is no checkpoint of {origin}')
    for kind, what in ((1, 'signed'), (4, 'signed with its time')):
        if (origin, kind) not in signed:
            raise Invalid(f'is not {what} by the log')
    root = decode64(lines[2])
    if len(root) != 32:
        raise Invalid('has a root that is no hash')
    return decimal(lines[1]), root, signed[origin, 4]


# The tree

def tile_path(level, number, width=256):
    groups = [f'{number:03d}'[-3:]]
    while number := number // 1000:
        groups.insert(0, f'x{number % 1000:03d}')
    return f'tile/{level}/{"/".join(groups)}' + ('' if width == 256 else f'.p/{width}')


def encode_bundle(entries):
    return b''.join(len(entry).to_bytes(2, 'big') + entry for entry in entries)


def decode_bundle(data):
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at:at + 2], 'big')
        if at + 2 + length > len(data):
            raise Invalid('ends inside an entry')
        entries.append(data[at + 2:at + 2 + length])
        at += 2 + length
    return entries


def read_entries(folder, size):
    entries = []
    for number in range(-(-size // 256)):
        width = min(256, size - 256 * number)
        path = next((p for p in (tile_path('entries', number), tile_path('entries', number, width)) if (folder / p).is_file()), None)
        if path is None:
            raise Invalid(f'{tile_path("entries", number, width)}: is missing')
        bundle = decode_bundle((folder / path).read_bytes())
        if len(bundle) < width or (len(bundle) != width and path.endswith(f'/{width}')):
            raise Invalid(f'{path}: has {len(bundle)} entries')
        entries += bundle[:width]
    return entries


def check_tiles(folder, entries, sizes, problems):
    """Every tile and bundle that is there has to be its bytes, and all that the sizes need have to be there."""
    levels = {'entries': entries, '0': [hash_leaf(entry) for entry in entries]}
    while len(levels[str(len(levels) - 2)]) >= 256:
        below = levels[str(len(levels) - 2)]
        levels[str(len(levels) - 1)] = [perfect_root(below[i:i + 256]) for i in range(0, len(below) - 255, 256)]
    found = set()
    for file in sorted(file for file in (folder / 'tile').rglob('*') if file.is_file()):
        path = file.relative_to(folder).as_posix()
        match = re.fullmatch(r'tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?', path)
        level, number, width = (match[1], int(re.sub('[x/]', '', match[2])), int(match[3] or 256)) if match else ('', 0, 0)
        if not match or tile_path(level, number, width) != path:
            problems.append(f'{path}: is no tile')
            continue
        hashes = levels.get(level, [])[256 * number:256 * number + width]
        if len(hashes) < width:
            continue  # of a greater size than the checkpoint's
        found.add((level, number, width))
        if file.read_bytes() != (encode_bundle(hashes) if level == 'entries' else b''.join(hashes)):
            problems.append(f'{path}: is not what the entries give')
    for level in levels:
        counts = [size // 256 ** (0 if level == 'entries' else int(level)) for size in sizes]
        needed = {(n, 256) for n in range(max(counts) // 256)} | {(n // 256, n % 256) for n in counts if n % 256}
        for number, width in sorted(needed):
            if not {(level, number, width), (level, number, 256)} & found:
                problems.append(f'{tile_path(level, number, width)}: is missing')
    return levels['0'], len(found)


# Entries and runs

class Entry:
    """One entry: what of it is looked at."""

    def __init__(self, index, data):
        event = json.loads(data)
        if event['specversion'] != '1.0' or event['data']['context']['specversion'] != '0.5.1':
            raise Invalid('is of a version that is not known')
        self.index, self.id, self.source = index, event['id'], event['source']
        self.time = datetime.fromisoformat(event['time'])
        self.run, self.number = event.get('mayflyrun'), event.get('mayflyseq')
        if (self.run is None) != (self.number is None) or not (self.run is None or (type(self.number) is int and self.number >= 0)):
            raise Invalid('has no number in its run')
        own = re.fullmatch(r'dev\.cdeventsx\.mayfly-(.+)\.' + re.escape(VERSION), event['type'])
        self.type = own[1] if own and own[1] in OWN else CDEVENTS.get(event['type'])
        self.data = event['data'].get('customData', {}) if event['type'] in CDEVENTS else event['data']['subject']['content']


def parse_entries(entries, problems):
    parsed = []
    for index, data in enumerate(entries):
        try:
            parsed.append(Entry(index, data))
        except (ValueError, KeyError, TypeError, AttributeError, Invalid) as error:
            problems.append(f'entry {index}: cannot be read: {error!r}')
    return parsed


def check_runs(entries, now, problems):
    """Numbers that are missing or there twice, and ends that are missing. Returns how many runs there are."""
    starts, runs = [entry.index for entry in entries if entry.type == 'server.started'], {}
    for entry in entries:
        if entry.run is not None:
            runs.setdefault(entry.run, []).append(entry)
    for run, members in runs.items():
        lost = {n for entry in members if entry.type == 'entries.lost' for n in entry.data['numbers']}
        by_number = {}
        for entry in members:
            before = by_number.get(entry.number)
            if before and not any(before.index < start < entry.index for start in starts):
                problems.append(f'run {run}: number {entry.number} is there twice, at {before.index} and {entry.index}')
            by_number[entry.number] = entry
        after = 0
        for number in sorted(lost | set(by_number)):
            if number > after and number <= max(by_number):
                problems.append(f'run {run}: {after} to {number - 1} are missing')
            after = number + 1
        for number, entry in by_number.items():
            follower = by_number.get(number + 1)
            if entry.type == 'run.finished' and follower and follower.type != 'session.issued':
                problems.append(f'run {run}: has {follower.type} after its end')
        started = any(entry.type == 'run.started' for entry in members)
        newest = max(entry.time for entry in members)
        if started and by_number[max(by_number)].type != 'run.finished' and now - newest > timedelta(hours=24):
            problems.append(f'run {run}: has no end')
    return len(runs)


# People

def find_people(value, path=()):
    if isinstance(value, dict) and set(value) == {'person', 'commitment'}:
        yield '.'.join(path), value['person'], value['commitment']
    elif isinstance(value, (dict, list)):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from find_people(member, (*path, str(name)))


def open_names(folder, entry, person, key):
    """By path, the names of this person that are kept for this entry."""
    names, file = {}, folder / 'people/names' / str(entry.index // 65536)
    for line in file.read_text().splitlines() if file.is_file() else ():
        box = json.loads(line)
        if (box['id'], box['person']) == (entry.id, person):
            data, seal = decode64(box['box']), hmac.digest(key, b'mayfly-seal/v1', 'sha256')
            names |= json.loads(AESGCM(seal).decrypt(data[:12], data[12:], f'{person}\n{entry.id}'.encode()))
    return names


def check_people(folder, entries, problems):
    counts = {'open': 0, 'erased': 0, 'without key': 0, 'not tried': 0}
    for entry in entries:
        for path, person, commitment in find_people(entry.data):
            file = folder / 'people/keys' / person
            if not re.fullmatch(r'per_[A-Za-z0-9_-]+', person) or not file.is_file():
                counts['erased' if (folder / 'people/erased' / person).exists() else 'without key'] += 1
                continue
            if AESGCM is None:
                counts['not tried'] += 1
                continue
            try:
                key = decode64(file.read_text().strip())
                name = open_names(folder, entry, person, key)[path]
                text = f'mayfly-commitment/v1\n{entry.id}\n{path}\n{name}'.encode()
                if not hmac.compare_digest(hmac.digest(key, text, 'sha256'), decode64(commitment)):
                    raise Invalid('is not what the entry commits to')
                counts['open'] += 1
            except (InvalidTag, ValueError, KeyError, Invalid) as error:
                problems.append(f'entry {entry.index}: the name at {path} does not open: {error!r}')
    return counts


# The whole

def verify(folder, log, elsewhere, receipts):
    problems = []
    size, root, time = open_checkpoint((folder / 'checkpoint').read_bytes(), log)
    known = {'checkpoint': (size, root)}
    for file in [*sorted((folder / 'checkpoints').glob('*')), *elsewhere]:
        try:
            known[str(file)] = open_checkpoint(file.read_bytes(), log)[:2]
            named = {str(known[str(file)][0]), f'{known[str(file)][0]}-{sha256(file.read_bytes()).hex()[:16]}'}
            if file not in elsewhere and file.name not in named:
                raise Invalid('is not the one of its name')
        except (Invalid, ValueError) as error:
            problems.append(f'{file}: {error}')
    entries = read_entries(folder, size)
    leaves, tiles = check_tiles(folder, entries, {s for s, _ in known.values() if s <= size}, problems)
    roots = roots_at(leaves, {s for s, _ in known.values()})
    for name, (known_size, known_root) in known.items():
        if roots.get(known_size) != known_root:
            problems.append(f'{name}: at {known_size} the log ' + ('is shorter' if known_size > size else 'has another root'))
    for line in receipts:
        receipt = json.loads(line)
        text = '\n'.join(['mayfly-receipt/v1', log[0], str(receipt['index']), receipt['leafHash'], str(receipt['timeMs']), ''])
        if not ed25519(log[1], decode64(receipt['signature']), text.encode()):
            problems.append(f'receipt {receipt["index"]}: is not signed by the log')
        elif receipt['index'] < size and leaves[receipt['index']] != decode64(receipt['leafHash']):
            problems.append(f'receipt {receipt["index"]}: another entry stands there')
    now = datetime.fromtimestamp(time, timezone.utc)
    parsed = parse_entries(entries, problems)
    runs = check_runs(parsed, now, problems)
    return {'origin': log[0], 'size': size, 'root': encode64(root), 'signedAt': now.isoformat(), 'checkpoints': len(known),
            'tiles': tiles, 'unknown': sum(entry.type is None for entry in parsed), 'runs': runs,
            'people': check_people(folder, parsed, problems), 'problems': problems}


def main():
    options = argparse.ArgumentParser()
    options.add_argument('folder', type=Path)
    options.add_argument('vkey', type=Path)
    options.add_argument('--checkpoint', type=Path, action='append', default=[])
    options.add_argument('--receipts', type=Path)
    given = options.parse_args()
    try:
        log = parse_vkey(given.vkey.read_text().removesuffix('\n'), 1)
        receipts = given.receipts.read_text().splitlines() if given.receipts else []
        result = verify(given.folder, log, given.checkpoint, receipts)
    except (Invalid, OSError, ValueError, KeyError) as error:
        result = {'problems': [str(error)]}
    print(json.dumps({'verified': not result['problems'], **result}, indent=2))
    sys.exit(1 if result['problems'] else 0)


if __name__ == '__main__':
    main()

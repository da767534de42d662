#!/usr/bin/env python3
"""Verifies the folder of an audit log by what docs/audit-format.md says: an example of a verifier, with no code of ours.

    python3 verify.py FOLDER VKEY_FILE [--checkpoint FILE]... [--receipts FILE] [--consistency FILE]...

Python 3.11, with nothing else; with the package `cryptography` it is faster, and opens the names in people/ too.
Prints one JSON object; exits with 0 if everything holds, with 1 if not. --checkpoint is one that was kept elsewhere,
--receipts has a receipt, or an answer with several, in JSON on each line; --consistency is a proof of it. The log has to fit into memory; a policy of witnesses is not looked at.
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
    AESGCM, InvalidSignature, InvalidTag = None, ValueError, ValueError

CDEVENTS = {f'dev.cdevents.{name}.{verb}.0.3.0': f'{short}.{verb}' for name, short in
            (('pipelinerun', 'run'), ('taskrun', 'step')) for verb in ('started', 'finished')}


COMMITMENT = {'person': 'per_[0-9a-hjkmnp-tv-z]{24}', 'commitment': '[A-Za-z0-9+/]{43}='}


class Invalid(ValueError):
    """What was found wrong, in one line."""


def sha256(data):
    return hashlib.sha256(data).digest()


def decode64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Invalid(f'is no canonical base64: {text!r}')
    return data


# Ed25519 for a Python without `cryptography`: RFC 8032, sections 5.1.3 to 5.1.7.
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
        result = add(add(result, result), point) if bit == '1' else add(result, result)
    return result


def decode_point(data):
    number = int.from_bytes(data, 'little')
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        raise Invalid('is no point of the curve')
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def ed25519_in_python(key, signature, message):
    s = int.from_bytes(signature[32:], 'little')
    if len(signature) != 64 or s >= Q:
        return False
    a, r, base = (decode_point(data) for data in (key, signature[:32], (4 * pow(5, -1, P) % P).to_bytes(32, 'little')))
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % Q
    left, right = multiply(s, base), add(r, multiply(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def ed25519(key, signature, message):
    try:
        if AESGCM is None:
            return ed25519_in_python(key, signature, message)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def key_hash(name, kind, key):
    return sha256(f'{name}\n'.encode() + bytes([kind]) + key)[:4]


def parse_vkey(text):
    match = re.fullmatch(r'([^\s+]+)\+([0-9a-f]{8})\+(\S+)\n?', text)
    data = decode64(match[3]) if match else b''
    if len(data) != 33 or data[0] != 1 or key_hash(match[1], 1, data[1:]).hex() != match[2]:
        raise Invalid(f'is no vkey of type 1: {text!r}')
    return match[1], data[1:]


def open_checkpoint(data, log, timed=True):
    """Size, root and the time in seconds, of a note that the log signed; that time may be missing if not `timed`."""
    origin, key = log
    text, empty, lines = data.decode().rpartition('\n\n')
    text, signed = f'{text}\n', {}
    if not empty or not lines.endswith('\n'):
        raise Invalid('is no signed note')
    for line in lines[:-1].split('\n'):
        match = re.fullmatch(r'— ([^\s+]+) (\S+)', line)
        if not match:
            raise Invalid(f'has a line that is no signature: {line!r}')
        line = decode64(match[2])
        kind = next((kind for kind in (1, 4) if match[1] == origin and line[:4] == key_hash(origin, kind, key)), None)
        if kind is None:
            continue
        time = int.from_bytes(line[4:12], 'big')
        signature, message = (line[4:], text) if kind == 1 else (line[12:], f'cosignature/v1\ntime {time}\n{text}')
        if not ed25519(key, signature, message.encode()):
            raise Invalid('has a wrong signature by the log')
        signed[kind] = time
    body = re.fullmatch(r'(.+)\n(0|[1-9][0-9]{0,15})\n(.+)\n(?:.+\n)*', text)
    if not body or body[1] != origin or len(decode64(body[3])) != 32:
        raise Invalid(f'is no checkpoint of {origin}')
    if 1 not in signed or (timed and 4 not in signed):
        raise Invalid('has no signed time' if 1 in signed else 'is not signed by the log')
    return int(body[2]), decode64(body[3]), signed.get(4)


def node(left, right):
    return sha256(b'\1' + left + right)


def roots_at(leaves, sizes):
    """The root at each of these sizes. The stack holds the roots of the perfect subtrees, the largest first."""
    roots, stack = {0: sha256(b'')}, []
    for size, leaf in enumerate(leaves, 1):
        stack.append(leaf)
        for _ in range((size & -size).bit_length() - 1):
            right = stack.pop()
            stack.append(node(stack.pop(), right))
        if size in sizes:
            roots[size] = stack[-1]
            for left in reversed(stack[:-1]):
                roots[size] = node(left, roots[size])
    return roots


def check_consistency(text, log):
    """A proof that stands alone: the entries of its older checkpoint are the first of its newer one (RFC 9162, 2.1.4.2)."""
    parts = text.split('\n\n')
    head, *proof = parts[0].split('\n')
    if len(parts) != 5 or head != 'mayfly-consistency/v1':
        raise Invalid('is no proof of consistency')
    old, old_root, _ = open_checkpoint(f'{parts[1]}\n\n{parts[2]}\n'.encode(), log, False)
    new, new_root, _ = open_checkpoint(f'{parts[3]}\n\n{parts[4]}'.encode(), log, False)
    proof, fn, sn = [decode64(line) for line in proof], old - 1, new - 1
    if old == 0 or old == new:
        holds = not proof and old_root == (new_root if old == new else sha256(b''))
    else:
        while fn & 1:
            fn, sn = fn >> 1, sn >> 1
        proof = proof if fn else [old_root, *proof]
        older = newer = proof[0] if proof else b''
        for right in proof[1:]:
            if sn == 0:
                raise Invalid('has more hashes than it needs')
            if fn & 1 or fn == sn:
                older, newer = node(right, older), node(right, newer)
                while fn and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
            else:
                newer = node(newer, right)
            fn, sn = fn >> 1, sn >> 1
        holds = old < new and sn == 0 and (older, newer) == (old_root, new_root)
    if not holds:
        raise Invalid(f'does not show that {new} entries extend {old}')


def tile_path(level, number, width=256):
    groups = [f'{number % 1000:03d}']
    while number := number // 1000:
        groups.insert(0, f'x{number % 1000:03d}')
    return f'tile/{level}/{"/".join(groups)}' + ('' if width == 256 else f'.p/{width}')


def read_entries(folder, size):
    entries = []
    for number in range(-(-size // 256)):
        width = min(256, size - 256 * number)
        path, full = tile_path('entries', number, width), tile_path('entries', number)
        path = path if (folder / path).is_file() else full  # which begins with it
        data, at = (folder / path).read_bytes(), 0
        for _ in range(width):
            end = at + 2 + int.from_bytes(data[at:at + 2], 'big')
            if at + 2 > len(data) or end > len(data):
                raise Invalid(f'{path}: ends too early')
            entries.append(data[at + 2:end])
            at = end
    return entries


def check_tiles(folder, entries, sizes, problems):
    """Every tile and bundle has to be its bytes, and all that these sizes need have to be there. Returns the leaf hashes."""
    levels = {'entries': entries, '0': [sha256(b'\0' + entry) for entry in entries]}
    while len(below := levels[str(len(levels) - 2)]) >= 256:
        levels[str(len(levels) - 1)] = [roots_at(below[i:i + 256], {256})[256] for i in range(0, len(below) - 255, 256)]
    found = set()
    for file in sorted(file for file in (folder / 'tile').rglob('[!.]*') if file.is_file()):
        path = file.relative_to(folder).as_posix()
        match = re.fullmatch(r'tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?', path)
        level, number, width = (match[1], int(re.sub('[x/]', '', match[2])), int(match[3] or 256)) if match else (0, 0, 0)
        if tile_path(level, number, width) != path:
            continue  # none of the log's
        items = levels.get(level, [])[256 * number:256 * number + width]
        if len(items) < width != 256 or not items:
            continue  # of a size that is not published yet
        found.add((level, number, width))
        items = [len(item).to_bytes(2, 'big') + item for item in items] if level == 'entries' else items
        data, wanted = file.read_bytes(), b''.join(items)
        if not data.startswith(wanted) or (len(items) == width and len(data) != len(wanted)):
            problems.append(f'{path}: is not what the entries give')
    for level in levels:
        counts = [size // 256 ** (0 if level == 'entries' else int(level)) for size in sizes]
        needed = {(n, 256) for n in range(max(counts) // 256)} | {(n // 256, n % 256) for n in counts if n % 256}
        for number, width in sorted(needed):
            if not {(level, number, width), (level, number, 256)} & found:
                problems.append(f'{tile_path(level, number, width)}: is missing')
    return levels['0']


def whole(number):
    """The int of a whole number of JSON, which may be written 1.0; None for anything else."""
    if type(number) is float and number.is_integer():
        number = int(number)
    return number if type(number) is int and abs(number) < 2**53 else None


def no_number(text):
    raise ValueError(f'{text} is no JSON')


class Entry:
    """What is looked at of an entry. Throws what a wrong JSON throws."""

    def __init__(self, index, text):
        event = json.loads(text.decode(), parse_constant=no_number)
        own = re.fullmatch(r'dev\.cdeventsx\.mayfly-([a-z]{1,64}\.[a-z]{1,64})\.0\.2\.0', event['type'])
        self.type = own[1] if own else CDEVENTS[event['type']]
        self.data = event['data']['subject']['content'] if own else event['data']['customData']
        self.index, self.id, self.subject = index, event['id'], event['subject']
        self.run, self.number = event.get('mayflyrun'), whole(event.get('mayflyseq'))
        self.time = datetime.strptime(event['time'], '%Y-%m-%dT%H:%M:%S.%f%z')
        texts = [event[name] for name in ('id', 'source', 'subject', *(('mayflyrun',) if 'mayflyrun' in event else ()))]
        if (event['specversion'] != '1.0' or not isinstance(self.data, dict) or self.type in CDEVENTS.values() and own
                or not all(isinstance(one, str) and one for one in texts)
                or not re.fullmatch(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z', event['time'])
                or 'mayflyseq' in event and ('mayflyrun' not in event or self.number is None or self.number < 0)):
            raise ValueError


def check_runs(entries, problems):
    """Numbers that are missing or there twice, and ends that are missing. Returns how many runs there are."""
    starts, runs = [entry.index for entry in entries if entry.type == 'server.started'], {}
    newest = max((entry.time for entry in entries), default=None)
    for entry in entries:
        if entry.run is not None:
            runs.setdefault(entry.run, []).append(entry)
    for run, members in runs.items():
        lists = [entry.data.get('numbers') for entry in members if entry.type == 'entries.lost']
        lost = {whole(n) for numbers in lists if isinstance(numbers, list) for n in numbers} - {None}
        by_number = {}
        for entry in members:
            if entry.number is None:
                problems.append(f'run {run}: entry {entry.index} has no number')
                continue
            before, by_number[entry.number] = by_number.get(entry.number), entry
            if before and not any(before.index < start < entry.index for start in starts):
                problems.append(f'run {run}: number {entry.number} is there twice, again as entry {entry.index}')
        after, highest = 0, max(by_number, default=-1)
        for number in sorted(n for n in lost | set(by_number) if n <= highest):
            if number > after:
                problems.append(f'run {run}: numbers {after} to {number - 1} are missing')
            after = number + 1
        sessions, ends = ([n for n in by_number if by_number[n].type == kind] for kind in ('session.issued', 'run.finished'))
        is_open = any(e.type == 'run.started' for e in members) and max(ends, default=-1) <= max(sessions, default=-1)
        if is_open and newest - max(e.time for e in members) > timedelta(hours=25):
            problems.append(f'run {run}: has no end')
    return len(runs)


def find_people(value, path=()):
    if isinstance(value, dict) and value.keys() == {'person', 'commitment'} and all(
            re.fullmatch(shape, str(value[name])) for name, shape in COMMITMENT.items()):
        yield '.'.join(path), value['person'], value['commitment']
    elif isinstance(value, (dict, list)):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from find_people(member, (*path, str(name)))


def read_boxes(folder):
    boxes = {}
    for file in (folder / 'people/names').glob('[0-9]*'):
        for line in file.read_text(errors='replace').split('\n'):
            try:
                box = json.loads(line)
                boxes.setdefault((file.name, box['id'], box['person']), []).append(box['box'])
            except (ValueError, KeyError, TypeError):
                continue  # torn by a crash
    return boxes


def check_people(folder, entries, problems):
    """Each name has to be what the entry commits to, or its person erased by mark and entry. Returns how many of each."""
    keys, marks = ({file.name for file in (folder / 'people' / name).glob('per_*')} for name in ('keys', 'erased'))
    said = {entry.subject for entry in entries if entry.type == 'person.erased'}
    problems += [f'people/keys/{person}: is still there, though the person was erased' for person in sorted(keys & (marks | said))]
    problems += [f'people/erased/{person}: no entry says so' for person in sorted(marks - said)]
    counts, boxes = {'open': 0, 'erased': 0, 'closed': 0}, read_boxes(folder)
    is_public = not (folder / 'people').exists() and not (folder / 'state').exists()
    for entry, path, person, commitment in ((entry, *found) for entry in entries for found in find_people(entry.data)):
        if is_public or (AESGCM is None and person in keys):
            counts['closed'] += 1
            continue
        if person in marks and person in said and person not in keys:
            counts['erased'] += 1
            continue
        try:
            text = (folder / 'people/keys' / person).read_bytes().decode()
            key = decode64(text[:-1])
            if text[-1:] != '\n' or len(key) != 32:
                raise Invalid('its key is none')
            opener, found = AESGCM(hmac.digest(key, b'mayfly-seal/v1', 'sha256')), []
            for box in map(decode64, boxes.get((str(entry.index // 65536), entry.id, person), ())):
                found.append(json.loads(opener.decrypt(box[:12], box[12:], f'{person}\n{entry.id}'.encode()))[path])
            texts = [f'mayfly-commitment/v1\n{entry.id}\n{path}\n{name}'.encode() for name in found]
            if not texts or any(hmac.digest(key, text, 'sha256') != decode64(commitment) for text in texts):
                raise Invalid('it is not what the entry commits to')
            counts['open'] += 1
        except (InvalidTag, ValueError, KeyError, TypeError, OSError) as error:
            problems.append(f'entry {entry.index}: the name at {path} does not open: {error!r}')
    return counts


def verify(folder, log, elsewhere, receipts):
    problems, unreadable, entries, known = [], [], [], {}
    kept = sorted(file for file in (folder / 'checkpoints').glob('*') if not file.name.startswith('.'))
    size, root, time = open_checkpoint((folder / 'checkpoint').read_bytes(), log)
    for file in [*kept, *elsewhere]:
        try:
            data = file.read_bytes()
            known[file] = open_checkpoint(data, log, file in kept)[:2]
            if file in kept and file.name not in (str(known[file][0]), f'{known[file][0]}-{sha256(data).hex()[:16]}'):
                raise Invalid('is not the one of its name')
        except ValueError as error:
            problems.append(f'{file}: {error}')
    known[folder / 'checkpoint'] = size, root
    raw = read_entries(folder, size)
    leaves = check_tiles(folder, raw, {of for file, (of, _) in known.items() if file not in elsewhere}, problems)
    roots = roots_at(leaves, {of for of, _ in known.values()})
    for file, (of, signed_root) in known.items():
        if roots.get(of) != signed_root:
            problems.append(f'{file}: signed for {of} entries, the log ' + ('has fewer' if of > size else 'has another root'))
    singles = []
    for answer in map(json.loads, receipts):
        singles += answer.get('receipts', [answer])
        if 'receipts' in answer:
            lines = ''.join(f'{one["index"]} {one["leafHash"]} {one["timeMs"]} {one["signature"]}\n' for one in answer['receipts'])
            digest = base64.b64encode(sha256(lines.encode())).decode()
            text = f'mayfly-receipts/v1\n{log[0]}\n{len(answer["receipts"])}\n{digest}\n'
            if not ed25519(log[1], decode64(answer['signature']), text.encode()):
                problems.append('an answer is not signed by the log')
    for receipt in singles:
        index, leaf = receipt['index'], receipt['leafHash']
        text = f'mayfly-receipt/v1\n{log[0]}\n{index}\n{leaf}\n{receipt["timeMs"]}\n'
        if not ed25519(log[1], decode64(receipt['signature']), text.encode()):
            problems.append(f'receipt {index}: is not signed by the log')
        elif index < size and leaves[index] != decode64(leaf):
            problems.append(f'receipt {index}: another entry stands there')
    for index, data in enumerate(raw):
        try:
            entries.append(Entry(index, data))
        except (ValueError, KeyError, TypeError, RecursionError):
            unreadable.append(index)
    signed_at = datetime.fromtimestamp(time, timezone.utc).isoformat()
    return {'origin': log[0], 'size': size, 'root': root.hex(), 'signedAt': signed_at, 'checkpoints': len(known),
            'runs': check_runs(entries, problems), 'unreadable': len(unreadable),
            'people': check_people(folder, entries, problems), 'problems': problems}


def main():
    options = argparse.ArgumentParser()
    options.add_argument('folder', type=Path)
    options.add_argument('vkey', type=Path)
    options.add_argument('--checkpoint', type=Path, action='append', default=[])
    options.add_argument('--receipts', type=Path)
    options.add_argument('--consistency', type=Path, action='append', default=[])
    given = options.parse_args()
    try:
        receipts = given.receipts.read_text().splitlines() if given.receipts else []
        log = parse_vkey(given.vkey.read_text())
        for proof in given.consistency:
            check_consistency(proof.read_bytes().decode(), log)
        result = verify(given.folder, log, given.checkpoint, receipts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        result = {'problems': [str(error)]}
    print(json.dumps({'verified': not result['problems'], **result}, indent=2))
    sys.exit(1 if result['problems'] else 0)


if __name__ == '__main__':
    main()

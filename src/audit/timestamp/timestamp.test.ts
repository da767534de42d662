import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { der, readDer, textOf, timeOf, unsignedOf } from '../../der/index.ts'
import { systemFs } from '../disk/index.ts'
import { createSteadyTime, openTimestampAuthority } from './index.ts'

const startMs = Date.UTC(2026, 10, 28, 12, 0, 0, 250)

async function open(t: TestContext, folder?: string) {
  const root = folder ?? (await mkdtemp(join(tmpdir(), 'mayfly-stamp-')))
  t.after(() => rm(root, { recursive: true, force: true }))
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const newest = { ms: 0 }
  const time = createSteadyTime(clock, () => newest.ms)
  const authority = await openTimestampAuthority(systemFs, join(root, 'timestamp'), time)
  return { root, clock, newest, authority }
}

type Opened = Awaited<ReturnType<typeof open>>

function openssl(cwd: string, ...args: string[]): string {
  return execFileSync('openssl', args, { cwd, encoding: 'utf8', stdio: 'pipe' })
}

/** PKIStatusInfo of a response: status, text and the bits of its failure. */
function statusOf(response: Buffer) {
  const [info, token] = readDer(response).children()
  const [status, texts, failure] = info?.children() ?? []
  const bits = failure?.content ?? Buffer.alloc(0)
  const bit = [...bits.subarray(1)].flatMap((byte, i) =>
    Array.from({ length: 8 }, (_, k) => ((byte >> (7 - k)) & 1 ? [i * 8 + k] : [])).flat(),
  )
  const text = texts === undefined ? '' : textOf(texts.children()[0])
  return { status: Number(unsignedOf(status)), text, bit, hasToken: token !== undefined }
}

function timeIn(response: Buffer): number {
  const signedData = readDer(response).children()[1]?.children()[1]?.children()[0]?.children() ?? []
  const info = signedData[2]?.children()[1]?.children()[0]?.content ?? Buffer.alloc(0)
  return timeOf(readDer(info).children()[4])
}

const sha256 = der.sequence(der.oid('2.16.840.1.101.3.4.2.1'))
function query(parts: { version?: number; imprint?: Buffer; rest?: Buffer[] } = {}): Buffer {
  const { version = 1, imprint = der.sequence(sha256, der.octets(Buffer.alloc(32))), rest = [] } = parts
  return der.sequence(der.integer(version), imprint, ...rest)
}

test('openssl takes the timestamps of its own requests: each hash, with and without nonce and certificate', async (t) => {
  const { root, authority, clock } = await open(t)
  clock.ms = Date.now()
  const [leaf = '', ca = ''] = authority.chains()[0]?.chain ?? []
  await writeFile(join(root, 'leaf.pem'), leaf)
  await writeFile(join(root, 'ca.pem'), ca)
  await writeFile(join(root, 'data'), 'what is stamped')
  for (const [i, asked] of [
    ['-sha256', '-cert'],
    ['-sha384', '-no_nonce', '-cert'],
    ['-sha512'],
    ['-sha256', '-no_nonce', '-tspolicy', '2.5.29.32.0'],
  ].entries()) {
    openssl(root, 'ts', '-query', '-data', 'data', ...asked, '-out', `${i}.tsq`)
    await writeFile(join(root, `${i}.tsr`), authority.answer(await readFile(join(root, `${i}.tsq`))))
    const verify = ['ts', '-verify', '-in', `${i}.tsr`, '-CAfile', 'ca.pem']
    // Without its certificate in the answer the verifier brings it.
    const untrusted = asked.includes('-cert') ? [] : ['-untrusted', 'leaf.pem']
    assert.match(openssl(root, ...verify, ...untrusted, '-queryfile', `${i}.tsq`), /Verification: OK/)
    await writeFile(join(root, 'other'), 'what is not')
    assert.throws(() => openssl(root, ...verify, ...untrusted, '-data', 'other'))
  }
  const stamped = authority.stamp(Buffer.from('what is stamped'))
  assert.ok(stamped.ok)
  await writeFile(join(root, 's.tsr'), stamped.response)
  const verify = ['ts', '-verify', '-in', 's.tsr', '-CAfile', 'ca.pem', '-data', 'data']
  assert.match(openssl(root, ...verify), /Verification: OK/)
  assert.match(openssl(root, 'ts', '-reply', '-in', 's.tsr', '-text'), /Hash Algorithm: sha256/)
})

test('the chain: a root without a key, a leaf for timestamps alone, names of its own, the key for its owner only', async (t) => {
  const { root, authority } = await open(t)
  const other = await open(t)
  const [leaf, ca] = (authority.chains()[0]?.chain ?? []).map((pem) => new X509Certificate(pem))
  assert.ok(leaf && ca)
  assert.ok(leaf.verify(ca.publicKey) && ca.verify(ca.publicKey) && leaf.checkIssued(ca) && ca.ca && !leaf.ca)
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.8'])
  assert.ok(leaf.validToDate.getTime() - leaf.validFromDate.getTime() > 10 * 365 * 86_400_000)
  assert.ok(leaf.validFromDate.getTime() <= startMs)
  const [otherLeaf] = (other.authority.chains()[0]?.chain ?? []).map((pem) => new X509Certificate(pem))
  assert.notEqual(leaf.subject, otherLeaf?.subject)
  assert.notEqual(leaf.issuer, otherLeaf?.issuer)
  assert.deepEqual((await readdir(join(root, 'timestamp'))).sort(), ['000001.key', '000001.pem'])
  assert.equal((await stat(join(root, 'timestamp', '000001.key'))).mode & 0o777, 0o600)
  const key = await readFile(join(root, 'timestamp', '000001.key'), 'utf8')
  assert.ok(leaf.checkPrivateKey((await import('node:crypto')).createPrivateKey(key)))
})

test('what is no request is answered by its failure, and by no timestamp', async (t) => {
  const { authority } = await open(t)
  const sha1 = der.sequence(der.sequence(der.oid('1.3.14.3.2.26')), der.octets(Buffer.alloc(20)))
  const cases: [Buffer, number, RegExp][] = [
    [Buffer.alloc(0), 5, /DER/],
    [Buffer.from('hello'), 5, /DER/],
    [der.octets(Buffer.alloc(3)), 5, /sequence/],
    [Buffer.concat([query(), Buffer.of(0)]), 5, /DER/],
    [query({ version: 2 }), 2, /version 1/],
    [query({ imprint: sha1 }), 0, /SHA-256/],
    [query({ imprint: der.sequence(sha256, der.octets(Buffer.alloc(31))) }), 0, /length/],
    [query({ imprint: der.octets(Buffer.alloc(32)) }), 0, /SHA-256/],
    [query({ rest: [der.oid('1.2.3.4')] }), 15, /policy/],
    [query({ rest: [der.context(0, der.sequence())] }), 16, /extension/],
    [query({ rest: [der.value(0x02, Buffer.alloc(65, 1))] }), 2, /nonce/],
    [query({ rest: [der.value(0x02)] }), 2, /nonce/],
    [query({ rest: [der.boolean(false)] }), 5, /certReq/],
    [query({ rest: [der.boolean(true), der.integer(1)] }), 5, /more/],
    [query({ rest: [der.integer(1), der.integer(1)] }), 5, /more/],
  ]
  for (const [bytes, bit, text] of cases) {
    const { status, text: said, bit: bits, hasToken } = statusOf(authority.answer(bytes))
    assert.deepEqual([status, bits, hasToken], [2, [bit], false], bytes.toString('hex'))
    assert.match(said, text)
  }
  const ok = query({
    rest: [der.oid('2.5.29.32.0'), der.value(0x02, Buffer.from('ff01', 'hex')), der.boolean(true)],
  })
  assert.equal(statusOf(authority.answer(ok)).status, 0)
  fc.assert(
    fc.property(fc.nat(ok.length - 1), fc.nat(255), fc.nat(ok.length), (at, byte, length) => {
      const { status, hasToken } = statusOf(
        authority.answer(Buffer.from(ok.with(at, byte)).subarray(0, length)),
      )
      assert.equal(status === 0, hasToken)
    }),
    { numRuns: 200 },
  )
})

test('time never runs back, and a clock far behind what was signed signs nothing', async (t) => {
  const { authority, clock, newest } = await open(t)
  const stampedMs = () => {
    const stamped = authority.stamp(Buffer.from('x'))
    return stamped.ok ? timeIn(stamped.response) : stamped.message
  }
  const second = startMs - 250
  assert.equal(stampedMs(), second)
  clock.ms += 10_000
  assert.equal(stampedMs(), second + 10_000)
  clock.ms -= 5_000
  assert.equal(stampedMs(), second + 10_000)
  newest.ms = startMs + 60_000
  assert.equal(stampedMs(), second + 60_000)
  newest.ms = startMs + 70_000
  assert.match(String(stampedMs()), /65 s behind the newest entry: set it right/)
  const refused = statusOf(authority.answer(query()))
  assert.deepEqual([refused.status, refused.bit, refused.hasToken], [2, [14], false])
  assert.match(refused.text, /set it right/)
  assert.equal((await authority.rotate()).ok, false)
  clock.ms = startMs + 70_000
  assert.equal(stampedMs(), second + 70_000)
  clock.ms = startMs + 16 * 31_557_600_000
  assert.match(String(stampedMs()), /expired.*rotate-timestamp/)
})

test('a machine that starts with a clock before its own certificate signs nothing', async (t) => {
  const { root, authority } = await open(t)
  const early = { nowMs: () => startMs - 3_600_000 }
  const again = await openTimestampAuthority(
    systemFs,
    join(root, 'timestamp'),
    createSteadyTime(early, () => 0),
  )
  assert.deepEqual(again.chains(), authority.chains())
  const stamped = again.stamp(Buffer.from('x'))
  assert.match(stamped.ok ? '' : stamped.message, /before the timestamp certificate.*set it right/)
})

test('rotation: the chain before stays listed, its key is gone; what a crash left is put right; a lost key is told', async (t) => {
  const { root, clock, authority } = await open(t)
  const before = authority.stamp(Buffer.from('x'))
  clock.ms += 90_000
  assert.ok((await authority.rotate()).ok)
  const [old, current, ...more] = authority.chains()
  assert.deepEqual([old?.sinceMs, more.length], [startMs - 250, 0])
  assert.equal(current?.untilMs, undefined)
  assert.ok(old?.untilMs !== undefined && before.ok && timeIn(before.response) < old.untilMs)
  assert.ok(current !== undefined && current.sinceMs <= clock.ms && current.sinceMs < old.untilMs)
  const folder = join(root, 'timestamp')
  assert.deepEqual((await readdir(folder)).sort(), ['000001.pem', '000002.key', '000002.pem'])
  await writeFile(join(root, 'new.pem'), current.chain[1] ?? '')
  await verifyIn({ root, authority }, 'new.pem')
  // Killed after the next key, before its chain; and after a chain, before the old key was removed.
  await writeFile(join(folder, '000003.key'), 'key')
  await writeFile(join(folder, '000001.key'), 'key')
  const chains = authority.chains()
  const again = await open(t, root)
  assert.deepEqual(again.authority.chains(), chains)
  assert.deepEqual((await readdir(folder)).sort(), ['000001.pem', '000002.key', '000002.pem'])
  const key = await readFile(join(folder, '000002.key'))
  await rm(join(folder, '000002.key'))
  await assert.rejects(open(t, root), /000002\.key is missing: restore it/)
  const stranger = await open(t)
  await writeFile(join(folder, '000002.key'), await readFile(join(stranger.root, 'timestamp', '000001.key')))
  await assert.rejects(open(t, root), /is not the key of 000002\.pem/)
  await writeFile(join(folder, '000002.key'), key)
  await writeFile(join(folder, '000001.pem'), 'no chain')
  await assert.rejects(open(t, root), /000001\.pem is not a chain/)
})

test('the next one is announced, listed and idle until the rotation that it signs from; crashes are put right', async (t) => {
  const { root, clock, authority } = await open(t)
  const folder = join(root, 'timestamp')
  const files = async () => (await readdir(folder)).sort()
  assert.equal(authority.next(), undefined)
  clock.ms += 10_000
  assert.ok((await authority.announce()).ok)
  const next = authority.next()
  assert.ok(next)
  // A second time it is the same one.
  assert.ok((await authority.announce()).ok)
  assert.deepEqual(authority.next(), next)
  assert.deepEqual(await files(), ['000001.key', '000001.pem', 'next.key', 'next.pem'])
  assert.equal(authority.chains().length, 1)
  await writeFile(join(root, 'old.pem'), authority.chains()[0]?.chain[1] ?? '')
  await verifyIn({ root, authority }, 'old.pem')
  assert.deepEqual((await open(t, root)).authority.next(), next)
  // Killed while it was made: the key that has no certificate is removed.
  const [key, pem] = await Promise.all(['next.key', 'next.pem'].map((name) => readFile(join(folder, name))))
  await rm(join(folder, 'next.pem'))
  assert.equal((await open(t, root)).authority.next(), undefined)
  await writeFile(join(folder, 'next.key'), key ?? '')
  await writeFile(join(folder, 'next.pem'), pem ?? '')
  const again = await open(t, root)
  again.clock.ms = startMs + 80_000
  assert.ok((await again.authority.rotate()).ok)
  const [old, current, ...more] = again.authority.chains()
  assert.deepEqual([current?.chain, current?.sinceMs, more], [next.chain, next.sinceMs, []])
  // The one before signed until the rotation, not until the announcement.
  assert.equal(old?.untilMs, startMs + 81_000)
  assert.equal(again.authority.next(), undefined)
  assert.deepEqual(await files(), ['000001.pem', '000002.key', '000002.pem', '000002.since'])
  await writeFile(join(root, 'next-root.pem'), next.chain[1] ?? '')
  await verifyIn({ root, authority: again.authority }, 'next-root.pem')
  // Killed after the promotion, before the announced one was removed.
  await writeFile(join(folder, 'next.key'), key ?? '')
  await writeFile(join(folder, 'next.pem'), pem ?? '')
  const after = await open(t, root)
  assert.deepEqual([after.authority.next(), after.authority.chains()], [undefined, again.authority.chains()])
  assert.equal((await files()).length, 4)
  await writeFile(join(folder, '000002.since'), 'x')
  await assert.rejects(open(t, root), /000002\.since is no time/)
})

async function verifyIn({ root, authority }: Pick<Opened, 'root' | 'authority'>, ca: string): Promise<void> {
  const stamped = authority.stamp(Buffer.from('bytes'))
  assert.ok(stamped.ok)
  await writeFile(join(root, 'bytes'), 'bytes')
  await writeFile(join(root, 'r.tsr'), stamped.response)
  const attime = ['-attime', String(Math.floor(startMs / 1000) + 100)]
  const verify = ['ts', '-verify', '-in', 'r.tsr', '-CAfile', ca, '-data', 'bytes', ...attime]
  assert.match(openssl(root, ...verify), /Verification: OK/)
}

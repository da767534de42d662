import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { systemFs } from '../../disk/index.ts'
import {
  createTileHashes,
  httpSource,
  leafHash,
  parseNote,
  parseVerifierKey,
  proveInclusion,
  verifyCheckpoint,
  verifyInclusion,
  verifyLog,
} from '../../verify/index.ts'
import { verifyFolder } from '../../verify/node.ts'
import { spawnWitness } from '../../witness/spawn.fixture.ts'
import { parseTlogPolicy } from '../../verify/index.ts'
import type { AuditLogOptions } from '../index.ts'
import { entriesOf, openLog, postEntries, startLog, temporaryFolder, token } from '../log.fixture.ts'
import { type Rekord, rekordOf } from './rekord.fixture.ts'

// Not the synchronous one: the log that is asked runs in this process.
const run = promisify(execFile)

interface Answer {
  status: number
  body: {
    treeSize: number
    rootHash: string
    checkpoint: string
    entries: { index: number; hashes: string[]; timestamp: string }[]
    error: string
    message: string
  }
}

async function open(t: TestContext, folder?: string, options: Partial<AuditLogOptions> = {}) {
  const root = folder ?? (await temporaryFolder(t))
  const log = await openLog(t, root, { attestations: {}, ...options })
  return {
    log,
    url: log.url,
    key: log.attestations?.verifierKey ?? '',
    folder: join(root, 'attestations'),
    root,
  }
}

const bodyOf = (rekords: readonly Rekord[]) =>
  JSON.stringify({
    entries: rekords.map(({ entry, signature }) => ({
      entry: entry.toString('base64'),
      signature: signature.toString('base64'),
    })),
  })

async function post(
  url: string,
  body: string,
  headers: Record<string, string> = { authorization: `Bearer ${token}` },
): Promise<Answer> {
  const response = await fetch(`${url}/attestations/entries`, { method: 'POST', headers, body })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

async function proves(answer: Answer, rekords: readonly Rekord[], key: string): Promise<void> {
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const verifier = parseVerifierKey(key)
  assert.ok(verifier)
  const verdict = await verifyCheckpoint(answer.body.checkpoint, verifier)
  assert.ok(verdict.ok)
  const { size, root } = verdict.checkpoint
  assert.deepEqual([answer.body.treeSize, answer.body.rootHash], [size, root.toBase64()])
  // Bundles hold it, and some of their readers take no line of others.
  assert.equal(parseNote(answer.body.checkpoint)?.signatures.length, 1)
  for (const [i, { index, hashes }] of answer.body.entries.entries()) {
    const leaf = leafHash(rekords[i]?.entry ?? Buffer.alloc(0))
    const proof = hashes.map((hash) => Buffer.from(hash, 'base64'))
    assert.ok(verifyInclusion({ index, size, leaf, root }, proof), `entry ${index} of ${size}`)
  }
}

test('answers prove each entry, across full tiles, also of old ones and after a restart; the log verifies as a whole', async (t) => {
  const first = await open(t)
  const rekords = Array.from({ length: 600 }, (_, i) => rekordOf(`statement ${i}`))
  let at = 0
  for (const count of [1, 1, 2, 250, 1, 1, 1, 255, 80, 8]) {
    const some = rekords.slice(at, at + count)
    const answer = await post(first.url, bodyOf(some))
    await proves(answer, some, first.key)
    assert.deepEqual(
      answer.body.entries.map(({ index }) => index),
      some.map((_, i) => at + i),
    )
    at += count
  }
  const old = [0, 3, 254, 255, 256, 400, 511, 512, 599].map((i) => rekords[i]!)
  await proves(await post(first.url, bodyOf(old)), old, first.key)
  await first.log.close()
  const again = await open(t, first.root)
  assert.equal(again.key, first.key)
  const repeated = await post(again.url, bodyOf([...old, old[0]!]))
  await proves(repeated, [...old, old[0]!], first.key)
  assert.deepEqual(
    repeated.body.entries.map(({ index }) => index),
    [0, 3, 254, 255, 256, 400, 511, 512, 599, 0],
  )
  assert.equal(repeated.body.treeSize, 600)
  const verdict = await verifyFolder(first.folder, first.key, { known: [repeated.body.checkpoint] })
  assert.ok(verdict.ok && verdict.size === 600, JSON.stringify(verdict))
  const online = await verifyLog(httpSource(`${again.url}/attestations`), first.key)
  assert.ok(online.ok && online.size === 600, JSON.stringify(online))
  const proof = await proveInclusion(createTileHashes(httpSource(`${again.url}/attestations`), 600), 5, 600)
  const claim = {
    index: 5,
    size: 600,
    leaf: leafHash(rekords[5]!.entry),
    root: Buffer.from(online.rootHash, 'base64'),
  }
  assert.ok(verifyInclusion(claim, proof))
  const audit = await verifyFolder(first.root, again.log.verifierKey)
  assert.ok(audit.ok && audit.size === 0)
})

test('many at once share the disk; what comes twice at once has one number', async (t) => {
  const { url, key, folder, log } = await open(t)
  const rekords = Array.from({ length: 60 }, (_, i) =>
    rekordOf(`at once ${i % 40}`.padEnd(20, String(i % 40))),
  )
  // ECDSA signs anew each time: the same signature twice is the same request twice.
  const sent = rekords.map((_, i) => rekords[i % 40]!)
  const answers = await Promise.all(sent.map((one) => post(url, bodyOf([one]))))
  for (const [i, answer] of answers.entries()) await proves(answer, [sent[i]!], key)
  const indexes = answers.map(({ body }) => body.entries[0]!.index)
  for (let i = 40; i < 60; i++) assert.equal(indexes[i], indexes[i - 40])
  assert.deepEqual(
    [...new Set(indexes)].sort((a, b) => a - b),
    [...Array(40).keys()],
  )
  await log.close()
  const known = answers.map(({ body }) => body.checkpoint)
  const verdict = await verifyFolder(folder, key, { known })
  assert.ok(verdict.ok && verdict.size === 40, JSON.stringify(verdict))
})

test('requests that are refused: token, method, shape, size, another signature; and no other path is served', async (t) => {
  const { url } = await open(t)
  const [good, other] = [rekordOf('good'), rekordOf('other')]
  const one = bodyOf([good])
  const withMember = one.replace('"signature"', '"more":1,"signature"')
  const mixed = bodyOf([{ ...good, signature: other.signature }])
  const many = `{"entries":[${'{},'.repeat(256)}{}]}`
  for (const [status, body, headers, message] of [
    [401, one, {}, /append token/],
    [401, one, { authorization: 'Bearer other' }, /append token/],
    [400, '{}', undefined, /has to be JSON/],
    [400, '{"entries":[]}', undefined, /no entries/],
    [400, '{"entries":[7]}', undefined, /entry 0/],
    [400, withMember, undefined, /entry 0/],
    [400, one.replace('"entry":"', '"entry":" '), undefined, /entry 0/],
    [400, bodyOf([{ ...good, entry: Buffer.from('{}') }]), undefined, /canonical JSON/],
    [400, mixed, undefined, /not the one that the entry holds/],
    [413, many, undefined, /at most 256/],
    [413, `{"entries":["${'a'.repeat(9_000_000)}"]}`, undefined, /at most \d+ bytes/],
  ] as const) {
    const answer = await post(url, body, headers)
    assert.equal(answer.status, status, answer.body.message)
    assert.match(answer.body.message, message)
  }
  for (const [method, path, status] of [
    ['GET', 'entries', 405],
    ['GET', 'timestamp', 405],
    ['POST', 'timestamp/rotate', 401],
    ['PUT', 'keys', 405],
    ['GET', 'state/key', 404],
    ['GET', 'state/timestamp/000001.key', 404],
    ['GET', 'checkpoints/0', 404],
    ['GET', '../state/key', 404],
    ['GET', '', 404],
    ['GET', 'tile/0/000', 404],
    ['GET', 'checkpoint', 200],
    ['GET', 'key.vkey', 200],
  ] as const)
    assert.equal((await fetch(`${url}/attestations/${path}`, { method })).status, status, `${method} ${path}`)
  const health = (await (await fetch(`${url}/healthz`)).json()) as { attestations: unknown; size: number }
  assert.deepEqual([health.attestations, health.size], [{ ok: true, size: 0 }, 0])
})

test('timestamps: openssl and curl as they are; strangers share a bound, the token’s holder does not', async (t) => {
  const { url, root } = await open(t)
  const keys = async () =>
    (await (await fetch(`${url}/attestations/keys`)).json()) as {
      origin: string
      verifierKey: string
      sinceMs: number
      timestampChains: { chain: string[]; sinceMs: number; untilMs?: number }[]
    }
  const { origin, verifierKey, timestampChains } = await keys()
  assert.ok(verifierKey.startsWith(`${origin}+`))
  await writeFile(join(root, 'root.pem'), timestampChains[0]?.chain[1] ?? '')
  await writeFile(join(root, 'data'), 'data')
  const script = `openssl ts -query -data data -sha256 -cert |
    curl -sf -H 'content-type: application/timestamp-query' --data-binary @- ${url}/attestations/timestamp >r.tsr
    openssl ts -verify -data data -in r.tsr -CAfile root.pem`
  const { stdout: said } = await run('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd: root })
  assert.match(said, /Verification: OK/)
  await run('openssl', ['ts', '-query', '-data', 'data', '-sha256', '-out', 'q.tsq'], { cwd: root })
  const query = await readFile(join(root, 'q.tsq'))
  const ask = async (more: Record<string, string> = {}, body: Buffer = query) => {
    const headers = { 'content-type': 'application/timestamp-query', ...more }
    const response = await fetch(`${url}/attestations/timestamp`, { method: 'POST', headers, body })
    await response.arrayBuffer()
    return response.status
  }
  assert.equal(await ask({ 'content-type': 'text/plain' }), 415)
  assert.equal(await ask({}, Buffer.alloc(2_000)), 413)
  const strangers = await Promise.all(Array.from({ length: 150 }, () => ask()))
  assert.ok(strangers.includes(429) && strangers.filter((status) => status === 200).length >= 40)
  const own = await Promise.all(Array.from({ length: 60 }, () => ask({ authorization: `Bearer ${token}` })))
  assert.deepEqual([...new Set(own)], [200])
  const rotated = await fetch(`${url}/attestations/timestamp/rotate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(rotated.status, 200)
  const after = (await keys()).timestampChains
  assert.deepEqual([after.length, after[0]?.chain], [2, timestampChains[0]?.chain])
  assert.ok(after[0]?.untilMs !== undefined && after[1]?.untilMs === undefined)
})

test('a folder of an older version gets the log at its next start; its name and key are for good', async (t) => {
  const root = await temporaryFolder(t)
  const older = await startLog(root, {})
  await postEntries(older.url, entriesOf(0, 3))
  assert.equal(older.attestations, undefined)
  assert.equal((await fetch(`${older.url}/attestations/keys`)).status, 404)
  await older.close()
  const asked = await startLog(root, { attestations: { origin: 'attest.example.com' } })
  assert.equal(asked.attestations?.origin, 'attest.example.com')
  assert.equal((await stat(join(root, 'attestations', 'state'))).mode & 0o777, 0o700)
  assert.equal((await stat(join(root, 'attestations', 'state', 'key'))).mode & 0o777, 0o600)
  await asked.close()
  const kept = await startLog(root, { attestations: {} })
  assert.deepEqual(kept.attestations, asked.attestations)
  await kept.close()
  const other = startLog(root, { attestations: { origin: 'other.example.com' } })
  await assert.rejects(other, /is the log of attest\.example\.com, not of other\.example\.com/)
  for (const origin of [
    'localhost',
    'a.example:443',
    'https://a.example',
    'a.example/x',
    'A.example',
    '127.0.0.1',
    'a b.c',
    'log.example - 7',
  ])
    await assert.rejects(
      startLog(await temporaryFolder(t), { attestations: { origin } }),
      /is no name for an attestation log/,
      origin,
    )
  await rm(join(root, 'attestations', 'state', 'key'))
  await assert.rejects(
    startLog(root, { attestations: {} }),
    /attestations\/state\/key is missing.*restore it/,
  )
})

test('a disk that fails under the attestation log stops it, and with it the process; nothing is answered as done', async (t) => {
  let broken = false
  const open_: typeof systemFs.open = async (name, ...rest) => {
    const handle = await systemFs.open(name, ...rest)
    if (!/attestations\/state\/wal-/.test(String(name))) return handle
    const real = handle.datasync.bind(handle)
    const datasync = async () => {
      if (broken) throw Object.assign(new Error('ENOSPC: no'), { code: 'ENOSPC' })
      await real()
    }
    return Object.assign(handle, { datasync })
  }
  const { log, url, root } = await open(t, undefined, { fs: { ...systemFs, open: open_ } })
  await post(url, bodyOf([rekordOf('before')]))
  broken = true
  const after = rekordOf('after')
  const answer = await post(url, bodyOf([after]))
  assert.deepEqual([answer.status, answer.body.error], [507, 'disk_full'])
  assert.match(
    answer.body.message,
    /writing the attestation log failed: the disk is full.*the attestation log takes nothing/,
  )
  assert.deepEqual(
    log.faults.map(({ code }) => code),
    ['disk_full'],
  )
  assert.equal((await postEntries(url, entriesOf(0, 1))).status, 507)
  await log.close()
  const again = await open(t, root)
  const done = await post(again.url, bodyOf([after]))
  await proves(done, [after], again.key)
  assert.equal(done.body.entries[0]?.index, 1)
})

test('a clock that was set back: no entry is taken and no time is signed, which is told', async (t) => {
  const clock = { ms: Date.now(), nowMs: () => clock.ms }
  const { url } = await open(t, undefined, { clock })
  await postEntries(url, entriesOf(0, 1))
  clock.ms -= 120_000
  const refused = await post(url, bodyOf([rekordOf('late')]))
  assert.deepEqual([refused.status, refused.body.error], [503, 'audit_unavailable'])
  assert.match(refused.body.message, /120 s behind the newest entry: set it right/)
  const health = (await (await fetch(`${url}/healthz`)).json()) as {
    ok: boolean
    attestations: { ok: boolean; reason: string }
  }
  assert.deepEqual([health.ok, health.attestations.ok], [true, false])
  assert.match(health.attestations.reason, /set it right/)
  clock.ms += 120_000
  assert.equal((await post(url, bodyOf([rekordOf('right')]))).status, 200)
})

test('witnesses of a policy that names the log cosign what is published; a witness that hangs holds up no answer', async (t) => {
  const root = await temporaryFolder(t)
  const first = await startLog(root, { attestations: {} })
  const key = first.attestations?.verifierKey ?? ''
  await first.close()
  const witness = await spawnWitness(await temporaryFolder(t), 'w0.example', key)
  t.after(() => witness.end('SIGKILL'))
  const policyOf = (logKey: string) => {
    const text = `log ${logKey}\nwitness w0 ${witness.verifierKey} ${witness.url}\nquorum w0\n`
    const parsed = parseTlogPolicy(text)
    assert.ok(parsed.ok)
    return parsed.policy
  }
  let givenUp = 0
  const hanging: typeof fetch = (_url, init) =>
    new Promise((_resolve, reject) =>
      init?.signal?.addEventListener('abort', () => {
        givenUp++
        reject(new Error('late'))
      }),
    )
  const slow = await startLog(root, {
    ...{
      attestations: {},
      witnessPolicy: policyOf(key),
      fetch: hanging,
      witnessTimeoutMs: 1_500,
      publishIntervalMs: 10,
    },
  })
  // The start has asked it already, and given up.
  const before = givenUp
  const answered = await post(slow.url, bodyOf([rekordOf('while it hangs')]))
  assert.equal(answered.status, 200)
  assert.equal(givenUp, before, 'the answer waited for no witness')
  await slow.close()
  const good = await startLog(root, { attestations: {}, witnessPolicy: policyOf(key), publishIntervalMs: 10 })
  await post(good.url, bodyOf([rekordOf('cosigned')]))
  await good.close()
  const published = await readFile(join(root, 'attestations', 'checkpoint'), 'utf8')
  assert.match(published, /\n2\n[^]*\u2014 w0\.example /)
  const verdict = await verifyFolder(join(root, 'attestations'), key, { policy: policyOf(key) })
  assert.ok(verdict.ok && verdict.witnesses.length === 1, JSON.stringify(verdict))
  // A policy about the audit log alone leaves this one as it is.
  const alone = await startLog(root, { attestations: {}, witnessPolicy: policyOf(good.verifierKey) })
  const health = (await (await fetch(`${alone.url}/healthz`)).json()) as { attestations: object }
  await alone.close()
  assert.deepEqual(health.attestations, { ok: true, size: 2 })
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MayflyError, Secret } from '../../lib/index.ts'
import { rekordOf } from '../../audit/log/attestations/rekord.fixture.ts'
import { openLog, startLog, temporaryFolder, token } from '../../audit/log/log.fixture.ts'
import { createAttestationLog, type AttestationLogClient } from './log-client.ts'

async function open(t: TestContext, folder?: string) {
  const log = await openLog(t, folder ?? (await temporaryFolder(t)), { attestations: {} })
  const verifierKey = log.attestations?.verifierKey ?? ''
  const client = clientOf(t, { url: log.url, verifierKey })
  return { log, verifierKey, client }
}

function clientOf(
  t: TestContext,
  options: {
    url: string
    verifierKey: string
    remembered?: string
    onHead?: (checkpoint: string) => void
  },
): AttestationLogClient {
  const client = createAttestationLog({ appendToken: new Secret(token), giveUpMs: 500, ...options })
  t.after(() => client.close())
  return client
}

const isFault = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MayflyError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  return true
}

test('an entry comes back with its place, a proof that was checked, and a timestamp that openssl takes', async (t) => {
  const { client } = await open(t)
  const rekords = Array.from({ length: 20 }, (_, i) => rekordOf(`statement ${i}`))
  const logged = await Promise.all(rekords.map(({ entry, signature }) => client.add(entry, signature)))
  assert.deepEqual(
    logged.map(({ index }) => index).sort((a, b) => a - b),
    [...rekords.keys()],
  )
  const [first, firstRekord] = [logged[0]!, rekords[0]!]
  const again = await client.add(firstRekord.entry, firstRekord.signature)
  assert.deepEqual([again.index, again.treeSize], [first.index, 20])
  const { origin, verifierKey, timestampChain, sinceMs } = await client.keys()
  assert.match(origin, /^attestations-[0-9a-f]{16}\.mayfly\.internal$/)
  assert.ok(first.checkpoint.startsWith(`${origin}\n`) && verifierKey.startsWith(`${origin}+`))
  assert.ok(sinceMs <= Date.now() && timestampChain.length === 2)
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'signature'), firstRekord.signature)
  await writeFile(join(folder, 'response.tsr'), first.timestamp)
  await writeFile(join(folder, 'root.pem'), timestampChain.at(-1) ?? '')
  const verify = ['ts', '-verify', '-data', 'signature', '-in', 'response.tsr', '-CAfile', 'root.pem']
  assert.match(execFileSync('openssl', verify, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }), /OK/)
})

test('a refused entry fails alone; without the log, with another key or an older copy nothing is believed', async (t) => {
  const folder = await temporaryFolder(t)
  const { log, client, verifierKey } = await open(t, folder)
  const good = rekordOf('good')
  const [kept, refused] = await Promise.allSettled([
    client.add(good.entry, good.signature),
    client.add(Buffer.from('{"kind":"intoto"}'), good.signature),
  ])
  assert.equal(kept.status, 'fulfilled')
  assert.ok(refused.status === 'rejected' && isFault('audit_rejected', /canonical JSON/)(refused.reason))
  const copy = `${folder}-copy`
  t.after(() => rm(copy, { recursive: true, force: true }))
  const newer = rekordOf('newer')
  await log.close()
  await cp(folder, copy, { recursive: true })
  await assert.rejects(
    client.add(newer.entry, newer.signature),
    isFault('audit_unavailable', /is signed once/),
  )
  const second = await startLog(folder, { attestations: {} })
  const heads: string[] = []
  const onHead = (head: string) => heads.push(head)
  const watching = clientOf(t, { url: second.url, verifierKey, onHead })
  const { checkpoint } = await watching.add(newer.entry, newer.signature)
  // An entry that is there already is no greater tree.
  await watching.add(good.entry, good.signature)
  assert.deepEqual(heads, [checkpoint])
  await second.close()
  // Started again over what it had: the first answer is of a tree that is not published yet, and is believed.
  const third = await startLog(folder, { attestations: {} })
  const afterwards = clientOf(t, { url: third.url, verifierKey, remembered: checkpoint })
  assert.equal((await afterwards.add(...pairOf('afterwards'))).index, 2)
  await third.close()
  const old = await openLog(t, copy, { attestations: {} })
  const remembering = clientOf(t, { url: old.url, verifierKey, remembered: checkpoint })
  await assert.rejects(remembering.add(good.entry, good.signature), isFault('audit_corrupt', /rolled back/))
  const other = await open(t)
  const fooled = clientOf(t, { url: other.log.url, verifierKey })
  await assert.rejects(fooled.add(good.entry, good.signature), isFault('audit_corrupt', /unknown_key/))
  await assert.rejects(fooled.keys(), isFault('audit_corrupt', /another key/))
})

test('an answer that was changed on its way is refused, whatever it is about', async (t) => {
  const { log, verifierKey } = await open(t)
  await clientOf(t, { url: log.url, verifierKey }).add(...pairOf('first'))
  type Answer = { treeSize: number; rootHash: string; checkpoint: string; entries: Record<string, unknown>[] }
  let change: (answer: Answer) => unknown = () => undefined
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      const { authorization = '' } = request.headers
      const isKeys = request.method === 'GET'
      const upstream = await fetch(
        log.url + request.url,
        isKeys ? {} : { method: 'POST', body, headers: { authorization } },
      )
      const answer = (await upstream.json()) as Answer
      if (!isKeys) change(answer)
      response.end(JSON.stringify(answer))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = clientOf(t, { url, verifierKey })
  await client.add(...pairOf('second'))
  const changes: [(answer: Answer) => unknown, RegExp][] = [
    [(a) => (a.treeSize += 1), /another tree/],
    [(a) => (a.rootHash = Buffer.alloc(32).toString('base64')), /another tree/],
    [(a) => (a.checkpoint = a.checkpoint.replace(/\n\d+\n/, '\n99\n')), /does not hold/],
    [(a) => (a.entries[0]!['index'] = 0), /does not prove/],
    [(a) => (a.entries[0]!['hashes'] = []), /does not prove/],
    [(a) => (a.entries[0]!['hashes'] = ['AAAA']), /malformed/],
    [(a) => (a.entries[0]!['timestamp'] = 'no base64'), /malformed/],
    [(a) => a.entries.push(a.entries[0]!), /malformed/],
    [(a) => (a.entries = []), /malformed/],
  ]
  for (const [i, [one, message]] of changes.entries()) {
    change = one
    await assert.rejects(
      client.add(...pairOf(`changed ${i}`)),
      isFault('audit_corrupt', message),
      String(one),
    )
  }
})

function pairOf(message: string): [Buffer, Buffer] {
  const { entry, signature } = rekordOf(message)
  return [entry, signature]
}

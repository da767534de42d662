import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAttestationLog } from '../attest/sign/index.ts'
import { rekordOf } from '../audit/log/attestations/rekord.fixture.ts'
import { openAttestations } from '../audit/log/attestations/open.ts'
import { openLog, startLog, temporaryFolder, token } from '../audit/log/log.fixture.ts'
import { systemFs } from '../audit/disk/index.ts'
import { parseEntry, readEntries } from '../audit/verify/index.ts'
import { folderSource } from '../audit/verify/node.ts'
import { Secret, systemClock } from '../lib/index.ts'
import { audit } from './audit-command.fixture.ts'

test('audit verify --attestations: folder and URL, with the key; what is no signature is named', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder, { attestations: {} })
  const key = log.attestations?.verifierKey ?? ''
  const client = createAttestationLog({ url: log.url, appendToken: new Secret(token), verifierKey: key })
  const { entry, signature } = rekordOf('a statement')
  const { checkpoint } = await client.add(entry, signature)
  await client.close()
  await log.close()
  const known = join(folder, 'known-checkpoint')
  await writeFile(known, checkpoint)
  const verify = ['verify', '--attestations', '--known', known, '--key', key]
  const found = await audit(...verify, '--folder', folder)
  assert.match(found.stdout, /^verified: 1 entries/, found.stderr)
  const again = await startLog(folder, { attestations: {} })
  const online = await audit(...verify, '--url', again.url)
  assert.match(online.stdout, /^verified: 1 entries/, online.stderr)
  await again.close()
  const strange = await openAttestations({
    ...{ fs: systemFs, folder: join(folder, 'attestations'), clock: systemClock, newestMs: () => 0 },
    onFatal: () => undefined,
    onAlarm: () => Promise.resolve(),
  })
  await strange.include([Buffer.from('{"kind":"hashedrekord"}')])
  await strange.close()
  const { code, stdout } = await audit(...verify, '--folder', folder)
  assert.equal(code, 1)
  assert.match(stdout, /NOT VERIFIED: .* 1 are no signatures.*: 1\n/)
})

test('audit rotate-timestamp: asks, needs the token, and the audit log keeps it', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder, { attestations: {} })
  const right = join(folder, 'right')
  const wrong = join(folder, 'wrong')
  await writeFile(right, `${token}\n`)
  await writeFile(wrong, 'other\n')
  const rotate = (...args: string[]) => audit('rotate-timestamp', '--url', log.url, ...args)
  const refused = await rotate('--yes', '--append-token-file', wrong)
  assert.ok(refused.code !== 0 && /append token/.test(refused.stderr), refused.stderr)
  const unannounced = await rotate('--next', '--append-token-file', wrong)
  assert.match(unannounced.stderr, /the audit log did not announce the next certificate: .*append token/)
  assert.notEqual((await rotate('--append-token-file', right)).code, 0)
  const done = await rotate('--yes', '--json', '--append-token-file', right)
  const { timestampChains } = JSON.parse(done.stdout) as { timestampChains: { untilMs?: number }[] }
  assert.deepEqual(
    timestampChains.map(({ untilMs }) => untilMs === undefined),
    [false, true],
  )
  const announced = await rotate('--next', '--append-token-file', right)
  assert.match(announced.stdout, /signs nothing yet/)
  const next = JSON.parse((await rotate('--next', '--json', '--append-token-file', right)).stdout) as {
    timestampChains: object[]
    nextTimestampChain: { chain: string[] }
  }
  assert.equal(next.timestampChains.length, 2)
  const promoted = await rotate('--yes', '--json', '--append-token-file', right)
  const { timestampChains: chains, ...others } = JSON.parse(promoted.stdout) as {
    timestampChains: { chain: string[] }[]
  }
  assert.deepEqual([chains.length, chains.at(-1)?.chain, others], [3, next.nextTimestampChain.chain, {}])
  const elsewhere = await audit('rotate-timestamp', '--yes', '--data', folder)
  assert.match(elsewhere.stderr, /no mayfly up runs with this data folder/)
  await log.close()
  const entries = []
  for await (const { bytes } of readEntries(folderSource(folder))) entries.push(parseEntry(bytes))
  assert.deepEqual(
    entries.map((entry) => [entry?.type, entry?.subject]),
    ['rotated', 'announced', 'rotated'].map((what) => [`timestamp.${what}`, log.attestations?.origin]),
  )
  const { certificate, replaces } = (entries[0]?.data ?? {}) as Record<string, string>
  assert.ok(/^[0-9a-f]{64}$/.test(certificate ?? '') && certificate !== replaces)
  assert.match(
    (await readFile(join(folder, 'attestations', 'checkpoint'), 'utf8')).split('\n')[1] ?? '',
    /^0$/,
  )
})

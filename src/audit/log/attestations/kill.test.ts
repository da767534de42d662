import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAttestationLog, type LoggedEntry } from '../../../attest/sign/index.ts'
import { Secret } from '../../../lib/index.ts'
import { verifyFolder } from '../../verify/node.ts'
import { soakRounds, temporaryFolder } from '../log.fixture.ts'
import { childToken, spawnLog } from '../spawn.fixture.ts'
import { type Rekord, rekordOf } from './rekord.fixture.ts'

const rounds = soakRounds ?? 2

test(`kill -9 at ${rounds} moments: what was answered keeps its number, every checkpoint that left is extended`, async (t) => {
  const folder = await temporaryFolder(t)
  const held: { rekord: Rekord; logged: LoggedEntry }[] = []
  let key = ''
  for (let round = 0; round <= rounds; round++) {
    const log = await spawnLog(folder, 15, '', 'attest')
    assert.ok(typeof log !== 'string', `round ${round}: ${String(log)}`)
    t.after(() => log.end('SIGKILL'))
    key ||= log.attestationKey
    assert.equal(log.attestationKey, key)
    // It remembers a checkpoint of the life before, so each start is also held against that.
    const client = createAttestationLog({
      ...{
        url: log.url,
        verifierKey: key,
        appendToken: new Secret(childToken),
        giveUpMs: 1,
        timeoutMs: 5_000,
      },
      remembered: held.at(-1)?.logged.checkpoint,
    })
    const again = held.slice(-40)
    const repeated = await Promise.all(again.map(({ rekord }) => client.add(rekord.entry, rekord.signature)))
    for (const [i, { logged }] of again.entries()) assert.equal(repeated[i]?.index, logged.index)
    if (round === rounds) {
      await client.close()
      await log.end('SIGTERM')
      break
    }
    let dead = false
    const writers = Array.from({ length: 6 }, async (_, w) => {
      for (let i = 0; !dead; i++) {
        const rekord = rekordOf(`${round} ${w} ${i}`)
        const logged = await client.add(rekord.entry, rekord.signature).catch(() => undefined)
        if (logged === undefined) return
        held.push({ rekord, logged })
      }
    })
    await sleep(100 + Math.random() * 300)
    await log.end('SIGKILL')
    dead = true
    await Promise.all(writers)
    await client.close()
  }
  const known = [...new Set(held.map(({ logged }) => logged.checkpoint))]
  const verdict = await verifyFolder(join(folder, 'attestations'), key, { known })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.equal(new Set(held.map(({ logged }) => logged.index)).size, held.length)
  assert.ok(held.length > 0 && verdict.size >= held.length)
  t.diagnostic(`${held.length} answers, ${known.length} checkpoints that left`)
})

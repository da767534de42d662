import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { rotationSchema } from '../../config/index.ts'
import { name, setup } from '../rotation.fixture.ts'

const by = rotationSchema.parse({ every: '30d', by: { command: { name: 'keys', timeout: '1s' } } }).by

/** A program of `sh`, which says for each act what it is given here; `$here` is a folder where it may keep something. */
async function program(t: TestContext, acts: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-rotator-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'rotate')
  const cases = Object.entries(acts).map(([act, body]) => `*'"act":"${act}"'*) ${body} ;;`)
  writeFileSync(
    file,
    `#!/bin/sh
here='${folder}'
read -r said
echo "$said" >> "$here/asked"
case "$said" in
${cases.join('\n')}
esac
`,
    { mode: 0o755 },
  )
  const it = await setup(t, by)
  const server = it.server(undefined, { programs: new Map([['keys', file]]) })
  const asked = () =>
    readFileSync(join(folder, 'asked'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { act: string; which?: 'old' | 'new'; old: object; new: object })
  return { ...it, server, asked }
}

test('a program makes the new value, probes it, and ends the old one', async (t) => {
  const it = await program(t, {
    create: `echo '{"value":"made-by-a-program","handle":{"id":7}}'`,
    probe: `if [ -e "$here/gone" ] && echo "$said" | grep -q '"which":"old"'; then echo '{"probe":"dead"}'; else echo '{"probe":"alive"}'; fi`,
    // The new one is looked at once more before the old one is ended, and afterwards.
    revoke: `touch "$here/gone"; echo '{"revoke":"revoked"}'`,
  })
  await it.server.rotate(name, { by: '"ada"', now: true })
  await it.settle(it.server)
  const [row] = await it.rows()
  assert.equal(row?.state, 'done')
  assert.equal(row?.proof, 'probed')
  assert.equal(await it.current(), 'made-by-a-program')
  const asked = it.asked()
  assert.deepEqual(
    asked.map(({ act, which }) => (which === undefined ? act : `${act} ${which}`)),
    ['plan', 'create new', 'probe new', 'promote new', 'probe new', 'revoke old', 'probe old', 'probe new'],
  )
  assert.deepEqual(asked.at(-3)?.old, { value: 'value-of-k0-at-first', handle: null })
  assert.deepEqual(asked.at(-3)?.new, { value: 'made-by-a-program', handle: { id: 7 } })
  assert.doesNotMatch(JSON.stringify([await it.rows(), it.entries, it.told]), /made-by-a/)
})

test('one that prints the secret, hangs, floods, says nothing, or nothing new: the old one stays, and no word of it is told', async (t) => {
  const planted = 'planted-value-that-nobody-may-see'
  for (const [what, body, reason] of [
    ['prints', `echo '${planted}' >&2; echo '${planted}'; exit 3`, /ended with status 3/],
    ['no JSON', `echo '${planted}'`, /did not answer in JSON/],
    ['hangs', `echo '${planted}'; sleep 1000`, /did not answer in time/],
    ['floods', `yes '${planted}'`, /more than 131072 bytes/],
    ['nothing', ':', /gave no value/],
    ['other words', `echo '{"value":{"not":"${planted}"}}'`, /did not answer create as it should/],
    ['the same', `echo '{"value":"value-of-k0-at-first"}'`, /gave the same value again/],
    ['as its id', `echo '{"value":"${planted}","handle":"${planted}"}'`, /gave the value as its id/],
  ] as const) {
    const it = await program(t, { create: body, revoke: `echo '{"revoke":"not_found"}'` })
    await it.server.rotate(name, { by: '"ada"', now: true })
    await it.server.sweep()
    for (let step = 0; step < 3 && (await it.rows())[0]?.ended_ms === null; step++) {
      it.clock.ms += 60_000
      await it.server.sweep()
    }
    const [row] = await it.rows()
    assert.ok(row?.state === 'failed' || row?.state === 'rolled_back', `${what}: ${row?.state}`)
    assert.match(row.failure ?? '', reason, what)
    assert.equal(await it.current(), 'value-of-k0-at-first', what)
    assert.ok(!JSON.stringify([await it.rows(), it.entries, it.told]).includes(planted), what)
    // What is as the old one is not ended: that would end the old one.
    assert.equal(
      it.asked().some(({ act }) => act === 'revoke'),
      what !== 'the same',
      what,
    )
  }
})

test('a name that nobody gave when the server was started', async (t) => {
  const it = await setup(t, by)
  const server = it.server()
  await server.rotate(name, { by: '"ada"', now: true })
  await it.settle(server)
  assert.match((await it.rows())[0]?.failure ?? '', /mayfly up --rotator keys=PATH/)
})

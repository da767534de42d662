import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hex, signed } from './attest.fixture.ts'
import { fetchAttestations } from './fetch.ts'
import { openServer } from './server.fixture.ts'

test('what the server hands out is written only if it is verified, and of the step or artifact that was asked for', async (t) => {
  const { world, bundles } = await signed([{ id: 'stp_a', makes: { 'a.txt': hex('a') } }])
  const stranger = await signed([{ id: 'stp_a', makes: { 'a.txt': hex('a') } }])
  const { folder, list, options } = await openServer(t, world, bundles)
  list.honest = false
  const out = join(folder, 'out')
  const fetchTo = (what: string, to = out) => fetchAttestations(what, { ...options, out: to, json: true })
  const refused = (message: RegExp) => ({ code: 'denied', message })
  list.serve = stranger.bundles
  await assert.rejects(fetchTo('stp_a'), refused(/nothing was written: the provenance .* is not verified/))
  list.serve = bundles
  await assert.rejects(fetchTo('stp_b'), refused(/is of something else/))
  await assert.rejects(fetchTo(`sha256:${hex('b')}`), refused(/is of something else/))
  assert.deepEqual(readdirSync(folder), ['root.json'])
  const none = (message: RegExp) => ({ code: 'not_found', message })
  list.serve = []
  await assert.rejects(fetchTo('stp_a'), none(/^of stp_a nothing is signed, and nothing waits to be: /))
  await assert.rejects(fetchTo(`sha256:${hex('b')}`), none(/whether anything waits is known of its step/))
  list.pending = true
  await assert.rejects(fetchTo('stp_a'), none(/^of stp_a nothing is signed yet, and something is to be: ask/))
  assert.deepEqual(readdirSync(folder), ['root.json'])
  list.serve = bundles
  const said: string[] = []
  t.mock.method(process.stdout, 'write', (text: string) => said.push(text) > 0)
  await fetchTo('stp_a', join(folder, 'early'))
  assert.match(said.join(''), /"pending":true/)
  list.pending = false
  await fetchTo('stp_a')
  t.mock.restoreAll()
  assert.match(said.at(-1) ?? '', /"pending":false/)
  assert.deepEqual(readdirSync(out).toSorted(), ['a.txt.sigstore.json', 'provenance.intoto.jsonl'])
})

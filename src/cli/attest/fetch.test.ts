import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hex, signed } from './attest.fixture.ts'
import { fetchAttestations } from './fetch.ts'

test('what the server hands out is written only if it is verified, and of the step or artifact that was asked for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  const { world, bundles } = await signed([{ id: 'stp_a', makes: { 'a.txt': hex('a') } }])
  const stranger = await signed([{ id: 'stp_a', makes: { 'a.txt': hex('a') } }])
  const list = { serve: bundles, pending: false }
  const http = createServer((_, response) => {
    const attestations = list.serve.map((bundle) => ({
      ...{ kind: 'provenance', step: 'stp_a', run: 'run_a', bundle: JSON.parse(bundle) as object },
    }))
    const answer = { attestations, ...(list.pending ? { pending: true } : {}) }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  }).listen(0, '127.0.0.1')
  await new Promise((ready) => http.once('listening', ready))
  t.after(() => {
    http.close().closeAllConnections()
    rmSync(folder, { recursive: true })
  })
  const root = join(folder, 'root.json')
  writeFileSync(root, JSON.stringify(world.trustedRoot))
  const out = join(folder, 'out')
  const server = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const fetchTo = (what: string, to = out) =>
    fetchAttestations(what, { trustedRoot: root, server, out: to, json: true })
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

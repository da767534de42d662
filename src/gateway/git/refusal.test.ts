import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commit, zero } from './git.fixture.ts'
import { readPacket } from './pkt-line.ts'
import type { PushRequest } from './push-request.ts'
import { refusedPush } from './refusal.ts'

/** The payloads up to the flush, and what is behind it. */
function section(bytes: Buffer): { payloads: Buffer[]; rest: Buffer } {
  const payloads: Buffer[] = []
  for (let offset = 0; ;) {
    const read = readPacket(bytes, offset)
    assert.ok(read !== undefined, 'cut off')
    offset = read.next
    if (read.packet.kind === 'flush') return { payloads, rest: bytes.subarray(offset) }
    assert.ok(read.packet.kind === 'data')
    payloads.push(read.packet.payload)
  }
}

/** What git makes of the answer: gitprotocol-pack, "Report Status", and the side bands. */
function readAnswer(
  bytes: Buffer,
  sideBand: boolean,
): { remote: string; unpack: string; statuses: Map<string, string> } {
  let [report, remote] = [bytes, '']
  if (sideBand) {
    const { payloads, rest } = section(bytes)
    assert.equal(rest.length, 0)
    assert.ok(payloads.every((one) => one[0] === 1 || one[0] === 2))
    const band = (number: number) =>
      Buffer.concat(payloads.filter((one) => one[0] === number).map((one) => one.subarray(1)))
    ;[report, remote] = [band(1), band(2).toString()]
  }
  const { payloads, rest } = section(report)
  assert.equal(rest.length, 0)
  const [unpack = '', ...lines] = payloads.map((one) => one.toString().replace(/\n$/, ''))
  const statuses = lines.map(
    (line) => /^ng (\S+) (.+)$/.exec(line)?.slice(1) ?? assert.fail(`not a refusal: ${line}`),
  )
  return { remote, unpack, statuses: new Map(statuses.map(([ref = '', why = '']) => [ref, why])) }
}

function pushOf(refs: readonly string[], capabilities: readonly string[]): PushRequest {
  const updates = refs.map((ref) => ({ ref, oldCommit: zero, newCommit: commit('a') }))
  return {
    updates,
    capabilities: new Set(capabilities),
    shallow: new Set(),
    options: [],
    head: Buffer.alloc(0),
    packBytes: 0,
  }
}

test('git reads every ref as refused, and the reason beside the band', () => {
  const push = pushOf(['refs/heads/main', 'refs/tags/v1'], ['report-status', 'side-band-64k'])
  const answer = readAnswer(
    refusedPush(push, new Map([['refs/heads/main', 'not granted']]), 'mayfly: refused (req_1)'),
    true,
  )
  assert.equal(answer.unpack, 'unpack ok')
  assert.equal(answer.remote, 'mayfly: refused (req_1)\n')
  assert.deepEqual(
    [...answer.statuses],
    [
      ['refs/heads/main', 'not granted'],
      ['refs/tags/v1', 'not pushed: another ref of this push was refused'],
    ],
  )
})

test('without a side band the report stands alone', () => {
  const { statuses, remote } = readAnswer(
    refusedPush(
      pushOf(['refs/heads/main', 'refs/tags/v1'], ['report-status']),
      new Map([['refs/heads/main', 'not granted']]),
      'mayfly: refused: why\nand how (req_1)',
    ),
    false,
  )
  assert.equal(remote, '')
  assert.deepEqual(
    [...statuses],
    [
      ['refs/heads/main', 'not granted: mayfly: refused: why and how (req_1)'],
      ['refs/tags/v1', 'not pushed: another ref of this push was refused'],
    ],
  )
})

test('a thousand refs and a message of any length stay within packets', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 0, max: 200_000 }),
      fc.boolean(),
      (count, length, sideBand) => {
        const refs = Array.from({ length: count }, (_, i) => `refs/heads/${'long-'.repeat(30)}${i}`)
        const message = 'x'.repeat(length)
        const answer = readAnswer(
          refusedPush(
            pushOf(refs, sideBand ? ['side-band-64k'] : []),
            new Map(refs.map((ref) => [ref, 'not granted'])),
            message,
          ),
          sideBand,
        )
        assert.deepEqual([...answer.statuses.keys()], refs)
        assert.equal(answer.remote, sideBand ? `${message}\n` : '')
      },
    ),
    { numRuns: 20 },
  )
})

test('the longest ref that a push line can carry fits its refusal', () => {
  const ref = `refs/heads/${'a'.repeat(65_516 - 82 - 11)}`
  const { statuses } = readAnswer(refusedPush(pushOf([ref], ['side-band-64k']), new Map(), 'why'), true)
  assert.deepEqual([...statuses.keys()], [ref])
})

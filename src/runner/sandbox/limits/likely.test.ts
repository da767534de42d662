import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openBench } from '../sandbox.fixture.ts'
import { fullTexts, likelyTexts } from './likely.ts'
import type { Places } from './places.ts'
import { watchLimits } from './watch.ts'

const MiB = 2 ** 20
const noGroup: Places = { v2: [], v1: {} }

/** The lines after a step that no group holds. */
async function linesAfter(t: TestContext, script: string, limits: object) {
  const bench = await openBench(t, undefined, limits, { places: noGroup })
  if (bench === undefined) return undefined
  const running = bench.start(['bash', '-c', script])
  const watch = watchLimits({ limits: bench.limits, running, passed: () => running.kill() })
  for (const stream of [running.stdout, running.stderr]) stream.resume()
  const code = await running.exit
  watch.stop()
  const used = running.used?.()
  const of = { limits: bench.limits, role: 'small', heldBy: running.heldBy }
  return {
    passed: watch.ended(code),
    likely: likelyTexts(of, { ...watch.seen(), used }).join('\n'),
    full: fullTexts(of, used).join('\n'),
  }
}

test('memory that the kernel refused to a program is named with its limit, where no group could say it', async (t) => {
  const said = await linesAfter(t, 'perl -e \'my $x = "x" x 1e9\'', { memory_bytes: 160 * MiB })
  if (said === undefined) return
  assert.match(
    said.likely,
    /memory ran out.*past 160MiB.*most that was seen.*role "small": limits: \{ memory: 320MiB \}$/,
  )
})

test('a process that could not be started is named with its limit', async (t) => {
  const says = 'echo "bash: fork: retry: Resource temporarily unavailable" >&2; exit 254'
  const said = await linesAfter(t, says, { processes: 100 })
  if (said === undefined) return
  assert.match(said.likely, /no process could be started.*past 100.*limits: \{ processes: 200 \}$/)
})

test('a folder in memory that is full is named, not the workspace', async (t) => {
  const limits = { memory_bytes: 200 * MiB }
  const left = await linesAfter(t, 'head -c 60000000 /dev/zero > /tmp/x; true', limits)
  if (left === undefined) return
  assert.match(
    left.full,
    /^\/tmp is full: it is memory, and holds 40MiB .*role "small": limits: \{ memory: 400MiB \}$/,
  )
  const gone = await linesAfter(t, 'head -c 60000000 /dev/zero > /var/tmp/x; rm /var/tmp/x; exit 1', limits)
  assert.equal(gone?.full, '')
  assert.match(gone?.likely ?? '', /no space was left: \/tmp, \/var\/tmp, .*hold 40MiB each/)
})

test('a step that failed for reasons of its own gets no such line', async (t) => {
  const said = await linesAfter(t, 'echo no such file >&2; exit 1', {})
  if (said === undefined) return
  assert.deepEqual([said.likely, said.full, said.passed], ['', '', undefined])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeInside } from './inside.ts'
import { openBench } from './sandbox.fixture.ts'
import { usageOf } from './usage.ts'

test('a step’s own use is known when it has ended: processor time, memory, what it left outside its workspace', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { code, used } = await ended(
    bench.start([
      'bash',
      '-c',
      // Some work, 60 MB at once in one process, files in two folders; one of them is gone again.
      `perl -e 'my $x = "x" x 60e6; my $t = times; 1 while times() - $t < 0.2;'
       head -c 100000 /dev/zero >/tmp/left.bin; mkdir /tmp/more; touch /tmp/more/{a,b} ${homeInside}/.odd; touch /var/tmp/gone; rm /var/tmp/gone; touch here`,
    ]),
  )
  assert.equal(code, 0)
  assert.ok((used?.userMs ?? 0) + (used?.systemMs ?? 0) >= 180, JSON.stringify(used))
  assert.ok((used?.peakMemoryBytes ?? 0) >= 60e6, JSON.stringify(used))
  const left = new Map(used?.left.map((one) => [one.folder, one]))
  assert.deepEqual([...(left.get('/tmp')?.names ?? [])].toSorted(), ['left.bin', 'more'])
  assert.equal(left.get('/tmp')?.files, 4)
  assert.ok((left.get('/tmp')?.bytes ?? 0) >= 100_000)
  assert.equal([...left.values()].flatMap(({ names }) => names).includes('.odd'), true)
  assert.equal(left.has('/var/tmp'), false)
})

test('a step that wrote nowhere else left nothing; its exit code is its own', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { code, used } = await ended(bench.start(['sh', '-c', 'echo x >here; exit 7']))
  assert.deepEqual([code, used?.left], [7, []])
})

test('names are told without what cannot be seen, and not all of a crowd', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const { used } = await ended(
    bench.start([
      'bash',
      '-c',
      String.raw`cd /tmp; touch $'a"b\\c\n\033[31m'; for i in $(seq 60); do touch f$i; done`,
    ]),
  )
  const [tmp] = used?.left ?? []
  assert.equal(tmp?.files, 61)
  assert.equal(tmp?.names.length, 20)
  assert.ok(tmp?.names.every((name) => /^[ -~]*$/.test(name)))
})

test('the command cannot speak in place of the first process', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const sandbox = bench.start([
    'bash',
    '-c',
    'ls -l /proc/self/fd; ls /proc/1/fd 2>&1; for i in 3 4 5 6 7; do echo \'{"user_ms":987654}\' >&$i; done',
  ])
  let said = ''
  sandbox.stdout.on('data', (text) => (said += String(text)))
  await sandbox.exit
  assert.doesNotMatch(said, /socket:/)
  assert.notEqual(sandbox.used?.().userMs, 987_654)
})

test('a step that was killed has what its control group counted, or nothing', async (t) => {
  const bench = await openBench(t)
  if (bench === undefined) return
  const sandbox = bench.start(['sleep', '60'])
  while (!sandbox.hasStarted()) await new Promise((next) => setTimeout(next, 5))
  sandbox.kill()
  await sandbox.exit
  assert.deepEqual(sandbox.used?.().left, [])
})

test('what is no such word is none', () => {
  assert.deepEqual(usageOf('go', undefined), { left: [] })
  assert.deepEqual(
    usageOf({ user_ms: -1, left: [{ folder: 1 }, null, { folder: '/tmp', bytes: 'x' }] }, undefined),
    {
      userMs: 0,
      left: [],
    },
  )
  assert.deepEqual(usageOf({ resident_bytes: 5 }, { peakMemoryBytes: 9, userMs: 3 }), {
    userMs: 3,
    peakMemoryBytes: 9,
    peakOf: 'step',
    left: [],
  })
})

async function ended(sandbox: ReturnType<NonNullable<Awaited<ReturnType<typeof openBench>>>['start']>) {
  sandbox.stderr.on('data', (text) => process.stderr.write(String(text)))
  const code = await sandbox.exit
  return { code, used: sandbox.used?.() }
}

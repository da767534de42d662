import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { roleOf } from '../../../src/runner/role-facts.fixture.ts'
import { limitsOf, watchLimits, type LimitName, type RoleLimits } from '../../../src/runner/sandbox/index.ts'
import { openBench, temporaryFolder, type Bench } from '../../../src/runner/sandbox/sandbox.fixture.ts'

/** Small, since the machine is others', too: 64 MiB of memory, 64 processes, 16 MiB on the disk. */
const small = {
  memory_bytes: 2 ** 26,
  processes: 64,
  disk_bytes: 2 ** 24,
  open_files: 64,
  output_bytes: 2 ** 20,
}
const nowhere = { places: { v2: [], v1: {} } }

interface End {
  readonly code: number
  /** The limit that ended it. */
  readonly limit: LimitName | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script in a step that is held to its limits, as the supervisor does. */
async function endOf(bench: Bench, script: string, limits: Partial<RoleLimits> = {}): Promise<End> {
  const running = bench.start(['/bin/sh', '-c', script])
  const watch = watchLimits({
    limits: limitsOf({ ...roleOf('build').limits, ...small, ...limits }),
    running,
    passed: () => running.kill(),
  })
  let [stdout, stderr] = ['', '']
  running.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  running.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const code = await running.exit
  watch.stop()
  return { code, limit: watch.ended(code), stdout, stderr }
}

/** A step in a control group; the test is skipped where none can be made. */
async function openInGroup(t: TestContext, memory_bytes = small.memory_bytes): Promise<Bench | undefined> {
  const bench = await openBench(t, temporaryFolder(t), { ...small, memory_bytes })
  if (bench === undefined) return undefined
  const probe = bench.start(['/bin/true'])
  await probe.exit
  if (probe.heldBy === 'cgroup2' || probe.heldBy === 'cgroup1') return bench
  t.skip('no control group can be made here')
  return undefined
}

const openWithoutGroup = (t: TestContext) => openBench(t, temporaryFolder(t), small, nowhere)

test('a fork bomb is ended by its limit, in a control group', async (t) => {
  // 64 copies of perl may well take 64 MiB.
  const memory_bytes = 2 ** 28
  const bench = await openInGroup(t, memory_bytes)
  if (bench === undefined) return
  const { limit } = await endOf(bench, 'exec perl -e "1 while defined fork or 1"', { memory_bytes })
  assert.equal(limit, 'processes')
})

// As root the kernel does not count its processes: it is seen, and not as quickly. So this bomb is a small one.
test('too many processes are ended without a control group, also in threads’ and orphans’ children', async (t) => {
  const bench = await openWithoutGroup(t)
  if (bench === undefined) return
  const many = 'for i in $(seq 80); do (setsid sleep 60 &); done; sleep 60'
  const { limit } = await endOf(bench, many)
  assert.equal(limit, 'processes')
})

test('30 GiB of memory are not to be had, in a control group', async (t) => {
  const bench = await openInGroup(t)
  if (bench === undefined) return
  const take = 'my @all; push @all, "a" x 2**23 for 1 .. 30 * 128; print "had it"'
  const { limit, stdout } = await endOf(bench, `exec perl -e '${take}'`)
  assert.deepEqual([limit, stdout], ['memory', ''])
})

test('memory in files counts, too, in a control group', async (t) => {
  const bench = await openInGroup(t)
  if (bench === undefined) return
  const fill =
    'for d in /tmp /run /var/tmp /dev/shm /home/step; do head -c 15M /dev/zero > $d/a; done; sleep 60'
  assert.equal((await endOf(bench, fill)).limit, 'memory')
})

test('without a control group one process has no more, and many together are seen', async (t) => {
  const bench = await openWithoutGroup(t)
  if (bench === undefined) return
  const one = await endOf(bench, 'exec perl -e \'my $all = "a" x (30 * 2**30); print "had it"\'')
  assert.ok(one.code !== 0)
  assert.equal(one.stdout, '')
  const hold = 'perl -e \'my $a = "a" x (20 * 2**20); sleep 60\' &'
  const { limit } = await endOf(bench, `${hold} ${hold} ${hold} ${hold} sleep 60`)
  assert.equal(limit, 'memory')
})

test('pages that processes share count once', async (t) => {
  const bench = await openWithoutGroup(t)
  if (bench === undefined) return
  const share =
    'my $a = "a" x (10 * 2**20); for (1..12) { fork or do { sleep 1; exit } } 1 while wait > 0; print "done"'
  const { limit, stdout } = await endOf(bench, `exec perl -e '${share}'`)
  assert.deepEqual([limit, stdout], [undefined, 'done'])
})

for (const [name, open] of [
  ['in a control group', openInGroup],
  ['without one', openWithoutGroup],
] as const) {
  test(`a file of 100 GB ends the step, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    const { limit } = await endOf(bench, 'exec head -c 100G /dev/zero > large')
    assert.equal(limit, 'disk')
  })

  test(`many files that are too much together end it, those without a name too, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    const write = (i: number) => `head -c 8M /dev/zero > file${i};`
    const named = await endOf(bench, `${[1, 2, 3, 4].map(write).join('')} sync; sleep 60`)
    assert.equal(named.limit, 'disk')
    for (const file of readdirSync(bench.workspace)) writeFileSync(join(bench.workspace, file), '')
    const hold =
      'my @h; for (1..4) { open(my $f, "+>", "x$_"); print $f "a" x (8 * 2**20); unlink "x$_"; push @h, $f } sleep 60'
    const nameless = await endOf(bench, `exec perl -e '$| = 1; ${hold}'`)
    assert.equal(nameless.limit, 'disk')
  })

  test(`output beyond the bound ends it, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    assert.equal((await endOf(bench, 'exec yes')).limit, 'output')
    assert.equal((await endOf(bench, 'exec yes 1>&2')).limit, 'output')
  })

  test(`a step that runs too long is ended, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    assert.equal((await endOf(bench, 'exec sleep 60', { time_seconds: 1 })).limit, 'time')
  })

  test(`a step within its limits is not ended, whatever others write on its disk, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    const other = temporaryFolder(t)
    writeFileSync(join(other, 'large'), Buffer.alloc(2 ** 25, 1))
    const ending = endOf(bench, 'head -c 1M /dev/zero > file; sleep 3; echo done')
    setTimeout(() => writeFileSync(join(other, 'more'), Buffer.alloc(2 ** 26, 1)), 1_500)
    const { limit, stdout } = await ending
    assert.deepEqual([limit, stdout], [undefined, 'done\n'])
  })

  test(`files that a process has open are bounded, and no core is dumped, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    const opened = await bench.sh(
      'perl -e \'my @h; while (open(my $f, "<", "/dev/null")) { push @h, $f; last if @h > 999 } print 0+@h, " $!"\'',
    )
    assert.match(opened.stdout, /^6[01] Too many open files$/)
    // The program that kernel.core_pattern may name is started in spite of 0.
    const { stdout } = await bench.sh(
      'grep "core file" /proc/self/limits; ulimit -S -c unlimited 2>&1; kill -SEGV $$',
    )
    assert.match(stdout, /^Max core file size +1 +1 +bytes/)
    assert.ok(!readdirSync(bench.workspace).some((file) => file.startsWith('core')))
  })

  test(`a limit cannot be raised by the step, ${name}`, async (t) => {
    const bench = await open(t)
    if (bench === undefined) return
    for (const option of ['-n 4096', '-f unlimited'])
      assert.notEqual((await bench.sh(`ulimit ${option}`)).code, 0, option)
    // 0 would let the machine's own handler of crashes start. To set it is no error, as scripts do.
    const cores = await bench.sh('ulimit -c 0 && grep -c "core file size *1 *1 " /proc/self/limits')
    assert.equal(cores.stdout, '1\n')
    assert.notEqual((await bench.sh('ls -d /sys/fs/cgroup')).code, 0)
  })
}

test('a folder that the step has closed to the supervisor is no way round its limit', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root reads every folder')
  const bench = await openWithoutGroup(t)
  if (bench === undefined) return
  const hide =
    'mkdir closed; for i in 1 2 3 4; do head -c 8M /dev/zero > closed/$i; done; chmod 0 closed; sync; sleep 60'
  const { limit } = await endOf(bench, hide)
  chmodSync(join(bench.workspace, 'closed'), 0o700)
  assert.equal(limit, 'disk')
})

test('the folders in memory are bounded, and /dev cannot be written to', async (t) => {
  const bench = await openBench(t, temporaryFolder(t), small, nowhere)
  if (bench === undefined) return
  if (!bench.probe.sizedFolders) return t.skip('this bubblewrap knows no --size')
  const { stdout } = await bench.sh(
    'for d in /tmp /run /var/tmp /dev/shm "$HOME" /home/step; do [ -n "$d" ] && head -c 15M /dev/zero > $d/x 2>/dev/null && echo "$d took it"; done; touch /dev/x && echo dev; true',
  )
  assert.equal(stdout, '')
  assert.equal((await bench.sh('echo x > /dev/shm/x && echo x > /dev/null && cat /dev/shm/x')).stdout, 'x\n')
  assert.ok(!existsSync('/dev/x'))
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import { limits } from '../../lib/index.ts'
import { initScript } from './init.ts'
import type { NetworkMaker } from './plan.ts'
import { openBench, type Bench } from './sandbox.fixture.ts'
import { systemCalls } from './system-calls.ts'

/** Connects to each place and prints what it hears there; a place that does not answer is its error. */
const listener = String.raw`
use IO::Socket::IP;
for my $place (@ARGV) {
  my ($host, $port) = $place =~ /^\[?(.+?)\]?:(\d+)$/;
  my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Type => 1);
  print $s ? scalar(<$s>) : "$place: $!", "\n";
}`

/** What a step hears at these places; every door says its own. */
async function heardAt(t: TestContext, bench: Bench, places: readonly string[]): Promise<string[]> {
  const accept = (door: Server, place: string) => {
    t.after(() => door.close())
    door.on('connection', (socket) => socket.on('error', () => undefined).end(`door ${place}`))
  }
  const sandbox = bench.start(['/usr/bin/perl', '-e', listener, ...places], {}, accept)
  let said = ''
  sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  sandbox.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
  assert.equal(await sandbox.exit, 0, said)
  return said.trimEnd().split('\n')
}

// `bwrap` is how it is where only bubblewrap may make a user namespace; root has the guard in any case.
const makers: readonly NetworkMaker[] = process.getuid?.() === 0 ? ['guard'] : ['guard', 'bwrap']

for (const network of makers) {
  test(`doors of any port and address are the supervisor’s, and nothing else answers (${network})`, async (t) => {
    const places = ['127.0.0.1:3128', '127.64.0.1:443', '127.64.0.1:22', '127.64.1.4:1', '10.9.8.7:5432']
    const bench = await openBench(t, undefined, undefined, { doorsAt: places, network })
    if (bench === undefined) return
    assert.deepEqual(
      await heardAt(t, bench, places),
      places.map((place) => `door ${place}`),
    )
    const others = ['127.64.0.1:80', '127.64.0.2:443', '127.0.0.1:443', '10.9.8.7:443']
    for (const said of await heardAt(t, bench, others)) assert.match(said, /Connection refused$/)
    for (const said of await heardAt(t, bench, ['10.9.8.8:5432', '192.0.2.1:443']))
      assert.match(said, /unreachable$/)
  })

  test(`as many doors as there may be (${network})`, async (t) => {
    const places = Array.from({ length: limits.doorsPerStep }, (_, i) => `127.64.${i >> 8}.${i & 255}:443`)
    const bench = await openBench(t, undefined, undefined, { doorsAt: places, network })
    if (bench === undefined) return
    const asked = [places[0], places[255], places.at(-1)].map(String)
    assert.deepEqual(
      await heardAt(t, bench, asked),
      asked.map((place) => `door ${place}`),
    )
  })

  test(`localhost has its IPv6 address, too (${network})`, async (t) => {
    const bench = await openBench(t, undefined, undefined, {
      doorsAt: ['127.0.0.1:5432', '[::1]:5432'],
      network,
    })
    if (bench === undefined) return
    assert.deepEqual(await heardAt(t, bench, ['127.0.0.1:5432', '[::1]:5432']), [
      'door 127.0.0.1:5432',
      'door [::1]:5432',
    ])
  })

  // Its socket is in place before the step begins: a second one for the same place would take connections meant for a host.
  test(`the step cannot listen in a door’s place (${network})`, async (t) => {
    const bench = await openBench(t, undefined, undefined, { doorsAt: ['127.64.0.1:8443'], network })
    if (bench === undefined) return
    const script =
      'for my $place (qw(127.64.0.1:8443 0.0.0.0:8443)) { print IO::Socket::INET->new(LocalAddr => $place, Listen => 1, ReuseAddr => 1, ReusePort => 1) ? "taken" : "$!", "\n" }'
    const keep = (door: Server) => t.after(() => door.close())
    const sandbox = bench.start(['/usr/bin/perl', '-MIO::Socket::INET', '-e', script], {}, keep)
    let said = ''
    sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
    assert.equal(await sandbox.exit, 0)
    assert.equal(said, 'Address already in use\nAddress already in use\n')
  })
}

test('a place that cannot be listened at is a failure before the command', async (t) => {
  const bench = await openBench(t, undefined, undefined, {
    doorsAt: ['127.64.0.1:443', '239.1.1.1:443'],
  })
  if (bench === undefined) return
  const ran = await bench.sh('echo ran')
  assert.deepEqual([ran.code, ran.stdout], [125, ''])
  assert.match(ran.stderr, /could not be made: 239\.1\.1\.1/)
})

test('the init of a sandbox that would have the machine’s network does not start the command', () => {
  const machine = readlinkSync('/proc/self/ns/net')
  const { prctl, prlimit, getrusage, statfs } = systemCalls()
  const own = ['1', '0', ...[prctl, prlimit, getrusage, statfs].map(String), '', '', '', machine]
  const ran = spawnSync('/usr/bin/perl', ['-e', initScript, ...own, 'echo', 'ran'], {
    encoding: 'utf8',
    input: '',
  })
  assert.deepEqual([ran.status, ran.stdout], [125, ''])
  assert.match(ran.stderr, /it would have the network of the machine/)
})

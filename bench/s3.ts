import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeCertificate } from '../demo/peers/git-server.ts'
import { setStage } from '../demo/stage.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 3
const mebibytes = 1_024
const objects = 10_000
const objectBytes = 4_096
const host = 'store.example.org'
const mostBulk = 1.3
const mostSmall = 1.5
const mostMemoryMb = 64

/** By curl, which signs by itself; `$curl` has what it needs for `$base`. Small ones come on four connections. */
const script = `set -e
head -c ${mebibytes}M /dev/zero >big; head -c ${objectBytes} /dev/zero >small
sign="--aws-sigv4 aws:amz:eu-west-1:s3 -H x-amz-content-sha256:UNSIGNED-PAYLOAD"
up() { $curl $sign -o /dev/null -T big $base/bench/app/big; }
down() { $curl $sign -o /dev/null $base/bench/app/big; }
four() { for p in 1 2 3 4; do "$@" $p & done; wait; }
put() { $curl $sign -T small "$base/bench/app/$1-[1-${objects / 4}]"; }
get() { $curl $sign -o /dev/null "$base/bench/app/$1-[1-${objects / 4}]"; }
puts() { four put; }
gets() { four get >/dev/null; }
timed() { a=$(date +%s%N); $1; b=$(date +%s%N); echo $1 $((b - a)); }
for i in $(seq ${rounds}); do timed up; timed down; done
timed puts; timed gets; rm big`

/** 1 GiB and 10,000 small objects to a store and back, straight and through the gateway. */
export async function benchS3(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-s3-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const store = await startStore()
  started.defer(() => store.close())
  const { dial, ca } = store
  const prod = {
    ...{ kind: 'aws', url: `https://${host}`, account: '123456789012', regions: ['eu-west-1'], dial, ca },
    credential: { basic: 'secret:store' },
  }
  const stage = started.use(
    await setStage({
      policy: (text) =>
        extendPolicy(text, {
          connections: { prod },
          grants: {
            release: ['aws:call prod/s3:PutObject/bench/app/*', 'aws:read prod/s3:GetObject/bench/app/*'],
          },
        }),
    }),
  )
  await stage.operate(['secret', 'set', 'store'], 'AKIDOFTHESTORE00:a-secret-of-the-store')
  const direct = await promisify(execFile)('bash', ['-c', script], {
    cwd: folder,
    maxBuffer: 1e8,
    env: { ...process.env, base: `https://${dial}`, curl: `curl -fsSk --http1.1 -u x:y` },
  })
  const status = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${stage.up.pid}/status`, 'utf8'))?.[1])
  const beforeKb = status('VmRSS')
  writeFileSync(`/proc/${stage.up.pid}/clear_refs`, '5')
  const curl = 'curl -fsS --http1.1 -u MAYFLY_prod:held-by-the-gateway'
  const ran = await stage.runJob(
    ['run', '--role', 'release', '--', 'bash', '-c', `base=https://${host}; curl='${curl}'; ${script}`],
    stage.jobEnvironment(),
  )
  if (ran.exitCode !== 0) throw new Error(ran.stderr)
  const memoryMb = (status('VmHWM') - beforeKb) / 1024
  return [
    ...(['up', 'down', 'puts', 'gets'] as const).map((way) => compare(way, direct.stdout, ran.stdout)),
    {
      name: 'memory of the gateway for it, with what Node leaves to collect',
      value: memoryMb,
      unit: 'MB',
      target: `< ${mostMemoryMb} MB`,
      ok: memoryMb < mostMemoryMb,
    },
  ]
}

/** The least server: it takes everything, and gives zeros. */
async function startStore() {
  const { ca, cert, key } = await makeCertificate(host)
  const piece = Buffer.alloc(65_536)
  const server = createServer({ cert, key }, (request, response) => {
    request.resume()
    request.on('end', () => {
      const bytes =
        request.method !== 'GET' ? 0 : request.url === '/bench/app/big' ? mebibytes * 2 ** 20 : objectBytes
      response.writeHead(200, { 'content-length': bytes })
      let left = bytes
      const more = () => {
        while (left > 0) {
          const next = piece.subarray(0, left)
          left -= next.length
          if (!response.write(next)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    ca,
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

const names = {
  up: 'an object of 1 GiB up, S3',
  down: 'an object of 1 GiB down, S3',
  puts: `${objects} objects of 4 KiB up on four connections, each recorded`,
  gets: `${objects} objects of 4 KiB down on four connections, each recorded`,
}

function compare(way: keyof typeof names, direct: string, through: string): BenchResult {
  const of = (text: string) =>
    median([...text.matchAll(new RegExp(`^${way} (\\d+)$`, 'gm'))].map(([, ns]) => Number(ns) / 1e9))
  const ratio = of(through) / of(direct)
  const most = way === 'up' || way === 'down' ? mostBulk : mostSmall
  return {
    name: names[way],
    value: of(through),
    unit: 's',
    ratio,
    against: `direct: ${of(direct).toFixed(2)} s`,
    target: `at most ${most}`,
    ok: ratio <= most,
  }
}

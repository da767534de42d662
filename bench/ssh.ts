import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setStage, type Stage } from '../demo/stage.ts'
import { inStep, workspaceOf } from '../test/clients/servers/python-step.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import { startSshd, type Sshd } from '../test/e2e/sshd.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 4
/** In all rounds together. */
const logins = 200
const most = 1.5
const mostOfBulk = 1.3
const host = 'web.example.org'
const rawHost = 'raw.example.org'

/** Milliseconds of each; `$ssh` and `$scp` are the tools with what they need, `$to` is whom they go to. */
const script = (mebibytes: number) => `set -e
timed() { a=$(date +%s%N); "\${@:2}"; b=$(date +%s%N); echo "$1: $(((b - a) / 1000000))"; }
many() { for i in $(seq ${logins / rounds}); do $ssh $to echo >/dev/null; done; }
[ -e big ] || head -c ${mebibytes}M /dev/zero >big
timed login many
timed up $scp -q big $to:$site/big
timed down $scp -q $to:$site/big back; rm -f back`

type Way = 'direct' | 'ssh' | 'tcp'

/** Logins and large files to OpenSSH's own server: straight, from a step, and from a step as bytes that the gateway does not read. */
export async function benchSsh(): Promise<BenchResult[]> {
  const mebibytes = process.argv.includes('--full') ? 1_024 : 256
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-ssh-'))
  chmodSync(folder, 0o755)
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const sshd = await startBenched(folder)
  started.defer(() => sshd[Symbol.dispose]())
  const site = join(folder, 'site')
  mkdirSync(site)
  chmodSync(site, 0o777)
  const stage = started.use(await setStage({ policy: (text) => withHost(text, sshd, site) }))
  await stage.operate(['secret', 'set', 'bench-ca'], readFileSync(join(folder, 'ca'), 'utf8'))
  const workspaces = { ssh: workspaceOf({ stage }), tcp: workspaceOf({ stage }) }
  for (const name of ['key', 'key-cert.pub'])
    writeFileSync(join(workspaces.tcp, name), readFileSync(join(folder, name)), { mode: 0o600 })
  const figures: Record<Way, Record<string, number[]>> = { direct: {}, ssh: {}, tcp: {} }
  const take = (way: Way, said: string) => {
    for (const [, name = '', ms] of said.matchAll(/^(\w+): (\d+)$/gm))
      figures[way][name] = [...(figures[way][name] ?? []), Number(ms)]
  }
  const status = memoryOf(stage)
  const text = script(mebibytes)
  // By the key exchange that the gateway has: OpenSSH's own hybrid one takes longer than all the rest of a login.
  const kex = '-o KexAlgorithms=curve25519-sha256'
  const own = `${kex} -o IdentityFile=key -o CertificateFile=key-cert.pub -o IdentitiesOnly=yes -o StrictHostKeyChecking=no`
  const toRaw = `o="-F none ${own} -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes"; site=${site}`
  for (let round = 0; round < rounds; round++) {
    const direct = `${toRaw}; ssh="ssh $o -p ${sshd.port}"; scp="scp $o -P ${sshd.port}"; to=${sshd.user}@127.0.0.1`
    take('direct', (await promisify(execFile)('bash', ['-c', `${direct}\n${text}`], { cwd: folder })).stdout)
    const ran = {
      ssh: `ssh=ssh; scp=scp; site=${site}; to=${sshd.user}@${host}`,
      tcp: `${toRaw}; ssh="ssh $o"; scp="scp $o"; to=${sshd.user}@${rawHost}`,
    }
    for (const way of ['ssh', 'tcp'] as const) {
      const { exitCode, stdout, stderr } = await inStep(
        { stage },
        'release',
        ['ssh'],
        workspaces[way],
        `${ran[way]}\n${text}`,
      )
      if (exitCode !== 0) throw new Error(`${stdout}${stderr}`)
      take(way, stdout)
    }
  }
  const memoryMb = status()
  const named = { login: `an SSH login, of ${logins}`, up: `scp of ${mebibytes} MiB up`, down: 'and down' }
  return [
    ...(['ssh', 'tcp'] as const).flatMap((way) =>
      Object.entries(named).map(([name, shown]) => compare(figures, way, name, shown)),
    ),
    { name: 'memory of the gateway meanwhile', value: memoryMb, unit: 'MB' },
  ]
}

function compare(
  figures: Readonly<Record<Way, Record<string, number[]>>>,
  way: 'ssh' | 'tcp',
  name: string,
  shown: string,
): BenchResult {
  const per = name === 'login' ? logins / rounds : 1
  const value = median(figures[way][name] ?? []) / per
  const ratio = value / (median(figures.direct[name] ?? []) / per)
  const limit = name === 'login' ? most : mostOfBulk
  const result = { name: `${shown}, ${way}`, value, unit: 'ms', ratio, against: 'direct' }
  return way === 'tcp' ? result : { ...result, target: `<= ${limit}`, ok: ratio <= limit }
}

/** By how much it grew at most since then, in MB. */
function memoryOf({ up }: Stage): () => number {
  const status = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${up.pid}/status`, 'utf8'))?.[1])
  const beforeKb = status('VmRSS')
  writeFileSync(`/proc/${up.pid}/clear_refs`, '5')
  return () => (status('VmHWM') - beforeKb) / 1024
}

async function startBenched(folder: string): Promise<Sshd> {
  const keygen = (...options: string[]) => execFileSync('ssh-keygen', ['-q', ...options], { cwd: folder })
  for (const name of ['ca', 'key']) keygen('-t', 'ed25519', '-N', '', '-f', name)
  keygen('-s', 'ca', '-I', 'bench', '-n', 'deploy', '-V', '-1m:+5h', 'key.pub')
  const sshd = await startSshd(readFileSync(join(folder, 'ca.pub'), 'utf8'), 'deploy\n')
  if (sshd === undefined) throw new Error('OpenSSH is not here (apt-get install openssh-server)')
  return sshd
}

function withHost(text: string, { port, user, hostKey }: Sshd, site: string): string {
  const dial = `127.0.0.1:${port}`
  const web = {
    ...{ kind: 'ssh', url: `ssh://${host}`, dial, host_keys: [hostKey] },
    credential: { 'ssh-certificate': { ca: 'secret:bench-ca', principals: ['deploy'] } },
  }
  const raw = { kind: 'tcp', url: `tcp://${rawHost}:22`, dial }
  const release = [`ssh:exec web/${user}/echo`, `ssh:write web/${user}${site}/*`, 'tcp:connect raw']
  return extendPolicy(text, { connections: { web, raw }, grants: { release } })
}

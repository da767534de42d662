import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { projectFolder, setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { engineEnvironment } from '../../src/runner/sandbox/engine.ts'
import { machineImage, machineOptions, prepareMachineImage } from '../../src/runner/sandbox/image.fixture.ts'

const grants = `trust: { issuer: ci, repository_id: "1296269" }\n    grants: [ "git:read git/octo-org/links" ]`

let stage: Stage
before(async () => {
  stage = await setStage({
    policy: (text) => `${text}  contained:\n    isolation: namespace-no-pid\n    ${grants}\n`,
  })
})
after(() => stage[Symbol.asyncDispose]())

const mayfly = join(projectFolder, 'bin/mayfly')
const path = `${join(projectFolder, 'bin')}:/usr/bin:/bin`
const skip =
  process.getuid?.() === 0
    ? undefined
    : 'the folder of this checkout is not shown to containers of an ordinary user'

/** A container as a CI starts one: masked /proc, podman's filter, the machine's programs. The host's network, where the server is. */
function inContainer(
  options: readonly string[],
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  const args = [
    ...['run', '--rm', '--network=host', ...machineOptions(projectFolder), ...variables, ...options],
    ...[machineImage, ...command],
  ]
  return new Promise((resolve) => {
    const child = execFile(
      '/usr/bin/podman',
      args,
      { env: engineEnvironment(), timeout: 90_000 },
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? 255, stdout, stderr }),
    )
  })
}

function notHere(t: TestContext): boolean {
  const why = skip ?? prepareMachineImage(t, projectFolder)
  if (why !== undefined) t.skip(why)
  return why !== undefined
}

const places = ['--tmpfs', '/workspace', '--tmpfs', '/tmp', '--workdir', '/workspace']
const own = ['/bin/sh', '-c', 'mkdir -m 700 step && cd step && exec "$@"', 'sh']

/** The line of its record that says how a step of this name was isolated. */
async function startOf(name: string, { stderr }: Ran): Promise<string> {
  const runId = /run_\w+/.exec(stderr)?.[0] ?? ''
  const began = new RegExp(`^.*step "${name}" began .*$`, 'm')
  let line: string | undefined
  // The log is written to disk a moment after its entries are durable.
  for (let tries = 0; tries < 60 && line === undefined; tries++) {
    if (tries > 0) await new Promise((next) => setTimeout(next, 100))
    const shown = await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--run', runId])
    line = began.exec(shown.stdout)?.[0]
  }
  return line ?? ''
}

for (const user of ['0:0', '65532:65532'])
  test(`in a container of podman a step of user ${user} runs in tier C, and doctor says what is missing for more`, async (t) => {
    if (notHere(t)) return
    const env = { ...jobVariables(), PATH: path, HOME: '/tmp' }
    const name = `step-${user.replace(':', '-')}`
    const looked = await inContainer([...places, '--user', user], [mayfly, 'doctor', '--json'], env)
    const { findings } = JSON.parse(looked.stdout) as {
      findings: { name: string; state: string; says: string; mend?: string }[]
    }
    const finding = findings.find(({ name }) => name === 'sandbox')
    if (finding?.says.includes('Landlock') === true) return t.skip(finding.says)
    assert.ok(finding !== undefined)
    assert.equal(finding.state, 'warn', finding.says)
    assert.match(finding.says, /^tier C .*Can't mount proc/)
    assert.equal(finding.mend, 'start the container with --security-opt unmask=ALL')
    const command =
      'echo made > made && cat made; cat /proc/1/environ; git clone -q https://git.example.com/octo-org/links got && ls got'
    const ran = await inContainer(
      [...places, '--user', user],
      [...own, mayfly, 'run', '--role', 'contained', '--name', name, '--', 'sh', '-c', command],
      env,
    )
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.match(ran.stdout, /^made\n[^]*README/)
    assert.match(ran.stderr, /environ: Permission denied/)
    assert.match(await startOf(name, ran), /isolation C \(without process-namespace\):/)
    const more = await inContainer(
      [...places, '--user', user],
      [...own, mayfly, 'run', '--role', 'build', '--', 'true'],
      env,
    )
    assert.equal(more.exitCode, 125)
    assert.match(more.stderr, /can only be isolated as "namespace-no-pid" here: .*unmask=ALL/)
  })

test('the pod of a Kubernetes Job, started by podman with the same settings, runs its step in tier B', async (t) => {
  if (notHere(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-pod-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const command = [
    'sh',
    '-c',
    'echo "$1"; id -u; git clone -q https://git.example.com/octo-org/links . && ls',
    'sh',
    '$(HOME) $$',
  ]
  const printed = await stage.runJob(
    [
      ...['run', '--isolation', 'kubernetes', '--policy', stage.policyFile, '--namespace', 'ci'],
      ...['--service-account', 'builder', '--image', machineImage, '--reach', '192.0.2.7:443'],
      ...['--role', 'build', '--name', 'pod', '--json', '--', ...command],
    ],
    { PATH: process.env['PATH'] ?? '', HOME: folder, MAYFLY_SERVER: stage.server },
  )
  assert.equal(printed.exitCode, 0, printed.stderr)
  const { items } = JSON.parse(printed.stdout) as { items: [unknown, Job] }
  const [container] = items[1].spec.template.spec.containers
  const token = join(folder, 'token')
  writeFileSync(token, await identityToken())
  // What the kubelet does: users of the pod's own, whose file it is.
  const firstId = 300_000
  for (const one of [folder, token]) chownSync(one, firstId + 65_532, firstId + 65_532)
  chmodSync(token, 0o600)
  const ran = await inContainer(
    [
      ...[...places, '--read-only', '--read-only-tmpfs=false', '--user', '65532:65532'],
      ...['--uidmap', `0:${firstId}:65536`, '--gidmap', `0:${firstId}:65536`, '--cap-drop=all'],
      ...['--security-opt=no-new-privileges', '--security-opt=unmask=ALL'],
      ...['--security-opt=seccomp=unconfined', '--volume', `${folder}:/var/run/mayfly:ro`],
    ],
    container.command.map(expanded),
    {
      ...Object.fromEntries(container.env.map(({ name, value }) => [name, expanded(value)])),
      PATH: path,
    },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stdout, /^\$\(HOME\) \$\$\n65532\n[^]*README/)
  assert.match(await startOf('pod', ran), /isolation B:/)
})

interface Job {
  readonly spec: {
    template: { spec: { containers: [{ command: string[]; env: { name: string; value: string }[] }] } }
  }
}

/** As the kubelet does, where nothing but HOME is defined. */
function expanded(text: string): string {
  return text.replaceAll(/\$(\$|\([^)]*\))/g, (whole, next: string) => (next === '$' ? '$' : `(${whole})`))
}

const jobVariables = () =>
  Object.fromEntries(
    Object.entries(stage.jobEnvironment()).filter(([name]) => /^(?:ACTIONS_|MAYFLY_|GITHUB_|CI$)/.test(name)),
  )

async function identityToken(): Promise<string> {
  const env = stage.jobEnvironment()
  const url = `${env['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=${encodeURIComponent(stage.server)}`
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}` },
  })
  return ((await answer.json()) as { value: string }).value
}

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { projectFolder } from '../../demo/stage.ts'

const mayfly = join(projectFolder, 'bin/mayfly')
const policy = join(projectFolder, 'examples/mayfly.yaml')

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const { PATH = '' } = process.env
  return new Promise((resolve) => {
    const options = { env: { PATH, HOME: '/nonexistent', ...env }, timeout: 60_000 }
    const child = execFile(mayfly, ['run', ...args], options, (_error, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? 255, stdout, stderr }),
    )
  })
}

const asked = [
  ...['--isolation', 'kubernetes', '--server', 'https://mayfly.example.com', '--policy', policy],
  ...['--image', 'registry.example.com/ci:1', '--namespace', 'ci', '--service-account', 'builder'],
  ...['--reach', '192.0.2.7:443', '--role', 'build'],
]

/** What a shell, YAML, kubectl or the kubelet could take for something else. */
const hostile = ['echo', 'it\'s "$(HOME)" ${X}\n---\nkind: Pod\n', 'yes', '012', '- x: &a', '\u2028', '']

test('it prints a NetworkPolicy and a Job with the command as it is, and asks nobody for a token', async () => {
  const ran = await run([...asked, '--name', 'Build & test', '--env', 'MODE', '--', ...hostile], {
    MODE: 'fast\nmode',
  })
  assert.equal(ran.exitCode, 0, ran.stderr)
  const [network = {}, job = {}, ...more] = parseAllDocuments(ran.stdout, { version: '1.1' }).map(
    (document) => (document as { toJS(): Record<string, unknown> }).toJS(),
  )
  assert.equal(more.length, 0)
  assert.equal(network['kind'], 'NetworkPolicy')
  const { name } = job['metadata'] as { name: string }
  assert.match(name, /^mayfly-build-test-[0-9a-f]{10}$/)
  const text = JSON.stringify(job)
  assert.match(text, /"name":"MODE","value":"fast\\nmode"/)
  const [container] = (job['spec'] as { template: { spec: { containers: [{ command: string[] }] } } })
    .template.spec.containers
  assert.deepEqual(container.command.slice(4), [
    ...['mayfly', 'run', '--server', 'https://mayfly.example.com', '--role', 'build'],
    ...['--name=Build & test', '--lockfile=package-lock.json', '--env', 'MODE', '--'],
    ...hostile.map((part) => part.replaceAll('$', '$$$$')),
  ])
  const listed = await run([...asked, '--json', '--', 'true'])
  const list = JSON.parse(listed.stdout) as { kind: string; items: { kind: string }[] }
  assert.deepEqual([list.kind, ...list.items.map(({ kind }) => kind)], ['List', 'NetworkPolicy', 'Job'])
})

test('a role that there is not, a secret of the job, and its options without it are refused', async () => {
  const secret = { DEPLOY_TOKEN: 'mbq7Hk2xW9-vLr4Tz8' }
  const cases: readonly [args: readonly string[], why: RegExp][] = [
    [[...asked, '--role', 'nobody', '--', 'true'], /there is no role "nobody": there are /],
    [[...asked, '--', 'curl', secret.DEPLOY_TOKEN], /a secret of this job would stand in the Job/],
    [[...asked, '--env', 'DEPLOY_TOKEN', '--', 'true'], /leave --env DEPLOY_TOKEN out/],
    [[...asked, '--env', 'NO_SUCH', '--', 'true'], /this job has no such variable/],
    [['--role', 'build', '--reach', '192.0.2.7:443', '--', 'true'], /--reach is for --isolation kubernetes/],
    [['--role', 'build', '--service-account', 'x', '--', 'true'], /--service-account is for/],
  ]
  for (const [args, why] of cases) {
    const ran = await run(args, secret)
    assert.equal(ran.exitCode, 2, ran.stderr)
    assert.match(ran.stderr, why)
    assert.equal(ran.stdout, '')
    assert.doesNotMatch(ran.stderr, /mbq7Hk2xW9/)
  }
})

test('--submit hands the same to the cluster of the caller’s kubectl, which reads it as it is meant', async (t) => {
  if (!['/usr/bin/kubectl', '/usr/local/bin/kubectl'].some((path) => existsSync(path)))
    return t.skip('kubectl is not installed')
  const cluster = await startApi(t)
  const ran = await run([...asked, '--submit', '--', ...hostile], { KUBECONFIG: cluster.config })
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.deepEqual(
    cluster.made.map(({ path }) => path),
    ['/apis/networking.k8s.io/v1/namespaces/ci/networkpolicies', '/apis/batch/v1/namespaces/ci/jobs'],
  )
  const job = JSON.stringify(cluster.made[1]?.object)
  for (const part of hostile) assert.ok(job.includes(JSON.stringify(part.replaceAll('$', '$$$$'))), part)
  const refused = await run([...asked, '--submit', '--', 'true'], { KUBECONFIG: '/nonexistent' })
  assert.notEqual(refused.exitCode, 0)
})

/** That the server itself checks the fields of what it is sent: else kubectl does, by all of its schema. */
function openapiOf(groups: readonly { name: string; kind: string; plural: string }[]) {
  const parameters = [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }]
  return {
    ...{ openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1' } },
    paths: Object.fromEntries(
      groups.map(({ name: group, kind, plural }) => [
        `/apis/${group}/v1/namespaces/{namespace}/${plural}/{name}`,
        { patch: { parameters, 'x-kubernetes-group-version-kind': { group, kind, version: 'v1' } } },
      ]),
    ),
  }
}

/** As much of the API as `kubectl apply` needs to make two new objects. No cluster. */
async function startApi(t: TestContext) {
  const made: { path: string; object: unknown }[] = []
  const groups = [
    { name: 'networking.k8s.io', kind: 'NetworkPolicy', plural: 'networkpolicies' },
    { name: 'batch', kind: 'Job', plural: 'jobs' },
  ]
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const answer = (code: number, body: object) =>
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      const group = groups.find(({ name }) => path === `/apis/${name}/v1`)
      const version = (name: string) => ({ groupVersion: `${name}/v1`, version: 'v1' })
      if (request.method === 'POST') {
        const object = JSON.parse(text) as object
        made.push({ path, object })
        answer(201, object)
      } else if (path === '/openapi/v3')
        answer(200, {
          paths: Object.fromEntries(
            groups.map(({ name }) => [
              `apis/${name}/v1`,
              { serverRelativeURL: `/openapi/v3/apis/${name}/v1` },
            ]),
          ),
        })
      else if (path.startsWith('/openapi/v3/')) answer(200, openapiOf(groups))
      else if (path === '/api') answer(200, { kind: 'APIVersions', versions: [] })
      else if (path === '/apis')
        answer(200, {
          ...{ kind: 'APIGroupList', apiVersion: 'v1' },
          groups: groups.map(({ name }) => ({
            ...{ name, versions: [version(name)], preferredVersion: version(name) },
          })),
        })
      else if (group !== undefined)
        answer(200, {
          ...{ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group.name}/v1` },
          resources: [
            {
              ...{ name: group.plural, singularName: group.kind.toLowerCase(), namespaced: true },
              ...{ kind: group.kind, verbs: ['create', 'get', 'patch'] },
            },
          ],
        })
      else answer(404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 })
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-kubernetes-'))
  t.after(() => {
    server.close()
    server.closeAllConnections()
    rmSync(folder, { recursive: true })
  })
  const config = join(folder, 'config')
  const { port } = server.address() as AddressInfo
  writeFileSync(
    config,
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'it' },
      clusters: [{ name: 'it', cluster: { server: `http://127.0.0.1:${port}` } }],
      contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
      users: [{ name: 'it', user: {} }],
    }),
  )
  return { made, config }
}

test('a server that is the pod itself is told, and without a token the way by a file is named', async () => {
  const at = asked.indexOf('--server') + 1
  const here = await run([...asked.toSpliced(at, 1, 'http://127.0.0.1:7700'), '--', 'true'])
  assert.equal(here.exitCode, 0, here.stderr)
  assert.match(here.stderr, /in the pod http:\/\/127\.0\.0\.1:7700 is the pod itself: .*--server URL/)
  const unsigned = await run([...asked.toSpliced(asked.indexOf('--policy'), 2), '--', 'true'])
  assert.notEqual(unsigned.exitCode, 0)
  assert.match(
    unsigned.stderr,
    /read from the policy: name its file with --policy FILE, or sign in with mayfly login/,
  )
})

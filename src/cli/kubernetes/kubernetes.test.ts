import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import fc from 'fast-check'
import { parseAllDocuments } from 'yaml'
import { anyCharacter } from '../../lib/any-character.fixture.ts'
import { checkAsked } from './asked.ts'
import { yamlOf } from './index.ts'
import { jobOf, type JobFacts } from './job.ts'
import { networkPolicyOf } from './network-policy.ts'
import type { KubernetesOptions } from './options.ts'
import { placeOf } from './places.ts'

const schema = JSON.parse(
  readFileSync(new URL('../../../test/schemas/kubernetes-1.37.json', import.meta.url), 'utf8'),
) as object
// TypeScript sees the namespace of this CommonJS module, Node its default export.
const addFormats = formats as unknown as (ajv: Ajv2020) => Ajv2020
const ajv = addFormats(new Ajv2020({ allErrors: true, strict: false })).addSchema(schema, 'kubernetes')

function assertIs(kind: 'batch.v1.Job' | 'networking.v1.NetworkPolicy', object: unknown): void {
  const validate = ajv.getSchema(`kubernetes#/$defs/io.k8s.api.${kind}`)
  assert.ok(validate !== undefined)
  assert.ok(validate(object), JSON.stringify(validate.errors?.slice(0, 5)))
}

const facts: JobFacts = {
  ...{ name: 'mayfly-build-0011223344', namespace: 'ci', image: 'registry.example.com/ci@sha256:00' },
  ...{ serviceAccount: 'builder', seccomp: { type: 'Unconfined' }, network: 'mayfly-0011' },
  role: {
    ...{ name: 'build', memoryBytes: 2 ** 31, cpus: 1.5, diskBytes: 2 ** 33 },
    ...{ seconds: 600, graceSeconds: 10, waitSeconds: 0 },
  },
  audience: 'https://mayfly.example.com',
  env: { CI: 'true' },
  command: ['mayfly', 'run', '--', 'make', 'all'],
}

interface Pod {
  readonly [key: string]: unknown
  readonly containers: readonly [
    {
      readonly command: string[]
      readonly env: { name: string; value: string }[]
      readonly securityContext: Record<string, unknown>
      readonly resources: { limits: Record<string, string>; requests: Record<string, string> }
      readonly volumeMounts: { name: string; mountPath: string }[]
    },
  ]
}

function podOf(job: Record<string, unknown>): Pod {
  return (job['spec'] as { template: { spec: Pod } }).template.spec
}

test('the Job is what the API’s schema takes, and its pod has no right that the step does not need', () => {
  const job = jobOf(facts)
  assertIs('batch.v1.Job', job)
  const spec = job['spec'] as Record<string, unknown>
  assert.deepEqual([spec['backoffLimit'], spec['ttlSecondsAfterFinished']], [0, 3_600])
  assert.equal(spec['activeDeadlineSeconds'], 900 + 600 + 10)
  const pod = podOf(job)
  const { restartPolicy, hostUsers, automountServiceAccountToken, enableServiceLinks } = pod
  assert.deepEqual(
    { restartPolicy, hostUsers, automountServiceAccountToken, enableServiceLinks },
    {
      restartPolicy: 'Never',
      hostUsers: false,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    },
  )
  assert.deepEqual(pod['securityContext'], {
    ...{ runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532 },
    seccompProfile: { type: 'Unconfined' },
  })
  const [container] = pod.containers
  assert.deepEqual(container.securityContext, {
    ...{ allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true },
    ...{ capabilities: { drop: ['ALL'] }, procMount: 'Unmasked', appArmorProfile: { type: 'Unconfined' } },
  })
  // The role's limits and what `mayfly run` itself takes.
  assert.deepEqual(container.resources.limits, {
    memory: String(2 ** 31 + 2 ** 29),
    'ephemeral-storage': String(2 ** 33 + 2 ** 28),
    cpu: '1500m',
  })
  assert.deepEqual(pod['volumes'], [
    { name: 'workspace', emptyDir: { sizeLimit: String(2 ** 33) } },
    { name: 'tmp', emptyDir: { sizeLimit: String(2 ** 28) } },
    {
      name: 'identity',
      projected: {
        sources: [
          {
            serviceAccountToken: {
              path: 'token',
              audience: 'https://mayfly.example.com',
              expirationSeconds: 600,
            },
          },
        ],
      },
    },
  ])
  const tokenFile = container.env.find(({ name }) => name === 'MAYFLY_ID_TOKEN_FILE')?.value
  const mount = container.volumeMounts.find(({ name }) => name === 'identity')
  assert.equal(tokenFile, `${mount?.mountPath}/token`)
})

test('the schema finds what is wrong: a key that there is not, and a number in the place of a text', () => {
  const validate = ajv.getSchema('kubernetes#/$defs/io.k8s.api.batch.v1.Job')
  const job = jobOf(facts)
  for (const wrong of [
    { ...podOf(job), hostUser: false },
    { ...podOf(job), restartPolicy: 0 },
  ])
    assert.equal(validate?.({ ...job, spec: { template: { spec: wrong } } }), false)
})

test('a NetworkPolicy lets the pod to the places that are named and to name servers, and nobody to it', () => {
  const reach = ['192.0.2.7:7700', '192.0.2.0/28:7701', '[2001:db8::7]:443', 'namespace/mayfly:7700'].map(
    (text) => placeOf('--reach', text),
  )
  const dns = [placeOf('--dns', 'namespace/kube-system:53')]
  const { name, object } = networkPolicyOf('ci', reach, dns)
  assertIs('networking.v1.NetworkPolicy', object)
  const inNamespace = (of: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': of } },
  })
  assert.deepEqual(object['spec'], {
    podSelector: { matchLabels: { 'mayfly-network': name } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
    egress: [
      { to: [{ ipBlock: { cidr: '192.0.2.7/32' } }], ports: [{ protocol: 'TCP', port: 7_700 }] },
      { to: [{ ipBlock: { cidr: '192.0.2.0/28' } }], ports: [{ protocol: 'TCP', port: 7_701 }] },
      { to: [{ ipBlock: { cidr: '2001:db8::7/128' } }], ports: [{ protocol: 'TCP', port: 443 }] },
      { to: [inNamespace('mayfly')], ports: [{ protocol: 'TCP', port: 7_700 }] },
      {
        to: [inNamespace('kube-system')],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  })
  assert.equal(networkPolicyOf('ci', reach, dns).name, name)
  assert.notEqual(networkPolicyOf('ci', reach.slice(1), dns).name, name)
})

const places: readonly [text: string, why: RegExp][] = [
  ['mayfly.example.com:443', /knows no host names/],
  ['192.0.2.7', /write ADDRESS:PORT/],
  ['192.0.2.7:0', /write ADDRESS:PORT/],
  ['192.0.2.7:65536', /write ADDRESS:PORT/],
  ['2001:db8::7:443', /write ADDRESS:PORT/],
  ['[192.0.2.7]:443', /knows no host names/],
  ['0.0.0.0/0:443', /may reach everything/],
  ['[::/0]:443', /may reach everything/],
  ['192.0.2.0/33:443', /1 to 32 bits/],
  ['192.0.2.0/8/8:443', /knows no host names/],
  ['namespace/:443', /no name of a namespace/],
  ['namespace/Mayfly:443', /no name of a namespace/],
]

for (const [text, why] of places)
  test(`--reach ${text} is refused`, () => assert.throws(() => placeOf('--reach', text), why))

test('no text that a user gives becomes YAML, or is expanded by the kubelet: it comes out as it went in', () => {
  const hostile = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.constantFrom(
      ...['a\n---\nkind: Pod', '"quoted" \'both\'', '- x: &a *a', '${X} $(HOME) $$(HOME) $', 'yes', '012'],
      ...['{{ .Values }}', 'null', '\u2028x\u0085y', '\t', ' lead and trail ', '#', '1:30', '', '\uFEFF'],
      ...['x'.repeat(2_000), 'long words '.repeat(200), 'a\r\nb\n\n c\n'],
    ),
  )
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 5 }), fc.dictionary(hostile, hostile), (command, env) => {
      const job = jobOf({ ...facts, env, command })
      const documents = parseAllDocuments(yamlOf([networkPolicyOf('ci', [], []).object, job]), {
        version: '1.1',
        merge: false,
      })
      assert.equal(documents.length, 2)
      const read = (documents[1] as { toJS(): Record<string, unknown> }).toJS()
      assert.deepEqual(read, JSON.parse(JSON.stringify(job)))
      const [container] = podOf(read).containers
      assert.deepEqual(container.command.slice(4).map(expanded), command)
      const values = new Map(container.env.map(({ name, value }) => [name, expanded(value)]))
      for (const [name, value] of Object.entries(env))
        if (name !== 'HOME' && name !== 'MAYFLY_ID_TOKEN_FILE') assert.equal(values.get(name), value)
    }),
  )
})

/** As the kubelet does (k8s.io/kubernetes/third_party/forked/golang/expansion), where no variable is defined. */
function expanded(text: string): string {
  return text.replaceAll(/\$(\$|\([^)]*\))/g, (whole, next: string) =>
    next === '$' ? '$' : `expanded ${whole}`,
  )
}

const standard: KubernetesOptions = {
  ...{ name: 'run', workspace: '.', lockfile: 'package-lock.json', stdin: false, checkout: false },
  ...{ sharedWorkspace: false, json: false },
  ...{ role: 'build', image: 'ci:1', namespace: 'ci', serviceAccount: 'builder' },
  reach: ['192.0.2.7:7700'],
}

const refused: readonly [what: string, options: Partial<KubernetesOptions>, why: RegExp][] = [
  ['a pipeline file', { file: 'pipeline.yaml' }, /leave --file out/],
  ['a workspace of the caller’s', { workspace: '/srv/app' }, /leave --workspace out/],
  ['a checkout', { checkout: true }, /clone in the command/],
  ['standard input', { stdin: true }, /leave --stdin out/],
  ['services', { service: ['5432'] }, /leave --service out/],
  ['an image that is an option', { image: '--privileged' }, /say which image/],
  ['an image with a line break', { image: 'ci\n---\nkind: Pod' }, /say which image/],
  ['a namespace that is none', { namespace: 'ci\nkind: Pod' }, /--namespace NAME/],
  ['a service account that is none', { serviceAccount: 'a..b' }, /--service-account NAME/],
  ['a role that is none', { role: 'Build' }, /--role ROLE/],
  ['nowhere to connect to', { reach: [] }, /--reach 192\.0\.2\.7:7700/],
  ['a profile outside of its folder', { seccomp: 'localhost/../x' }, /--seccomp localhost\/\.\.\/x/],
]

for (const [what, options, why] of refused)
  test(`refused: ${what}`, () => {
    assert.throws(() => checkAsked(['true'], { ...standard, ...options }), why)
  })

test('what is left out is the safe thing, and a profile of the node is named by its file', () => {
  const asked = checkAsked(['true'], standard)
  assert.equal(asked.dns.length, 1)
  assert.deepEqual(asked.seccomp, { type: 'Unconfined' })
  assert.deepEqual(checkAsked(['true'], { ...standard, dns: ['none'] }).dns, [])
  assert.deepEqual(checkAsked(['true'], { ...standard, seccomp: 'localhost/mayfly.json' }).seccomp, {
    type: 'Localhost',
    localhostProfile: 'mayfly.json',
  })
  assertIs('batch.v1.Job', jobOf({ ...facts, seccomp: { type: 'Localhost', localhostProfile: 'x' } }))
  assert.throws(() => checkAsked([], standard), /say what to run/)
})

import { sha256Hex } from '../../lib/index.ts'
import type { StepFacts } from './facts.ts'

const startedMs = Date.UTC(2026, 10, 29, 6, 0, 1, 500)
export const digestOf = (digit: string) => digit.repeat(64)
const listOf = (path: string, sha256: string) => sha256Hex(`${sha256}  ${path}\n`)

/** A step that had one of everything. */
export const aStep: StepFacts = {
  server: { url: 'https://mayfly.example.com', version: '1.4.0' },
  run: { id: 'run_0123456789abcdefghjkmnpq', ci: { id: '9183', attempt: '1', job: 'release' } },
  session: { id: 'ses_0123456789abcdefghjkmnpq', issuedMs: startedMs - 1_500, roles: ['release'] },
  identity: {
    issuer: 'github',
    issuerUrl: 'https://token.actions.githubusercontent.com',
    attributes: {
      repository: 'octo-org/app',
      repository_id: '1296269',
      owner_id: '65781',
      ref: 'refs/tags/v1.2.0',
      commit: 'c0ffee5a4323abafb10abb68657d9d39f1a77505',
      workflow: '.github/workflows/release.yml',
      event: 'push',
      environment: 'production',
      runner: 'github-hosted',
      actor: 'mona',
      actor_id: '583231',
    },
    sourceUri: 'https://github.com/octo-org/app',
    person: 'per_0123456789abcdefghjkmnpq',
  },
  step: {
    id: 'stp_0123456789abcdefghjkmnpq',
    role: 'release',
    startedMs,
    finishedMs: startedMs + 42_000,
    reason: 'finished',
    outcome: 'success',
  },
  policy: { version: 7, sha256: digestOf('7') },
  grants: ['npm:publish npm/@octo/app', 'git:read github/octo-org/app'],
  egress: ['files.example.org:443'],
  services: [],
  approvals: [
    {
      id: 'apr_0123456789abcdefghjkmnpq',
      people: ['per_zyxwvtsrqpnmkjhgfedcba98'],
      atMs: startedMs - 60_000,
      of: 'session',
    },
  ],
  operations: {
    granted: [{ what: 'npm:publish npm/@octo/app', count: 1 }],
    denied: [{ what: 'host evil.example.net:443', count: 2, reason: 'egress_not_granted' }],
  },
  leases: [
    {
      id: 'lea_0123456789abcdefghjkmnpq',
      connection: 'npm',
      kind: 'static',
      grant: 'npm:publish npm/@octo/app',
      issuedMs: startedMs + 1_000,
      expiresMs: startedMs + 600_000,
      revokedMs: startedMs + 42_010,
      reason: 'finished',
    },
  ],
  materials: [
    {
      uri: 'pkg:npm/%40octo/core@1.0.0',
      digest: { sha256: digestOf('a'), sha512: digestOf('b').repeat(2) },
      by: 'lockfile',
      connection: 'npm',
    },
    {
      uri: 'pkg:golang/example.com/lib@v1.0.0',
      digest: { sha256: digestOf('0') },
      integrity: 'h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48=',
      by: 'sumdb',
      connection: 'go',
    },
  ],
  published: [
    { name: 'pkg:npm/%40octo/app@1.2.0', digest: `sha256:${digestOf('c')}`, connection: 'npm', bytes: 1_234 },
  ],
  log: { bytes: 4_321, sha256: digestOf('d') },
  reported: {
    name: 'publish',
    tier: 'B',
    command: 'npm publish',
    script: { text: 'npm pack\nnpm publish', of: 'run', sha256: digestOf('e') },
    workspace: { kind: 'fresh', id: 'w1' },
    exitCode: 0,
    durationMs: 41_900,
    limitsHeldBy: 'cgroup2',
    artifacts: [{ path: 'dist/app-1.2.0.tgz', sha256: digestOf('c'), bytes: 1_234 }],
    artifactsSha256: listOf('dist/app-1.2.0.tgz', digestOf('c')),
    inputs: [{ path: 'dist/index.js', sha256: digestOf('f'), bytes: 99 }],
    inputsSha256: listOf('dist/index.js', digestOf('f')),
  },
}

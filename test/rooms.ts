/**
 * Who may import whom. A room sees the rooms of its line and nothing else; it is entered through its `index.ts`, or one of
 * the further doors below. A folder with a line of its own is a room, too.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  // Leaves.
  lib: [],
  config: ['lib', 'kinds'],
  kinds: ['lib'],
  'http-client': ['lib'],
  clouds: ['lib', 'http-client'],
  mask: ['lib'],
  'ssh-keys': ['lib'],
  lockfiles: ['lib'],
  store: ['lib'],
  provenance: ['lib'],
  vault: ['lib', 'store', 'http-client', 'clouds', 'config'],
  honey: ['lib', 'config', 'store', 'vault'],
  'oidc-issuer': ['lib', 'config', 'store', 'vault'],
  logs: ['lib', 'store'],

  // What is decided, and by what.
  identity: ['lib', 'config'],
  connections: ['lib', 'kinds', 'config', 'audit/verify'],
  policy: ['lib', 'kinds', 'config'],
  rules: [
    ...['lib', 'config', 'connections', 'identity', 'policy', 'store', 'broker', 'oidc-issuer', 'honey'],
    'audit/client',
  ],
  credentials: [
    ...['ssh-keys', 'lib', 'kinds', 'config', 'connections', 'http-client', 'mask', 'oidc-issuer', 'clouds'],
  ],
  broker: [
    ...['lib', 'connections', 'credentials', 'identity', 'policy', 'store', 'vault', 'oidc-issuer'],
    'audit/client',
  ],

  // People.
  operators: ['lib', 'config', 'identity', 'store', 'rules', 'audit/client'],
  approval: ['lib', 'config', 'identity', 'store', 'broker', 'rules', 'operators', 'audit/client'],
  rotation: [
    ...['lib', 'config', 'store', 'vault', 'broker', 'rules', 'approval', 'http-client', 'credentials'],
    'audit/client',
  ],

  // The audit log: the verifier sees nobody, the log and the witness only what they are made of.
  'audit/verify': [],
  'audit/disk': ['lib', 'audit/verify'],
  'audit/serve': ['lib'],
  'audit/people': ['lib', 'audit/verify'],
  'audit/sign': ['audit/verify'],
  'audit/facts': ['audit/verify'],
  'audit/export': ['audit/verify', 'audit/facts'],
  'audit/sbom': ['lib', 'audit/verify'],
  'audit/search': ['lib', 'audit/verify', 'audit/facts'],
  'audit/log': ['lib', 'audit/verify', 'audit/sign', 'audit/disk', 'audit/serve', 'audit/people'],
  'audit/witness': ['lib', 'audit/verify', 'audit/sign', 'audit/disk', 'audit/serve'],
  'audit/client': ['lib', 'audit/verify', 'audit/people'],
  'audit/forward': ['lib', 'config', 'audit/verify', 'audit/disk', 'audit/export'],

  // The processes. A protocol sees neither the vault nor another protocol.
  gateway: [
    ...['lib', 'kinds', 'lockfiles', 'mask', 'connections', 'identity', 'policy', 'provenance', 'broker'],
    'honey',
    'ssh-keys',
    'audit/client',
    ...[
      'gateway/aws',
      'gateway/cargo',
      'gateway/debian',
      'gateway/egress',
      'gateway/git',
      'gateway/github',
      'gateway/gitlab',
      'gateway/go',
      'gateway/http',
    ],
    ...[
      'gateway/maven',
      'gateway/mysql',
      'gateway/npm',
      'gateway/oci',
      'gateway/postgres',
      'gateway/pypi',
      'gateway/redis',
      'gateway/requests',
      'gateway/rubygems',
      'gateway/ssh',
      'gateway/tcp',
      'gateway/upstream',
    ],
  ],
  'gateway/go': ['lib', 'kinds', 'lockfiles', 'policy', 'audit/verify', 'gateway'],
  'gateway/aws': ['lib', 'kinds', 'policy', 'gateway'],
  'gateway/cargo': ['lib', 'kinds', 'lockfiles', 'policy', 'gateway'],
  'gateway/debian': ['lib', 'kinds', 'lockfiles', 'gateway'],
  'gateway/egress': ['lib', 'connections'],
  'gateway/requests': ['lib', 'gateway'],
  'gateway/upstream': ['lib', 'broker', 'connections', 'gateway/egress', 'gateway/requests'],
  'gateway/web-socket': ['lib', 'gateway'],
  'gateway/git': ['lib', 'kinds', 'policy', 'gateway'],
  'gateway/mysql': ['lib', 'connections', 'policy', 'gateway'],
  'gateway/npm': ['lib', 'kinds', 'lockfiles', 'provenance', 'gateway'],
  'gateway/github': ['gateway'],
  'gateway/gitlab': ['gateway'],
  'gateway/http': ['gateway', 'gateway/web-socket'],
  'gateway/maven': ['lib', 'kinds', 'lockfiles', 'policy', 'gateway'],
  'gateway/oci': ['lib', 'kinds', 'policy', 'gateway'],
  'gateway/postgres': ['lib', 'connections', 'policy', 'gateway'],
  'gateway/pypi': ['lib', 'lockfiles', 'policy', 'provenance', 'gateway'],
  'gateway/redis': ['lib', 'kinds', 'connections', 'gateway'],
  'gateway/rubygems': ['lib', 'kinds', 'lockfiles', 'policy', 'gateway'],
  'gateway/ssh': ['lib', 'connections', 'ssh-keys', 'gateway'],
  'gateway/tcp': ['lib', 'gateway'],
  runner: ['lib', 'kinds', 'lockfiles', 'mask', 'config', 'identity'],
  server: [
    ...['lib', 'kinds', 'identity', 'policy', 'store', 'vault', 'logs', 'broker', 'gateway', 'audit/client'],
    ...['rules', 'operators', 'approval', 'oidc-issuer', 'honey', 'rotation'],
  ],
  cli: [
    'lib',
    'config',
    'policy',
    'rules',
    'runner',
    'audit/verify',
    'audit/facts',
    'audit/export',
    'audit/people',
    'audit/sbom',
    'audit/search',
  ],
  main: [
    ...[
      'lib',
      'config',
      'identity',
      'store',
      'vault',
      'logs',
      'broker',
      'gateway',
      'server',
      'cli',
      'http-client',
    ],
    ...['rules', 'operators', 'approval', 'oidc-issuer', 'honey', 'rotation'],
    ...['audit/verify', 'audit/client', 'audit/log', 'audit/witness', 'audit/forward'],
  ],
}

/** Files other than `index.ts` that others may import, and why. */
export const doors: Readonly<Record<string, string>> = {
  'config/environment.ts': '`mayfly run` starts without the schemas',
  'audit/verify/node.ts': 'reads folders; the rest of audit/verify runs in browsers',
  'gateway/byte-range.ts': 'reads a `Range` header',
  'gateway/collect.ts': 'reads a body within bounds',
  'gateway/exchange.ts': 'what a protocol is handed',
  'gateway/name-in-grant.ts': 'how grants write the name of a database',
  'gateway/permitted.ts': 'shapes of statements that are in the log already',
  'gateway/stream-exchange.ts': 'what a protocol of bytes is handed',
  'gateway/busy.ts': 'what an upstream that is busy says, for every protocol',
  'gateway/ask.ts': 'asks a registry, and goes where it sends on to',
  'gateway/follow.ts': 'redirects to storage hosts',
  'gateway/api-rules.ts': 'what a request of an API does, by a table',
  'gateway/graphql.ts': 'what a GraphQL document does',
  'gateway/plain-headers.ts': 'headers of a step that may go upstream',
  'gateway/reflection.ts': 'looks for a credential in what comes back',
  'gateway/pass-http.ts': 'passes a request of an HTTP API once its operations are known',
  'gateway/host-beside.ts': 'where an address leads that an upstream named',
  'gateway/plain-target.ts': 'addresses in the one spelling in which they are compared',
  'gateway/numbered.ts': 'what a forge calls by a number',
  'gateway/once.ts': 'permits what names no resource yet',
  'gateway/turns.ts': 'publishes one thing at a time, for the protocols that have registries',
  'gateway/push-scanner.ts': 'what a scanner of pushes is told and answers',
  'gateway/trusted-publishing.ts': 'what a tool is given that asks for a token itself',
  'gateway/verified-body.ts': 'whether a digest can be relied on is told before anything is asked for',
  'lockfiles/bundle.ts': '`mayfly run` starts without the readers',
}

/** Rooms that import no package, and of Node only these modules. */
export const bare: Readonly<
  Record<string, { readonly node: readonly string[]; readonly in: readonly string[] }>
> = {
  'audit/verify': {
    node: ['node:fs', 'node:fs/promises', 'node:path'],
    in: ['audit/verify/node.ts', 'audit/verify/folder-source.ts', 'audit/verify/regular-file.ts'],
  },
}

import { formOf, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind, KnownConnection } from './kind.ts'
import { semver } from './semver.ts'

const packageName = formOf({
  rule: 'a package: NAME or @SCOPE/NAME',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:@(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)?(?!\.{1,2}$)[A-Za-z0-9._~-]+$/.test(name),
  fillers: ['x', '', '@x/x', '@x', '@', '/x', 'x/', '/', 'x/x'],
  mend: plainPath,
})

const heldByGateway = 'held-by-the-gateway'

export const npm = {
  about: 'An npm registry; steps install what their lockfiles pin.',
  transport: 'http',
  path: { form: packageName, noun: 'package', example: '@scope/name' },
  ref: { form: semver, noun: 'version', example: '1.*' },
  ecosystem: 'npm',
  attests: true,
  publisherVariable: 'NPM_ID_TOKEN',
  settings: ['signature_keys'],
  hosts: ['storage'],
  credentials: ['basic', 'bearer', 'github-app', 'gitlab-token', 'oauth-client', 'http-issuer'],
  actions: {
    'npm:install': { path: 'optional', ref: 'none', write: false },
    // Reads about any package, and what no lockfile pins: the registry's own digest is held then.
    'npm:resolve': { path: 'optional', ref: 'none', write: false, includes: ['npm:install'] },
    // A new version, and the tags that name it.
    'npm:publish': {
      path: 'required',
      ref: 'optional',
      write: true,
      includes: ['npm:stage'],
      brings: 'artifact',
    },
    // Sends one there that nobody gets before a person approves it, with a second factor.
    'npm:stage': { path: 'required', ref: 'optional', write: true },
  },
  variables: variablesOf,
  settingsFiles: (connections) =>
    connections.length === 0
      ? []
      : [{ name: 'npmrc', variable: 'NPM_CONFIG_GLOBALCONFIG', text: npmrcOf(connections) }],
  // npm takes the first of these two where there are both.
  lockfiles: [
    'npm-shrinkwrap.json',
    'package-lock.json',
    'pnpm-lock.yaml',
    'yarn.lock',
    'bun.lock',
    'deno.lock',
  ],
} as const satisfies Kind

/**
 * How npm, pnpm, yarn and bun find their registries: one is the default if it is the only one, or the only one that does not say
 * which packages it serves; one that serves a scope (`@octo/*`) is that scope's.
 */
function variablesOf(connections: readonly KnownConnection[]): Record<string, string> {
  const open = connections.filter(({ only }) => only === undefined)
  const [first, ...others] = connections.length === 1 ? connections : open
  return Object.assign(
    first === undefined || others.length > 0 ? {} : ofDefault(first.url),
    ...connections
      .flatMap(settingsOf)
      .map(([name, value]): Record<string, string> => ({ [`npm_config_${name}`]: value })),
  ) as Record<string, string>
}

/** npm's own settings for a registry. */
function settingsOf({ url, only = [] }: KnownConnection): [name: string, value: string][] {
  const scopes = only.flatMap((pattern) => /^(?<scope>@[^/*]+)\/\*$/.exec(pattern)?.groups?.['scope'] ?? [])
  return [
    // No tool publishes without a token, whatever it is: the gateway leaves it out and adds the connection's.
    [`${url.replace(/^https?:/, '').replace(/\/*$/, '/')}:_authToken`, heldByGateway],
    ...scopes.map((scope): [string, string] => [`${scope}:registry`, url]),
  ]
}

/** As npm's global configuration: what a project or user says counts more. */
function npmrcOf(connections: readonly KnownConnection[]): string {
  return connections
    .flatMap(settingsOf)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function ofDefault(url: string): Record<string, string> {
  return {
    // npm, yarn 1 and bun; then those that look for names of their own, as corepack does, by which pnpm and yarn come.
    NPM_CONFIG_REGISTRY: url,
    pnpm_config_registry: url,
    YARN_NPM_REGISTRY_SERVER: url,
    // It puts a path behind it.
    COREPACK_NPM_REGISTRY: url.replace(/\/+$/, ''),
    YARN_NPM_AUTH_TOKEN: heldByGateway,
    // bun's; by its other name, NPM_CONFIG_TOKEN, npm would warn of it at every command.
    BUN_CONFIG_TOKEN: heldByGateway,
    NPM_AUTH_TOKEN: heldByGateway,
  }
}

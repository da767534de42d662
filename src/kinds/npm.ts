import { formOf, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'
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
  settings: ['signature_keys'],
  hosts: ['storage'],
  credentials: ['basic', 'bearer'],
  actions: {
    'npm:install': { path: 'optional', ref: 'none', write: false },
    // Reads about any package, and what no lockfile pins: the registry's own digest is held then.
    'npm:resolve': { path: 'optional', ref: 'none', write: false, includes: ['npm:install'] },
    // A new version, and the tags that name it.
    'npm:publish': { path: 'required', ref: 'optional', write: true },
  },
  variables: ([first, ...others]) =>
    first === undefined || others.length > 0
      ? {}
      : {
          // npm, yarn 1 and bun; then those that look for names of their own.
          NPM_CONFIG_REGISTRY: first.url,
          pnpm_config_registry: first.url,
          YARN_NPM_REGISTRY_SERVER: first.url,
          // No tool publishes without a token, whatever it is: the gateway leaves it out and adds the connection's.
          [`npm_config_${first.url.replace(/^https?:/, '').replace(/\/*$/, '/')}:_authToken`]: heldByGateway,
          YARN_NPM_AUTH_TOKEN: heldByGateway,
          NPM_CONFIG_TOKEN: heldByGateway,
          NPM_AUTH_TOKEN: heldByGateway,
        },
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

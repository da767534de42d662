import { formOf } from '../lib/index.ts'
import type { Kind, KnownConnection } from './kind.ts'
import { semver } from './semver.ts'

/** In lower case, as the index spells it in its paths: registries take no second crate that differs in case alone. */
const crate = formOf({
  rule: 'a crate’s name in lower case: up to 64 of a-z, 0-9, - and _',
  // The registry's configuration is of no crate.
  is: (name) => /^(?:[a-z_][a-z0-9_-]{0,63})?$/.test(name),
  fillers: ['x', ''],
  mend: (pattern) => pattern.toLowerCase(),
})

export const cargo = {
  about: 'A Cargo registry with a sparse index; steps build with what their Cargo.lock pins.',
  transport: 'http',
  ecosystem: 'cargo',
  hosts: ['storage'],
  path: { form: crate, noun: 'crate', example: 'name' },
  ref: { form: semver, noun: 'version', example: '1.*' },
  credentials: ['basic', 'bearer', 'header', 'http-issuer'],
  actions: {
    'cargo:download': { path: 'optional', ref: 'optional', write: false },
    // What no Cargo.lock pins yet: the index's own checksum is held then.
    'cargo:resolve': { path: 'optional', ref: 'none', write: false, includes: ['cargo:download'] },
    // Adds versions; never one that is there.
    'cargo:publish': { path: 'required', ref: 'required', write: true, brings: 'artifact' },
  },
  variables: (connections) => Object.assign({}, ...connections.map(variablesOf)) as Record<string, string>,
  lockfiles: ['Cargo.lock'],
} as const satisfies Kind

/** cargo publishes only with a token in its hands: this is none, and is taken off on the way. */
const standIn = 'added-by-the-gateway'

/** Registries by the names of their connections, as `registry = "NAME"` in Cargo.toml says; crates.io is found by itself. */
function variablesOf({ name, url }: KnownConnection): Record<string, string> {
  const key = `CARGO_REGISTRIES_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
  return {
    CARGO_REGISTRY_TOKEN: standIn,
    [`${key}_INDEX`]: `sparse+${url.replace(/\/*$/, '/')}`,
    [`${key}_TOKEN`]: standIn,
  }
}

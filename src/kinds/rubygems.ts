import { formOf } from '../lib/index.ts'
import type { Kind, KnownConnection } from './kind.ts'

const gem = formOf({
  rule: 'a gem: letters, digits, -, _ and .',
  // The list of all names is of no gem.
  is: (name) => name === '' || (name.length <= 200 && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)),
  fillers: ['x', ''],
})

const version = formOf({
  rule: 'a version without its platform, such as 1.4.0 or 2.0.0.rc1',
  is: (name) => name.length <= 100 && /^[0-9]+(?:\.[0-9A-Za-z]+)*$/.test(name),
  fillers: ['1', '', '1.', '.1', '1.1'],
  mend: (pattern) => pattern.replace(/^v(?=\d)/, ''),
})

export const rubygems = {
  about: 'A registry of Ruby gems with a compact index; steps install what their Gemfile.lock pins.',
  transport: 'http',
  ecosystem: 'gem',
  hosts: ['storage'],
  // For rubygems.org bundler and gem ask index.rubygems.org, and for its files the host itself.
  opensStorage: true,
  path: { form: gem, noun: 'gem', example: 'octo-core' },
  ref: { form: version, noun: 'version', example: '1.*' },
  credentials: ['basic', 'bearer', 'header', 'http-issuer'],
  actions: {
    'rubygems:install': { path: 'optional', ref: 'optional', write: false },
    // What no Gemfile.lock pins yet: the index's own checksum is held then.
    'rubygems:resolve': { path: 'optional', ref: 'none', write: false, includes: ['rubygems:install'] },
    // Adds versions; never one that is there.
    'rubygems:publish': { path: 'required', ref: 'required', write: true, brings: 'artifact' },
  },
  variables: ([first, ...others]) => (first === undefined || others.length > 0 ? {} : variablesOf(first)),
  lockfiles: ['Gemfile.lock', 'gems.locked'],
} as const satisfies Kind

/** gem pushes only with a key in its hands: this is none, and is taken off on the way. */
function variablesOf({ url }: KnownConnection): Record<string, string> {
  return { RUBYGEMS_HOST: url.replace(/\/+$/, ''), GEM_HOST_API_KEY: 'added-by-the-gateway' }
}

import { formOf } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind, KnownConnection } from './kind.ts'

const project = formOf({
  rule: 'a project by its normalised name (PEP 503): lower case, with single - and neither _ nor .',
  is: (name) => name.length <= maxPathChars && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name),
  fillers: ['x', '', 'x-x'],
  mend: (pattern) => pattern.toLowerCase().replaceAll(/[-_.]+/g, '-'),
})

const version = formOf({
  rule: 'a version as PEP 440 writes it, such as 1.4.0 or 2.0rc1: lower case, without v, - and _',
  is: (name) => name.length <= 128 && /^[0-9][0-9a-z]*(?:[.!+][0-9a-z]+)*$/.test(name),
  fillers: ['1', ''],
  mend: (pattern) =>
    pattern
      .toLowerCase()
      .replace(/^v(?=\d)/, '')
      .replaceAll(/[-_](?=rc|a|b|post|dev)/g, ''),
})

export const pypi = {
  about: 'A Python package index; steps install what their lockfile pins by hash.',
  transport: 'http',
  ecosystem: 'pypi',
  attests: true,
  publisherVariable: 'PYPI_ID_TOKEN',
  path: { form: project, noun: 'project', example: 'octo-core' },
  ref: { form: version, noun: 'version', example: '1.*' },
  urlEnds: ['/+simple', '/simple'],
  hosts: ['storage', 'token_host'],
  opensStorage: true,
  escapes: '+',
  credentials: ['basic', 'bearer', 'header', 'gitlab-token', 'http-issuer'],
  actions: {
    'pypi:install': { path: 'optional', ref: 'optional', write: false },
    // What no lockfile pins yet, by the index's own hashes: for whoever adds a dependency.
    'pypi:resolve': { path: 'optional', ref: 'optional', write: false, includes: ['pypi:install'] },
    'pypi:publish': { path: 'required', ref: 'required', write: true, brings: 'artifact' },
  },
  variables: ([first, ...others]) => (first === undefined || others.length > 0 ? {} : variablesOf(first)),
  lockfiles: [
    'requirements*.txt',
    '*requirements.txt',
    'requirements/*.txt',
    'poetry.lock',
    'uv.lock',
    'pdm.lock',
    'Pipfile.lock',
    'pylock.toml',
    'pylock.*.toml',
  ],
} as const satisfies Kind

/** Publishers will not begin without a name and a password: these are no secret, and the gateway leaves them out. */
function variablesOf({ url }: KnownConnection): Record<string, string> {
  const written = url.replace(/\/+$/, '')
  const base = written.replace(/\/\+?simple$/, '')
  const { hostname } = new URL(url)
  const index = written === base ? `${base}/simple` : written
  return {
    PIP_INDEX_URL: index,
    UV_DEFAULT_INDEX: index,
    PDM_PYPI_URL: index,
    // Whether there is a newer pip or pdm: a package that no lockfile pins would be refused.
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PDM_CHECK_UPDATE: '0',
    ...(/(?:^|\.)pypi\.org$/.test(hostname)
      ? {}
      : { TWINE_REPOSITORY_URL: `${base}/`, UV_PUBLISH_URL: `${base}/` }),
    TWINE_USERNAME: standIn,
    TWINE_PASSWORD: standIn,
    UV_PUBLISH_USERNAME: standIn,
    UV_PUBLISH_PASSWORD: standIn,
  }
}

const standIn = 'mayfly'

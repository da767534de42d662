import type { KindName } from '../kinds/index.ts'

export type Level = 'read' | 'write' | 'admin'
export type Permissions = Readonly<Record<string, Level>>

/** What an action needs at GitHub; `also` is asked for where the App has it, and what it is for fails there where it has not. */
interface Needs {
  readonly needs: Permissions
  readonly also?: Permissions
  /** Whatever the App has: nobody knows what it needs. */
  readonly all?: true
}

const read: Needs = {
  needs: { metadata: 'read' },
  also: {
    contents: 'read',
    issues: 'read',
    pull_requests: 'read',
    actions: 'read',
    checks: 'read',
    statuses: 'read',
    deployments: 'read',
  },
}
const contents: Needs = { needs: { contents: 'write' } }
const packages: Needs = { needs: { packages: 'write' } }
const downloads: Needs = { needs: { packages: 'read' } }
const all: Needs = { needs: {}, all: true }

/**
 * By kind and word of an action. Source: GitHub's "Permissions required for GitHub Apps", REST API version 2022-11-28. Files of workflows
 * need `workflows`, which `git:push` alone does not ask for: it is named in `permissions`.
 */
const table: Partial<Record<KindName, Readonly<Record<string, Needs>>>> = {
  git: {
    read: { needs: { contents: 'read' } },
    push: contents,
    force: contents,
    delete: contents,
  },
  oci: {
    pull: downloads,
    list: downloads,
    catalog: downloads,
    push: packages,
    force: packages,
    delete: packages,
  },
  npm: { install: downloads, publish: packages },
  github: {
    read,
    query: read,
    search: read,
    comment: { needs: { issues: 'write' }, also: { pull_requests: 'write' } },
    issue: { needs: { issues: 'write' } },
    'pull-request': { needs: { pull_requests: 'write' }, also: { contents: 'read' } },
    merge: { needs: { pull_requests: 'write', contents: 'write' } },
    status: { needs: { statuses: 'write' }, also: { checks: 'write' } },
    deployment: { needs: { deployments: 'write' } },
    release: contents,
    contents,
    workflow: { needs: { contents: 'write', workflows: 'write' }, also: { actions: 'write' } },
    dispatch: { needs: { actions: 'write' }, also: { contents: 'write' } },
    secret: { needs: { secrets: 'write' }, also: { actions_variables: 'write', environments: 'write' } },
    'deploy-key': { needs: { administration: 'write' } },
    hook: { needs: { repository_hooks: 'write' } },
    'create-repository': { needs: { administration: 'write' } },
    mutation: all,
    admin: all,
  },
}

const rank = { read: 1, write: 2, admin: 3 } as const

/**
 * What to ask for: what the actions need, of what the App has there, and at most what configuration says. Or the permission that the App
 * lacks.
 */
export function permissionsFor(
  kind: KindName,
  words: readonly string[],
  installed: Permissions,
  most: Permissions | undefined,
): { ok: true; permissions: Permissions } | { ok: false; lacks: string } {
  const asked: Record<string, Level> = { metadata: 'read' }
  const add = (name: string, level: Level) => {
    const before = asked[name]
    if (before === undefined || rank[before] < rank[level]) asked[name] = level
  }
  const has = (name: string, level: Level) =>
    Object.hasOwn(installed, name) && rank[installed[name] ?? 'read'] >= rank[level]
  for (const word of words) {
    const { needs, also = {}, all: everything } = table[kind]?.[word] ?? { needs: {} }
    for (const [name, level] of Object.entries(needs)) {
      if (name !== 'metadata' && !has(name, level)) return { ok: false, lacks: `${name}: ${level}` }
      add(name, level)
    }
    for (const [name, level] of Object.entries(also)) if (has(name, level)) add(name, level)
    if (everything === true) for (const [name, level] of Object.entries(installed)) add(name, level)
  }
  // Whoever may push may push workflows where configuration says so.
  const push = kind === 'git' && words.some((word) => word !== 'read')
  if (push && most?.['workflows'] === 'write' && has('workflows', 'write')) add('workflows', 'write')
  return { ok: true, permissions: most === undefined ? asked : capped(asked, most) }
}

function capped(asked: Permissions, most: Permissions): Permissions {
  const kept = Object.entries(asked).flatMap(([name, level]): [string, Level][] => {
    if (name === 'metadata') return [[name, level]]
    const limit = Object.hasOwn(most, name) ? most[name] : undefined
    if (limit === undefined) return []
    return [[name, rank[limit] < rank[level] ? limit : level]]
  })
  return Object.fromEntries(kept)
}

/** Does `given` hold anything beyond `asked`? */
export function isBeyond(given: Readonly<Record<string, unknown>>, asked: Permissions): boolean {
  return Object.entries(given).some(([name, level]) => {
    const limit = Object.hasOwn(asked, name) ? asked[name] : undefined
    return limit === undefined || !isLevel(level) || rank[level] > rank[limit]
  })
}

export function isLevel(value: unknown): value is Level {
  return value === 'read' || value === 'write' || value === 'admin'
}

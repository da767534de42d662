import {
  asPattern,
  need,
  optionOf,
  plainWords,
  type CommandFacts,
  type Family,
  wordsWithout,
} from './command.ts'
import { valueOf } from './made-refs.ts'
import type { Need } from '../model.ts'

export const forges: readonly Family[] = [
  {
    programs: /^git$/,
    reaches({ words }, facts) {
      const at = words.findIndex((word) => /^(?:clone|fetch|pull|push|submodule|ls-remote|lfs)$/.test(word))
      const verb = words[at]
      if (verb === undefined) return { needs: [] }
      const rest = words.slice(at + 1)
      const place = targetOf(rest, facts)
      const read = { ...place, action: 'git:read', writes: false }
      return { needs: verb === 'push' ? [read, ...pushed(rest, place, facts)] : [read] }
    },
  },
  {
    programs: /^(?:gh|hub)$/,
    reaches({ words }, { repository }) {
      const [subject = '', verb = ''] = plainWords(wordsWithout(words, '--repo', '-R'))
      const path = asPattern(optionOf(words, '--repo', '-R') ?? repository.path)
      // `[HOST/]OWNER/REPO`, as gh takes it.
      const [, named, where = repository.path] =
        /^(?:([\w-]+(?:\.[\w-]+)+)\/)?([\w.-]+\/[\w.-]+)$/.exec(path) ?? []
      const other = named ?? optionOf(words, '--hostname')
      const host = other === undefined ? repository.host : `https://${other}`
      const one = need('github', ghAction(subject, verb), ghWrites(subject, verb), where)
      return { needs: [{ ...one, needsLogin: true, ...apiOf(host, 'https://github.com', '/api/v3') }] }
    },
  },
  {
    // Tags the version, and makes a release of it by the job's token: github.com/semantic-release/semantic-release, docs/usage/ci-configuration.md.
    programs: /^semantic-release$/,
    reaches(_, facts) {
      const { host, path } = facts.repository
      const release = host.includes('gitlab')
        ? { ...need('gitlab', 'gitlab:release', true, path), ...apiOf(host, 'https://gitlab.com', '') }
        : { ...need('github', 'github:release', true, path), ...apiOf(host, 'https://github.com', '/api/v3') }
      const place = { connection: 'git', path }
      return {
        needs: [
          { ...place, action: 'git:read', writes: false },
          { ...place, action: 'git:push', writes: true, ref: 'refs/tags/v*' },
          { ...release, needsLogin: true },
        ],
      }
    },
  },
  {
    programs: /^(?:glab|release-cli)$/,
    reaches({ program, words }, { repository }) {
      const [subject = '', verb = ''] = plainWords(words)
      const isRelease = program === 'release-cli' || (subject === 'release' && verb === 'create')
      return {
        needs: [
          {
            ...need('gitlab', isRelease ? 'gitlab:release' : 'gitlab:read', isRelease, repository.path),
            needsLogin: true,
            ...apiOf(repository.host, 'https://gitlab.com', ''),
          },
        ],
      }
    },
  },
]

type Place = Pick<Need, 'connection' | 'path' | 'url'>

/** The repository of an address; else the project's. Another host than the project's is a connection of its own. */
function targetOf(words: readonly string[], { repository }: CommandFacts): Place {
  for (const word of words) {
    const [, host, path] =
      /^https:\/\/(?:[^@/]{0,200}@)?([\w.:-]+)\/([\w./-]+?)(?:\.git)?\/?$/.exec(word) ?? []
    if (host === undefined || path === undefined) continue
    if (host === new URL(repository.host).host) return { connection: 'git', path }
    const connection = `git-${host.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60)
    return { connection, path, url: `https://${host}` }
  }
  return { connection: 'git', path: repository.path }
}

/** The API of a server of one's own; of the one that everybody has the connection knows it. */
function apiOf(host: string, everybodys: string, path: string): { readonly url?: string } {
  return host === everybodys ? {} : { url: `${host}${path}` }
}

const reading = /^(?:view|list|status|checks|diff|download|clone|watch|auth|)$/

function ghWrites(subject: string, verb: string): boolean {
  return ghAction(subject, verb) !== 'github:read'
}

function ghAction(subject: string, verb: string): string {
  if (subject === 'api' || subject === 'auth' || reading.test(verb)) return 'github:read'
  if (subject === 'pr') {
    if (verb === 'merge') return 'github:merge'
    return verb === 'comment' || verb === 'review' ? 'github:comment' : 'github:pull-request'
  }
  if (subject === 'issue') return verb === 'comment' ? 'github:comment' : 'github:issue'
  const actions: Readonly<Record<string, string>> = {
    release: 'github:release',
    workflow: 'github:dispatch',
    run: 'github:dispatch',
    secret: 'github:secret',
    variable: 'github:secret',
    gist: 'github:gist',
    label: 'github:issue',
  }
  return actions[subject] ?? 'github:read'
}

/** What a push moves, as far as its words say; each ref as narrow as they are. */
function pushed(words: readonly string[], place: Place, facts: CommandFacts): Need[] {
  const isDelete = words.includes('--delete') || words.includes('-d')
  const isForce = words.some((word) => /^(?:-f|--force|--force-with-lease\b.*)$/.test(word))
  const [, ...named] = plainWords(words)
  const whole = words.includes('--tags') || words.includes('--follow-tags') ? tagsOf(facts) : []
  // `git push origin tag NAME`.
  const refs = [
    ...named.flatMap((word, i) =>
      word === 'tag' && named[i + 1] !== undefined
        ? []
        : named[i - 1] === 'tag'
          ? refOf(`refs/tags/${word}`, facts)
          : refOf(word, facts),
    ),
    ...whole,
  ]
  const all = refs.length === 0 || words.includes('--follow-tags') ? [...refs, ...current(facts)] : refs
  return [...new Set(all)].map((ref) => {
    const action = isDelete
      ? 'git:delete'
      : isForce && !ref.startsWith('refs/tags/')
        ? 'git:force'
        : 'git:push'
    return { ...place, action, writes: true, ref }
  })
}

/** The branches that the script, or one before it, is on by `git checkout NAME`; else the one that was checked out. */
function current({ repository, refs, script = '' }: CommandFacts): string[] {
  const on = [...(refs?.branches ?? [])]
    .map((name) => asPattern(valueOf(name, script)))
    .filter((name) => /^(?!HEAD$|-$|[0-9a-f]{7,40}$)[\w/-]+$/.test(name))
  return (on.length === 0 ? [repository.defaultBranch] : on).map((name) => `refs/heads/${name}`)
}

/** Tags that the script makes; else versions. */
function tagsOf({ refs, script = '' }: CommandFacts): string[] {
  const made = [...(refs?.tags ?? [])].map((name) => tagRef(asPattern(valueOf(name, script))))
  return made.length === 0 ? ['refs/tags/v*'] : made
}

/** A bare `*` would be all of them: what is computed as a whole is a version more often than not. */
function tagRef(name: string): string {
  return `refs/tags/${/^\**$/.test(name) ? 'v*' : name}`
}

function refOf(word: string, { repository: { defaultBranch }, refs, script = '' }: CommandFacts): string {
  const named =
    word
      .replace(/^\+/, '')
      .split(/:(?![-+=?])/)
      .at(-1) ?? ''
  const to = asPattern(valueOf(named, script))
  if (to.startsWith('refs/') && !/^refs\/\*?$/.test(to)) return to.replace(/^(refs\/tags\/)\*$/, '$1v*')
  if (to === 'HEAD' || to === '') return `refs/heads/${defaultBranch}`
  if (refs?.tags.has(named) === true && !refs.branches.has(named)) return tagRef(to)
  if (refs?.branches.has(named) === true && !/^\**$/.test(to)) return `refs/heads/${to}`
  // A name that is computed is a version more often than a branch; and the narrower of the two.
  if (/^v?[\d*]/.test(to)) return `refs/tags/${to === '*' ? 'v*' : to}`
  return `refs/heads/${to}`
}

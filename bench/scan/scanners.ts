import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from '../../demo/stage.ts'
import { build, isBuilt, peers, programOf } from '../../test/clients/peers.ts'
import { readCredSweeper, readGitleaks, readKingfisher, readMayfly, type ToolFinding } from './finding.ts'
import { run, type Ran, type RunOptions } from './run.ts'

export type What = 'tree' | 'history' | 'staged'

export interface Scanner {
  readonly name: string
  /** Its arguments, and where its report goes; nothing where it has no such thing. The folder is the current one. */
  readonly command: (what: What, report: string) => readonly string[] | undefined
  readonly read: (report: string) => ToolFinding[]
}

/** Each as it comes, without its network: no verification, no check for updates, its own rules and filters. */
const all: readonly (Scanner & { readonly program: () => string | undefined })[] = [
  {
    name: 'mayfly',
    program: () => join(projectFolder, 'bin/mayfly'),
    command: (what) => {
      const which = { tree: ['.'], history: ['--history'], staged: ['--staged'] }[what]
      return ['scan', ...which, '--report', 'json']
    },
    read: readMayfly,
  },
  {
    name: 'gitleaks',
    program: () => peer('gitleaks'),
    command: (what, report) => {
      const which = { tree: ['dir', '.'], history: ['git', '.'], staged: ['git', '--staged', '.'] }[what]
      return [...which, '--no-banner', '--exit-code', '0', '-f', 'json', '-r', report]
    },
    read: readGitleaks,
  },
  {
    name: 'kingfisher',
    program: () => peer('kingfisher'),
    command: (what, report) => {
      const which = { tree: ['--git-history', 'none'], history: [], staged: ['--staged'] }[what]
      const quiet = ['--no-validate', '--no-update-check', '--no-dedup']
      return ['scan', '.', ...which, ...quiet, '-f', 'json', '-o', report]
    },
    read: readKingfisher,
  },
  {
    name: 'credsweeper',
    program: () => peer('credsweeper'),
    command: (what, report) =>
      what === 'tree' ? ['--path', '.', '--no-stdout', '--save-json', report] : undefined,
    read: readCredSweeper,
  },
]

export interface Skipped {
  readonly name: string
  readonly why: string
}

/** Those that are here. A peer that is not built is built; where that fails it is skipped, and the reason is said. */
export function scanners(names: readonly string[] = all.map(({ name }) => name)): (Scanner | Skipped)[] {
  return all
    .filter(({ name }) => names.includes(name))
    .map((scanner) => {
      try {
        const program = scanner.program()
        if (program === undefined) return { name: scanner.name, why: 'it is not built' }
        const command: Scanner['command'] = (what, report) => {
          const args = scanner.command(what, report)
          return args === undefined ? undefined : [program, ...args]
        }
        return { name: scanner.name, command, read: scanner.read }
      } catch (error) {
        return { name: scanner.name, why: error instanceof Error ? error.message.slice(0, 300) : 'unknown' }
      }
    })
}

export interface Scanned {
  readonly ran: Ran
  readonly findings: readonly ToolFinding[]
}

/** Runs it on a folder. Skipped where it has no such scan, or says that it has no such command. */
export async function scan(scanner: Scanner, what: What, options: RunOptions): Promise<Scanned | Skipped> {
  const scratch = mkdtempSync(join(tmpdir(), 'mayfly-bench-report-'))
  try {
    const report = join(scratch, 'report.json')
    const command = scanner.command(what, report)
    if (command === undefined) return { name: scanner.name, why: `it has no scan of that kind (${what})` }
    const ran = await run(command, options)
    if (ran.isStopped) return { ran, findings: [] }
    const text = reportText(report) ?? ran.stdout
    try {
      return { ran, findings: scanner.read(text) }
    } catch {
      const said = ran.stderr.trim().split('\n').slice(-4).join(' / ').slice(0, 300)
      return { name: scanner.name, why: `it gave no report, and ended with ${ran.code}: ${said}` }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export function isSkipped(one: object): one is Skipped {
  return 'why' in one
}

function reportText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function peer(name: string): string | undefined {
  const one = peers.find((known) => known.name === name)
  if (one !== undefined && !isBuilt(one)) build(one)
  return programOf(name)
}
